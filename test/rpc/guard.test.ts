/** RpcGuard.run: who is let through, what counts as what, and that every call ends once and leaves nothing behind. */

import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ConfigError,
  isAllowed,
  RateLimiter,
  RpcGuard,
  RpcRejection,
  RpcTimeout,
  type Settled,
} from '../../src/index.js';
import { engines } from '../engines.js';
import { drain, everything, openCircuit, thrownBy } from '../support.js';
import { deferred, rejectionOf, turn } from './support.js';

const never = () => new Promise<never>(() => {});

for (const { name, using } of engines) {
  const test = suite(`the guard (${name})`);

  /** A limiter whose clock stands where `at.ms` says, so that only the guard's own timers run. */
  function rig(options = {}) {
    const at = { ms: 0 };
    const limiter = new RateLimiter({
      maxRequestsPerSec: 10,
      burstSize: 20,
      circuitBreakerThreshold: 3,
      circuitBreakerTimeoutMs: 1_000,
      clock: () => at.ms,
      ...using,
      ...options,
    });
    return { at, limiter, guard: new RpcGuard(limiter, { timeoutMs: 20 }) };
  }

  const failuresOf = (limiter: RateLimiter) => [...limiter.peers()][0]?.failures;

  test('run returns what fn returned, sooner or later, and takes one token', async () => {
    const { limiter, guard } = rig();
    assert.is(await guard.run('peer', () => 7), 7);
    assert.is(await guard.run('peer', async () => 8), 8);
    assert.is(await guard.run('peer', () => undefined), undefined);
    assert.is(limiter.getAvailableTokens('peer'), 17);
    assert.is(await guard.run('peer', () => 9, { cost: 5 }), 9);
    assert.is(limiter.getAvailableTokens('peer'), 12);
  });

  test('a peer may be a string, bytes or a handle', async () => {
    const { limiter, guard } = rig();
    const handle = limiter.peer('peer');
    await guard.run('peer', () => 1);
    await guard.run(new TextEncoder().encode('peer'), () => 1);
    await guard.run(handle, () => 1);
    assert.ok(isAllowed(guard.admit(handle, 2)));
    assert.is(limiter.getAvailableTokens('peer'), 15);
    assert.is(limiter.peerCount, 1);
  });

  test('admit takes a cost and a time', () => {
    const { limiter, guard } = rig();
    for (const peer of ['peer', limiter.peer('peer')]) {
      assert.ok(isAllowed(guard.admit(peer, 10, 5_000)));
      assert.is(limiter.getAvailableTokens('peer', 5_000), 10);
      assert.ok(isAllowed(guard.admit(peer, 10, 5_000)));
      assert.not(isAllowed(guard.admit(peer, 1, 5_000)));
      assert.ok(isAllowed(guard.admit(peer, 1, 5_100)));
      limiter.removePeer('peer');
    }
  });

  test('an ID in bytes is the one it was at the call, even if its buffer is used for another meanwhile', async () => {
    const { limiter, guard } = rig();
    const id = new TextEncoder().encode('peer-a');
    const answer = deferred();
    const run = guard.run(id, () => answer.promise);
    id.fill(0x62);
    answer.reject(new Error('crash'));
    await rejectionOf(run);
    assert.equal(
      [...limiter.peers()].map((peer) => [peer.id, peer.failures]),
      [['peer-a', 1]],
    );
  });

  test('a rejection throws RpcRejection, and fn is not called', async () => {
    const { limiter, guard } = rig();
    drain(limiter, 'limited', 0);
    openCircuit(limiter, 'broken', 0);
    let calls = 0;
    for (const [peer, code, reason, retryAfterMs] of [
      ['limited', -32001, 'rate_limited', 100],
      ['broken', -32002, 'circuit_open', 1_000],
    ] as const) {
      const error = await rejectionOf(guard.run(peer, () => calls++));
      assert.instance(error, RpcRejection);
      assert.instance(error, Error);
      assert.is(error.code, code);
      assert.equal(error.data, { reason, retryAfterMs });
      assert.equal(JSON.parse(JSON.stringify(error)), { code, message: error.message, data: { reason, retryAfterMs } });
    }
    assert.is(calls, 0);
  });

  test('a handler that throws, or whose promise rejects, is a failure, and its error comes through', async () => {
    const { limiter, guard } = rig();
    const crash = new Error('crash');
    assert.is(
      await rejectionOf(
        guard.run('peer', () => {
          throw crash;
        }),
      ),
      crash,
    );
    assert.is(failuresOf(limiter), 1);
    assert.is(await rejectionOf(guard.run('peer', () => Promise.reject(crash))), crash);
    assert.is(failuresOf(limiter), 2);
    assert.is(await rejectionOf(guard.run('peer', () => Promise.reject(undefined))), undefined);
    assert.is(limiter.getCircuitState('peer'), 'open');
  });

  test('a thenable counts as the promise it stands for, also one that breaks', async () => {
    const { limiter, guard } = rig();
    const thenable = (then: unknown) => ({ then }) as PromiseLike<number>;
    assert.is(await guard.run('peer', () => thenable((resolve: (n: number) => void) => resolve(4))), 4);
    await rejectionOf(
      guard.run('peer', () => thenable((_: unknown, reject: (e: Error) => void) => reject(new Error()))),
    );
    const broken = Object.defineProperty({}, 'then', {
      get() {
        throw new Error('broken');
      },
    }) as PromiseLike<number>;
    assert.is((await rejectionOf(guard.run('peer', () => broken))).message, 'broken');
    assert.is(failuresOf(limiter), 2);
  });

  test('an object with an error member is a failure, and is still returned', async () => {
    const { limiter, guard } = rig();
    const response = { jsonrpc: '2.0', id: 1, error: { code: -32603, message: 'Internal error' } };
    assert.is(await guard.run('peer', async () => response), response);
    assert.is(failuresOf(limiter), 1);
    for (const error of ['', 0, false]) await guard.run('falsy', () => ({ error }));
    assert.is(limiter.getCircuitState('falsy'), 'open', 'whatever the member is');
  });

  test('an error member of null or undefined is none: JSON-RPC 1.0 answers a success so', async () => {
    const { limiter, guard } = rig();
    await guard.run('peer', () => ({ result: 1, error: null }));
    await guard.run('peer', () => ({ result: 1, error: undefined }));
    await guard.run('peer', () => null);
    await guard.run('peer', () => 'error');
    assert.is(failuresOf(limiter), 0);
  });

  test('a success sets the run of failures back', async () => {
    const { limiter, guard } = rig();
    const failing = () => rejectionOf(guard.run('peer', () => Promise.reject(new Error())));
    await failing();
    await failing();
    await guard.run('peer', () => 1);
    await failing();
    await failing();
    assert.is(limiter.getCircuitState('peer'), 'closed');
    await failing();
    assert.is(limiter.getCircuitState('peer'), 'open');
  });

  test('a handler that takes too long: its signal fires, RpcTimeout is thrown, one failure', async () => {
    const { limiter, guard } = rig();
    let signal!: AbortSignal;
    const error = await rejectionOf(
      guard.run('peer', ({ signal: given }) => {
        signal = given;
        return never();
      }),
    );
    assert.instance(error, RpcTimeout);
    assert.is(error.timeoutMs, 20);
    assert.is(error.code, 'ERR_PEERGATE_RPC_TIMEOUT');
    assert.ok(signal.aborted);
    assert.is(signal.reason, error);
    assert.is(failuresOf(limiter), 1);
  });

  test('a late answer after a timeout changes nothing, a late error reaches nobody', async () => {
    const { limiter, guard } = rig({ circuitBreakerThreshold: 2 });
    const unhandled: unknown[] = [];
    const listener = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', listener);
    const answers = [deferred(), deferred()] as const;
    for (const { promise } of answers) await rejectionOf(guard.run('peer', () => promise));
    assert.is(limiter.getCircuitState('peer'), 'open');
    const before = JSON.stringify(everything(limiter, 0));
    answers[0].resolve();
    answers[1].reject(new Error('late'));
    await turn();
    await turn();
    assert.is(JSON.stringify(everything(limiter, 0)), before);
    assert.equal(unhandled, []);
    process.off('unhandledRejection', listener);
  });

  test('what a handler does on its signal cannot change the outcome', async () => {
    const { limiter, guard } = rig();
    const error = await rejectionOf(
      guard.run(
        'peer',
        ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve('saved'))),
      ),
    );
    assert.instance(error, RpcTimeout);
    assert.is(failuresOf(limiter), 1);
  });

  test('also where it aborts its own caller', async () => {
    const { limiter, guard } = rig();
    const caller = new AbortController();
    const error = await rejectionOf(
      guard.run(
        'peer',
        ({ signal }) => {
          signal.addEventListener('abort', () => caller.abort());
          return never();
        },
        { signal: caller.signal },
      ),
    );
    assert.instance(error, RpcTimeout);
    assert.is(failuresOf(limiter), 1);
  });

  test("timeoutMs of the call goes before the guard's; Infinity sets no timer", async () => {
    const { guard } = rig();
    const patient = new RpcGuard(guard.limiter, { timeoutMs: Number.POSITIVE_INFINITY });
    assert.is((await rejectionOf(patient.run('peer', never, { timeoutMs: 5 }))).timeoutMs, 5);
    const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    const before = timers();
    const answer = deferred<string>();
    const run = patient.run('peer', () => answer.promise);
    assert.is(timers(), before);
    answer.resolve('at last');
    assert.is(await run, 'at last');
  });

  test('a call that has ended leaves no timer behind', async () => {
    const { guard } = rig();
    const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    const before = timers();
    const slow = { timeoutMs: 100_000 };
    await guard.run('peer', () => 1, slow);
    await guard.run('peer', async () => 1, slow);
    await rejectionOf(guard.run('peer', () => Promise.reject(new Error()), slow));
    await rejectionOf(guard.run('peer', never, { ...slow, signal: abortSoon() }));
    assert.is(timers(), before);
  });

  test("the caller's abort: fn's signal fires, the reason is thrown, nothing is judged", async () => {
    const { limiter, guard } = rig();
    const caller = new AbortController();
    const reason = new Error('gone');
    let signal!: AbortSignal;
    const run = guard.run(
      'peer',
      ({ signal: given }) => {
        signal = given;
        return never();
      },
      { signal: caller.signal, classify: () => 'failure' },
    );
    caller.abort(reason);
    assert.is(await rejectionOf(run), reason);
    assert.ok(signal.aborted);
    assert.is(signal.reason, reason);
    assert.is(failuresOf(limiter), 0);
  });

  test('a signal that had aborted before costs nothing', async () => {
    const { limiter, guard } = rig();
    const before = JSON.stringify(everything(limiter, 0));
    let calls = 0;
    const error = await rejectionOf(guard.run('peer', () => calls++, { signal: AbortSignal.abort('why') }));
    assert.is(error, 'why');
    assert.is(calls, 0);
    assert.is(JSON.stringify(everything(limiter, 0)), before);
  });

  test('a call aborted between its admission and its run gives its probe back', async () => {
    const { at, limiter, guard } = rig();
    openCircuit(limiter, 'peer', 0);
    at.ms = 1_000;
    const decision = guard.admit('peer');
    assert.ok(isAllowed(decision));
    assert.not(isAllowed(guard.admit('peer')), 'the one probe is out');
    await rejectionOf(guard.run('peer', () => 1, { decision, signal: AbortSignal.abort() }));
    assert.ok(isAllowed(guard.admit('peer')), 'it is back');
  });

  test("the caller's abort gives a probe back, so that the next call can find out", async () => {
    const { at, limiter, guard } = rig();
    openCircuit(limiter, 'peer', 0);
    at.ms = 1_000;
    await rejectionOf(guard.run('peer', never, { signal: abortSoon(), timeoutMs: 100_000 }));
    assert.is(limiter.getCircuitState('peer'), 'half_open');
    assert.is(await guard.run('peer', () => 'well again'), 'well again');
    assert.is(limiter.getCircuitState('peer'), 'closed');
  });

  test('a long-lived signal collects nothing, and Node does not warn of a leak', async () => {
    const { guard } = rig({ burstSize: 10_000 });
    const warnings: Error[] = [];
    const listener = (warning: Error) => warnings.push(warning);
    process.on('warning', listener);
    const { signal, counts } = countingSignal();
    const answer = deferred();
    const runs = Array.from({ length: 100 }, () => guard.run('peer', () => answer.promise, { signal, timeoutMs: 1e6 }));
    assert.is(counts.added - counts.removed, 1, 'one listener, however many follow');
    answer.resolve();
    await Promise.all(runs);
    assert.is(counts.added, counts.removed);
    for (let i = 0; i < 100; i++) await guard.run('peer', async () => i, { signal });
    assert.is(counts.added, counts.removed);
    await turn();
    assert.equal(warnings, []);
    process.off('warning', listener);
  });

  test('one abort ends all that follow the signal, and no other', async () => {
    const { guard } = rig();
    const [a, b] = [new AbortController(), new AbortController()];
    const answer = deferred<string>();
    const mine = [1, 2, 3].map(() => guard.run('peer', never, { signal: a.signal, timeoutMs: 1e6 }));
    const other = guard.run('peer', () => answer.promise, { signal: b.signal, timeoutMs: 1e6 });
    a.abort('over');
    for (const run of mine) assert.is(await rejectionOf(run), 'over');
    answer.resolve('done');
    assert.is(await other, 'done');
  });

  test('a handler that aborts its own caller is cancelled, whatever it returns', async () => {
    const { limiter, guard } = rig();
    const caller = new AbortController();
    const error = await rejectionOf(
      guard.run(
        'peer',
        () => {
          caller.abort('self');
          throw new Error('crash');
        },
        { signal: caller.signal },
      ),
    );
    assert.is(error, 'self');
    assert.is(failuresOf(limiter), 0);
  });

  test('a decision that was made before is taken, and not paid for again', async () => {
    const { limiter, guard } = rig();
    const decision = guard.admit('peer', 4);
    assert.is(await guard.run('peer', () => 1, { decision, cost: 100 }), 1);
    assert.is(limiter.getAvailableTokens('peer'), 16);
  });

  test('a decision that was a rejection throws RpcRejection, and fn is not called', async () => {
    const { limiter, guard } = rig();
    drain(limiter, 'peer', 0);
    const decision = guard.admit('peer');
    let calls = 0;
    const error = await rejectionOf(guard.run('peer', () => calls++, { decision }));
    assert.instance(error, RpcRejection);
    assert.is(error.code, -32001);
    assert.is(calls, 0);
  });

  for (const [kind, peerOf] of [
    ['an ID', () => 'peer'],
    ['a handle', (limiter: RateLimiter) => limiter.peer('peer')],
  ] as const) {
    test(`a result that comes after its period is dropped (${kind})`, async () => {
      const { at, limiter, guard } = rig();
      const peer = peerOf(limiter);
      const [success, failure, ignored] = [deferred(), deferred(), new AbortController()];
      const runs = [
        guard.run(peer, () => success.promise, { timeoutMs: 1e6 }),
        guard.run(peer, () => failure.promise, { timeoutMs: 1e6 }),
        guard.run(peer, never, { timeoutMs: 1e6, signal: ignored.signal }),
      ];
      openCircuit(limiter, 'peer', 0);
      at.ms = 1_000;
      assert.ok(isAllowed(guard.admit('peer')), 'the probe');
      success.resolve();
      failure.reject(new Error('crash'));
      ignored.abort();
      await Promise.allSettled(runs);
      assert.is(limiter.getCircuitState('peer'), 'half_open', 'neither closed nor opened again');
      assert.not(isAllowed(guard.admit('peer')), 'nor was the probe given back');
      assert.is(limiter.stats().staleResults, 3);
    });
  }

  test('a probe whose connection goes away is settled by its late result', async () => {
    const { at, limiter, guard } = rig();
    openCircuit(limiter, 'peer', 0);
    at.ms = 1_000;
    for (const [outcome, state] of [
      [new Error('crash'), 'open'],
      [undefined, 'closed'],
    ] as const) {
      const handle = limiter.peer('peer');
      const answer = deferred();
      const run = guard.run(handle, () => answer.promise, { timeoutMs: 1e6 });
      handle.release();
      if (outcome === undefined) answer.resolve();
      else answer.reject(outcome);
      await run.catch(() => {});
      assert.is(limiter.getCircuitState('peer'), state);
      at.ms += 1_000;
    }
  });

  test('a late result does not pin the row of a connection that is gone', async () => {
    const { at, limiter, guard } = rig({ maxPeers: 1, onFull: 'reject' });
    const handle = limiter.peer('first');
    const answer = deferred();
    const run = guard.run(handle, () => answer.promise, { timeoutMs: 1e6 });
    handle.release();
    answer.resolve();
    await run;
    at.ms = 1e6;
    assert.ok(isAllowed(limiter.check('second')), 'the only row can be given to another');
  });

  test("classify judges in the guard's place", async () => {
    const { at, limiter, guard } = rig();
    const seen: Settled<unknown>[] = [];
    const as = (outcome: 'success' | 'failure' | 'ignored') => ({
      classify: (settled: Settled<unknown>) => {
        seen.push(settled);
        return outcome;
      },
    });
    const crash = new Error('crash');
    assert.is(await rejectionOf(guard.run('peer', () => Promise.reject(crash), as('success'))), crash);
    assert.is(failuresOf(limiter), 0);
    assert.is(await guard.run('peer', () => 5, as('failure')), 5);
    assert.is(failuresOf(limiter), 1);
    const timeout = await rejectionOf(guard.run('peer', never, as('ignored')));
    assert.is(failuresOf(limiter), 1);
    assert.equal(seen, [{ error: crash }, { value: 5 }, { error: timeout }]);

    openCircuit(limiter, 'probed', 0);
    at.ms = 1_000;
    await guard.run('probed', () => 1, as('ignored'));
    assert.is(limiter.getCircuitState('probed'), 'half_open');
    assert.ok(isAllowed(guard.admit('probed')), 'ignored gives the probe back');
  });

  test('a classify that throws, or says something else, is a failure, and its error comes through', async () => {
    const { limiter, guard } = rig();
    const bug = new Error('bug');
    const thrower = () => {
      throw bug;
    };
    assert.is(await rejectionOf(guard.run('peer', () => 1, { classify: thrower })), bug);
    const error = await rejectionOf(guard.run('peer', () => 1, { classify: () => 'fine' as 'success' }));
    assert.instance(error, TypeError);
    assert.is(error.code, 'ERR_PEERGATE_RPC_ARGUMENT');
    assert.match(error.message, "'fine'");
    assert.is(failuresOf(limiter), 2);
  });

  test('bad arguments are refused before anything changes, as a rejected promise', async () => {
    const { limiter, guard } = rig();
    limiter.check('peer');
    const before = JSON.stringify(everything(limiter, 0));
    let calls = 0;
    const fn = () => calls++;
    // biome-ignore lint/suspicious/noExplicitAny: every argument here is of a wrong type on purpose
    const run = (...given: any[]) => rejectionOf((guard.run as any)(...given));
    const wrong: [unknown[], string][] = [
      [['peer', 5], 'ERR_PEERGATE_RPC_ARGUMENT'],
      [['peer', undefined], 'ERR_PEERGATE_RPC_ARGUMENT'],
      [['peer', fn, { classify: 'success' }], 'ERR_PEERGATE_RPC_ARGUMENT'],
      [['peer', fn, { signal: {} }], 'ERR_PEERGATE_RPC_ARGUMENT'],
      [['peer', fn, { signal: null }], 'ERR_PEERGATE_RPC_ARGUMENT'],
      [['peer', fn, { timeoutMs: 0 }], 'ERR_PEERGATE_CONFIG'],
      [['peer', fn, { timeoutMs: 2 ** 31 }], 'ERR_PEERGATE_CONFIG'],
      [['peer', fn, { timeoutMs: Number.NaN }], 'ERR_PEERGATE_CONFIG'],
      [['peer', fn, { timeoutMs: '5' }], 'ERR_PEERGATE_CONFIG'],
      [['peer', fn, { cost: 0 }], 'ERR_PEERGATE_COST'],
      [['peer', fn, { cost: 1.5 }], 'ERR_PEERGATE_COST'],
      [['peer', fn, { decision: 1.5 }], 'ERR_PEERGATE_DECISION'],
      [['peer', fn, { decision: '1' }], 'ERR_PEERGATE_DECISION'],
      [['peer', fn, { decision: 2 ** 30 }], 'ERR_PEERGATE_DECISION'],
      [['peer', fn, { decision: -(2 ** 40) }], 'ERR_PEERGATE_DECISION'],
      [[5, fn], 'ERR_PEERGATE_PEER_ID_TYPE'],
      [[null, fn], 'ERR_PEERGATE_PEER_ID_TYPE'],
      [[{}, fn], 'ERR_PEERGATE_PEER_ID_TYPE'],
      [['', fn], 'ERR_PEERGATE_PEER_ID_LENGTH'],
      [['', fn, { decision: 1 }], 'ERR_PEERGATE_PEER_ID_LENGTH'],
      [['\ud800', fn, { decision: 1 }], 'ERR_PEERGATE_PEER_ID_ENCODING'],
    ];
    for (const [given, code] of wrong) {
      const error = await run(...given);
      assert.is(error.code, code, `${JSON.stringify(given)} gave ${error}`);
    }
    assert.is(calls, 0);
    assert.is(JSON.stringify(everything(limiter, 0)), before);
  });

  test("a guard's options are checked, and undefined is the default", () => {
    const { limiter } = rig();
    for (const timeoutMs of [0, -1, 2 ** 31, Number.NaN, '5', null]) {
      const error = thrownBy(() => new RpcGuard(limiter, { timeoutMs: timeoutMs as number }));
      assert.is(error.code, 'ERR_PEERGATE_CONFIG');
      assert.is(error.field, 'timeoutMs');
    }
    for (const wrong of [undefined, null, {}]) {
      const error = thrownBy(() => new RpcGuard(wrong as unknown as RateLimiter));
      assert.is(error.code, 'ERR_PEERGATE_RPC_ARGUMENT');
      assert.instance(error, TypeError);
    }
    assert.is(new RpcGuard(limiter).timeoutMs, 30_000);
    assert.is(new RpcGuard(limiter, { timeoutMs: undefined, errorCodes: undefined }).timeoutMs, 30_000);
    assert.is(new RpcGuard(limiter, { timeoutMs: 2 ** 31 - 1 }).timeoutMs, 2 ** 31 - 1);
    assert.is(new RpcGuard(limiter).limiter, limiter);
  });

  test('an option that does not exist is refused, by the guard and by run, and nothing is admitted', async () => {
    const { limiter, guard } = rig();
    const misspelt = thrownBy(() => new RpcGuard(limiter, { timeoutMS: 5 } as object));
    assert.instance(misspelt, ConfigError);
    assert.match(misspelt.message, 'did you mean timeoutMs?');
    let calls = 0;
    const error = await rejectionOf(guard.run('peer', () => calls++, { signl: AbortSignal.abort() } as object));
    assert.instance(error, ConfigError);
    assert.match(error.message, 'did you mean signal?');
    assert.instance(await rejectionOf(guard.run('peer', () => calls++, null as unknown as object)), ConfigError);
    assert.is(calls, 0);
    assert.is(limiter.peerCount, 0);
  });

  test('bytes of another realm are copied like any others', async () => {
    const { limiter, guard } = rig();
    const id = runInNewContext('new Uint8Array([112, 101, 101, 114])') as Uint8Array;
    const answer = deferred();
    const run = guard.run(id, () => answer.promise);
    id.fill(0x62);
    answer.reject(new Error('crash'));
    await rejectionOf(run);
    assert.equal(
      [...limiter.peers()].map((peer) => [peer.id, peer.failures]),
      [['peer', 1]],
    );
  });

  test('a clock that breaks while the handler works is thrown, and the call does not hang', async () => {
    const { at, guard } = rig();
    const error = await rejectionOf(
      guard.run('peer', () => {
        at.ms = Number.NaN;
        throw new Error('what counts needs a time');
      }),
    );
    assert.is(error.code, 'ERR_PEERGATE_NOW');
  });

  test.run();
}

function abortSoon(): AbortSignal {
  const controller = new AbortController();
  setImmediate(() => controller.abort());
  return controller.signal;
}

/** A signal that counts the listeners it has. */
function countingSignal() {
  const { signal } = new AbortController();
  const counts = { added: 0, removed: 0 };
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    counts.added++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    counts.removed++;
    remove(...args);
  };
  return { signal, counts };
}

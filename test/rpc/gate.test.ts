/** RpcGate: what every adapter is written with. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Decision,
  type End,
  type GateOptions,
  isAllowed,
  type Passage,
  type PeerId,
  RateLimiter,
  type RateLimiterConfig,
  type Refusal,
  RpcGate,
  RpcGuard,
} from '../../src/index.js';
import { engines } from '../engines.js';
import { drain, openCircuit, thrownBy } from '../support.js';
import { turn, until } from './support.js';

interface Call {
  readonly from: PeerId | undefined;
  readonly cost?: number;
}

const done: End = { how: 'done' };
const failed: End = { how: 'error', error: new Error('crash') };

for (const { name, using } of engines) {
  const test = suite(`the gate (${name})`);

  function rig(
    options: GateOptions<Call> = {},
    config: Partial<RateLimiterConfig> = {},
    {
      isFailure,
      timeoutMs = 20,
    }: { isFailure?: (status: number | string | undefined) => boolean; timeoutMs?: number } = {},
  ) {
    const at = { ms: 0 };
    const limiter = new RateLimiter({
      maxRequestsPerSec: 10,
      burstSize: 5,
      circuitBreakerThreshold: 2,
      circuitBreakerTimeoutMs: 1_000,
      probeTimeoutMs: 500,
      clock: () => at.ms,
      ...using,
      ...config,
    });
    const guard = new RpcGuard(limiter, { timeoutMs });
    const gate = new RpcGate<Call>(guard, options, { name: 'test', peer: ({ from }) => from, isFailure });
    const enter = (from: PeerId = 'peer') => {
      const entry = gate.enter({ from });
      assert.is(entry?.allowed, true);
      return entry as Passage<Call>;
    };
    const refuse = (call: Call = { from: 'peer' }) => {
      const entry = gate.enter(call);
      assert.is(entry?.allowed, false);
      return entry as Refusal<Call>;
    };
    /** The peer's next request is a probe. */
    const halfOpen = () => {
      openCircuit(limiter, 'peer', at.ms);
      at.ms += 1_000;
    };
    const failures = () => [...limiter.peers()].find(({ id }) => id === 'peer')?.failures;
    return { at, limiter, guard, gate, enter, refuse, halfOpen, failures };
  }

  /** What `act` writes to the console as errors. */
  async function complaints(act: () => void | Promise<void>): Promise<unknown[][]> {
    const { error } = console;
    const written: unknown[][] = [];
    console.error = (...args: unknown[]) => written.push(args);
    try {
      await act();
    } finally {
      console.error = error;
    }
    return written;
  }

  test('a request is let in until the bucket is empty, and then turned away with the reason and the wait', () => {
    const { gate, enter, refuse, limiter } = rig();
    for (let i = 4; i >= 0; i--) assert.is(enter().availableTokens, i);
    const refusal = refuse();
    assert.is(refusal.reason, 'rate_limited');
    assert.is(refusal.retryAfterMs, 100);
    assert.is(refusal.availableTokens, 0);
    assert.equal(refusal.toRpcError(), {
      code: -32001,
      message: 'Rate limit exceeded',
      data: { reason: 'rate_limited', retryAfterMs: 100 },
    });
    assert.is(gate.enter({ from: 'other' })?.allowed, true);
    assert.is(limiter.peerCount, 2);
  });

  test('a request without a peer is not limited', () => {
    const { gate, limiter } = rig();
    for (let i = 0; i < 20; i++) assert.is(gate.enter({ from: undefined }), undefined);
    assert.is(limiter.peerCount, 0);
  });

  test('the option peer goes before the adapter’s own, and where neither is there the error says so', () => {
    const { gate, limiter, guard } = rig({ peer: () => 'everyone' });
    gate.enter({ from: 'peer' });
    assert.equal(
      [...limiter.peers()].map(({ id }) => id),
      ['everyone'],
    );
    const error = thrownBy(() => new RpcGate(guard, {}, { name: 'test' }));
    assert.is(error.field, 'peer');
  });

  test('a peer may be a handle or bytes, and bytes are those at the time of the request', () => {
    const { limiter, guard } = rig();
    const handle = limiter.peer('peer');
    const bytes = new TextEncoder().encode('peer');
    const gate = new RpcGate(
      guard,
      {},
      { name: 'test', peer: (which: string) => (which === 'handle' ? handle : bytes) },
    );
    const passages = ['handle', 'bytes'].map((which) => gate.enter(which) as Passage<string>);
    bytes.fill(0);
    for (const passage of passages) assert.ok(passage.settle(failed));
    assert.is(limiter.getCircuitState('peer'), 'open');
    assert.is(limiter.peerCount, 1);
  });

  test('where waiting cannot help there is no wait', () => {
    const { refuse } = rig({ cost: () => 6 });
    assert.is(refuse().retryAfterMs, null);
    assert.is(refuse().availableTokens, 5);
    assert.is((refuse().toRpcError().data as { retryAfterMs: unknown }).retryAfterMs, null);
  });

  test('an unknown option, a hook that is no function and what is no guard are refused by name', () => {
    const { guard } = rig();
    const kind = { name: 'test', peer: () => 'peer', optionNames: ['skip'] };
    const fieldOf = (options: object) => thrownBy(() => new RpcGate(guard, options, kind)).field;
    new RpcGate(guard, { skip: 1, peer: undefined } as object, kind);
    assert.is(fieldOf({ onRejects: () => {} }), 'onRejects');
    for (const hook of ['peer', 'cost', 'classify', 'onReject']) assert.is(fieldOf({ [hook]: 5 }), hook);
    assert.is(thrownBy(() => new RpcGate({} as RpcGuard, {}, kind)).field, 'guard');
    assert.is(thrownBy(() => new RpcGate(guard, null as never, kind)).field, 'options');
  });

  test('a peer function that throws, or returns no ID, makes an error of the server: never a crash, never a free pass', async () => {
    const thrown = new Error('no such header');
    const bad: (() => never)[] = [
      () => {
        throw thrown;
      },
      ...[null, 5, '', 'x'.repeat(1025), '\ud800', {}, []].map((value) => () => value as never),
      () => Promise.reject(thrown) as never,
    ];
    for (const peer of bad) {
      const { refuse, limiter } = rig({ peer });
      await complaints(async () => {
        const refusal = refuse();
        assert.is(refusal.reason, 'internal');
        assert.is(refusal.decision, undefined);
        assert.is(refusal.retryAfterMs, null);
        assert.instance(refusal.error, Error);
        assert.equal(refusal.toRpcError(), {
          code: -32603,
          message: 'Internal error',
          data: { reason: 'internal', retryAfterMs: null },
        });
        refusal.answered();
        assert.is(limiter.rejectionsBy('test').answered, 0, 'the limiter rejected nothing');
        await turn();
      });
    }
  });

  test('a cost that throws or is no cost is treated like a bad peer, and takes nothing', async () => {
    const bad: (() => unknown)[] = [
      () => {
        throw new Error('no cost');
      },
      ...[undefined, null, 0, 1.5, Number.NaN, '2'].map((value) => () => value),
      () => Promise.reject(new Error('later')),
    ];
    for (const cost of bad) {
      const { refuse, limiter } = rig({ cost: cost as () => number });
      await complaints(async () => {
        assert.is(refuse().reason, 'internal');
        assert.is(limiter.getAvailableTokens('peer'), 5);
        await turn();
      });
    }
  });

  test('an error of the options is written to the console, once a second at most', async () => {
    const error = new Error('no such header');
    const { refuse, at } = rig({
      peer: () => {
        throw error;
      },
    });
    const written = await complaints(() => {
      for (at.ms = 0; at.ms < 2_000; at.ms++) refuse();
    });
    assert.is(written.length, 2);
    assert.match(String(written[0]?.[0]), /^peergate\/test: a function of the options failed/);
    assert.is(written[0]?.[1], error);
  });

  test('with a closed limiter a request is turned away as unavailable, and what ends later is ignored', () => {
    const { enter, refuse, limiter } = rig();
    const passage = enter();
    limiter.close();
    const refusal = refuse();
    assert.is(refusal.reason, 'unavailable');
    assert.is(refusal.retryAfterMs, null);
    assert.is(refusal.availableTokens, undefined);
    assert.is(refusal.toRpcError().message, 'Service unavailable');
    assert.is(passage.availableTokens, undefined);
    assert.is(passage.wantsProgress, false);
    passage.progress();
    assert.is(passage.charge()?.reason, 'unavailable');
    assert.is(passage.settle(failed), false);
  });

  test('each rejection is counted by what was done with it', () => {
    const { enter, refuse, limiter } = rig();
    for (let i = 0; i < 5; i++) enter();
    refuse().answered();
    for (let i = 0; i < 2; i++) refuse().dropped();
    for (let i = 0; i < 3; i++) refuse().closed();
    assert.equal(limiter.rejectionsBy('test'), { answered: 1, dropped: 2, closed: 3 });
  });

  test('onReject is told at most ten times a second, and how many it was not told', () => {
    const told: [number, string, number][] = [];
    const { at, refuse, limiter } = rig({
      onReject: (decision: Decision, { from }, passedOver) => {
        assert.not(isAllowed(decision));
        told.push([at.ms, String(from), passedOver]);
      },
    });
    limiter.configure({ maxRequestsPerSec: 0.001 }, 0);
    drain(limiter, 'peer', 0);
    for (at.ms = 0; at.ms < 1_000; at.ms += 10) refuse().answered();
    assert.is(told.length, 10);
    assert.equal(told[0], [0, 'peer', 0]);
    assert.equal(told[9], [900, 'peer', 9]);
    at.ms = 5_000;
    refuse().dropped();
    assert.equal(told[10], [5_000, 'peer', 9]);
    at.ms = 4_000; // a clock that runs back does not silence it
    refuse().closed();
    assert.equal(told[11], [4_000, 'peer', 0]);
  });

  test('an onReject that throws, now or later, is swallowed', async () => {
    for (const onReject of [
      () => {
        throw new Error('hook');
      },
      async () => {
        throw new Error('hook');
      },
    ]) {
      const { refuse, limiter } = rig({ onReject });
      drain(limiter, 'peer', 0);
      refuse().answered();
      await turn();
      assert.is(limiter.rejectionsBy('test').answered, 1);
    }
  });

  test('errors and time-outs are failures, a cancelled request is ignored, and a status is judged by the adapter', () => {
    const ends: [End, number][] = [
      [done, 0],
      [{ how: 'done', status: 404 }, 0],
      [{ how: 'done', status: 500 }, 1],
      [failed, 1],
      [{ how: 'timeout' }, 1],
      [{ how: 'cancelled' }, 0],
      [{ how: 'cancelled', status: 500 }, 0],
    ];
    for (const [end, expected] of ends) {
      const { enter, failures } = rig({}, {}, { isFailure: (status) => Number(status) >= 500 });
      enter().settle(end);
      assert.is(failures(), expected, JSON.stringify(end));
    }
  });

  test('a cancelled probe goes back without a verdict', () => {
    const { enter, halfOpen, limiter, refuse } = rig();
    halfOpen();
    const probe = enter();
    assert.is(refuse().reason, 'circuit_open');
    assert.ok(probe.settle({ how: 'cancelled' }));
    assert.is(limiter.getCircuitState('peer'), 'half_open');
    const again = enter();
    again.abandon();
    assert.ok(enter().settle(done));
    assert.is(limiter.getCircuitState('peer'), 'closed');
  });

  test('classify judges every end in place of the adapter; if it throws or returns no outcome, that is a failure', async () => {
    const seen: unknown[] = [];
    const { enter, failures } = rig({
      classify: (end, request) => {
        seen.push(end.how, request.from);
        return 'success';
      },
    });
    enter().settle(failed);
    enter().settle({ how: 'cancelled' });
    assert.is(failures(), 0);
    assert.equal(seen, ['error', 'peer', 'cancelled', 'peer']);
    for (const classify of [
      () => {
        throw new Error('judge');
      },
      () => 'fine' as 'success',
      () => Promise.reject(new Error('judge')) as never,
    ]) {
      const bad = rig({ classify });
      assert.ok(bad.enter().settle(done));
      assert.is(bad.failures(), 1);
      await turn();
    }
  });

  test('a request is settled once: what comes after its first end is ignored', () => {
    const { enter, failures } = rig();
    const passage = enter();
    assert.is(passage.isOver, false);
    assert.ok(passage.settle(failed));
    assert.is(passage.isOver, true);
    assert.is(passage.settle(failed), false);
    assert.is(passage.settle(done), false);
    passage.progress();
    passage.abandon();
    assert.is(failures(), 1);
  });

  test('the first message of a stream settles its probe; a later error is one failure more, without a permit', () => {
    const { at, enter, halfOpen, limiter, failures } = rig();
    halfOpen();
    const probe = enter();
    assert.is(probe.wantsProgress, true);
    probe.progress();
    assert.is(limiter.getCircuitState('peer'), 'closed');
    at.ms += 3_600_000; // its lease is long over
    assert.is(probe.isOver, false);
    const before = failures();
    assert.ok(probe.settle(failed));
    assert.is(failures(), (before ?? 0) + 1);
    assert.is(limiter.getCircuitState('peer'), 'closed');
  });

  test('a stream whose probe was settled, and that ends well or is cancelled, adds nothing', () => {
    for (const end of [done, { how: 'cancelled' } as const]) {
      const { enter, halfOpen, limiter, failures } = rig();
      halfOpen();
      const probe = enter();
      probe.progress();
      limiter.recordFailure('peer');
      const before = failures();
      assert.is(probe.settle(end), false);
      assert.is(failures(), before);
      limiter.recordFailure('peer');
      assert.is(limiter.getCircuitState('peer'), 'open', 'no success came between the two failures');
    }
  });

  test('the first message of a stream that is no probe changes nothing, so a stream that always fails later opens the circuit', () => {
    const { enter, limiter } = rig();
    for (let i = 0; i < 2; i++) {
      const passage = enter();
      assert.is(passage.wantsProgress, false);
      passage.progress();
      assert.ok(passage.settle(failed));
    }
    assert.is(limiter.getCircuitState('peer'), 'open');
  });

  test('a first message that is bad in itself is the verdict on a probe', () => {
    const { enter, halfOpen, limiter } = rig({}, {}, { isFailure: (status) => status === 500 });
    halfOpen();
    const probe = enter();
    probe.progress({ how: 'done', status: 500 });
    assert.is(limiter.getCircuitState('peer'), 'open');
    assert.is(probe.settle(failed), false);
  });

  test('a further message costs a token, and a stream that is out of tokens is over without an outcome', () => {
    const { enter, limiter, failures } = rig();
    const passage = enter();
    assert.is(passage.charge(), undefined);
    assert.is(passage.charge(3), undefined);
    assert.is(limiter.getAvailableTokens('peer'), 0);
    const refusal = passage.charge();
    assert.is(refusal?.reason, 'rate_limited');
    refusal?.closed();
    assert.is(limiter.rejectionsBy('test').closed, 1);
    assert.is(passage.isOver, true);
    assert.is(passage.settle(failed), false);
    assert.is(failures(), 0);
  });

  test('a stream that is the only probe is not turned away for itself when it is charged', () => {
    const { enter, halfOpen, limiter } = rig();
    halfOpen();
    const probe = enter();
    for (let i = 0; i < 3; i++) assert.is(probe.charge(), undefined);
    assert.is(limiter.getCircuitState('peer'), 'half_open');
    assert.is(probe.charge(2)?.reason, 'rate_limited');
    assert.is(limiter.getCircuitState('peer'), 'half_open');
    assert.is(enter().settle(done), true, 'the probe went back');
  });

  test('a message that is a probe again, because the circuit opened meanwhile, is settled by the next one that goes out', () => {
    const { at, enter, limiter } = rig();
    const passage = enter();
    passage.progress();
    openCircuit(limiter, 'peer', 0);
    at.ms = 1_000;
    assert.is(passage.charge(), undefined);
    assert.is(limiter.getCircuitState('peer'), 'half_open');
    passage.progress();
    assert.is(limiter.getCircuitState('peer'), 'closed');
  });

  test('a bad cost of a message is an error of the server, and the stream is over', () => {
    const { enter } = rig();
    const passage = enter();
    assert.is(passage.charge(0.5)?.reason, 'internal');
    assert.is(passage.isOver, true);
  });

  test('how long a request took is told where slowCallMs is on, of a stream until its first message', () => {
    const slow = { failureRateThreshold: 0.5, minimumCalls: 2, slowCallMs: 100 };
    const { at, enter, limiter } = rig({}, slow);
    for (let i = 0; i < 3; i++) {
      const stream = enter('stream');
      assert.is(stream.wantsProgress, true);
      at.ms += 50;
      stream.progress();
      at.ms += 5_000;
      stream.settle(done);
    }
    assert.is(limiter.getCircuitState('stream'), 'closed');
    for (let i = 0; i < 3 && limiter.getCircuitState('peer') === 'closed'; i++) {
      const passage = enter();
      at.ms += 500;
      passage.settle(done);
    }
    assert.is(limiter.getCircuitState('peer'), 'open');
  });

  test('a handler that takes longer than timeoutMs is a failure, and its late answer changes nothing', async () => {
    const { enter, failures } = rig();
    const passage = enter();
    passage.limitTime();
    await until(() => passage.isOver, 'the time-out');
    assert.is(failures(), 1);
    assert.is(passage.settle(done), false);
  });

  test('a handler that runs out of time after its client has left was cancelled', async () => {
    const { enter, failures } = rig();
    const client = new AbortController();
    const passage = enter();
    passage.limitTime(client);
    client.abort();
    await until(() => passage.isOver, 'the time-out');
    assert.is(failures(), 0);
  });

  test('an adapter may leave requests out; where that fails, it is like a bad peer', async () => {
    const { guard, limiter } = rig();
    const skip = (path: string) => {
      if (path === 'bad') throw new Error('skip');
      return path === 'free';
    };
    const gate = new RpcGate<string>(guard, {}, { name: 'test', peer: () => 'peer', skip });
    assert.is(gate.enter('free'), undefined);
    assert.is(limiter.peerCount, 0);
    assert.is(gate.enter('dear')?.allowed, true);
    await complaints(() => {
      assert.is((gate.enter('bad') as Refusal<string>).reason, 'internal');
    });
  });

  test('a handler that is done in time, or whose stream began, may take as long as it likes from then on', async () => {
    const { enter, failures } = rig();
    const [inTime, streaming, late] = [enter(), enter(), enter('late')];
    for (const passage of [inTime, streaming, late]) passage.limitTime();
    inTime.inTime();
    streaming.progress();
    await until(() => late.isOver, 'the time-out of the third');
    assert.is(inTime.isOver, false);
    assert.is(streaming.isOver, false);
    assert.is(failures(), 0);
  });

  test.run();
}

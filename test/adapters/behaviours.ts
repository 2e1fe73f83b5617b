/**
 * What every adapter has to show, over its framework's real server and real client. An adapter brings a rig; the promises are
 * here, once. Each run prints a line for each adapter, from which `npm test` makes a table.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, type RateLimiterConfig, type RefusalReason, RpcGuard } from '../../src/index.js';
import { turn, until } from '../rpc/support.js';
import { drain, liveHeapBytes, openCircuit } from '../support.js';
import { type AdapterRig, BEHAVIOURS, type Behaviour, type Options, type Seen, type Served } from './adapter-rig.js';

export * from './adapter-rig.js';

const LIMITS = {
  maxRequestsPerSec: 10,
  burstSize: 5,
  circuitBreakerThreshold: 2,
  circuitBreakerTimeoutMs: 1_000,
  maxPeers: 16,
};
const CALLS = 10_000;
const LANES = 20;
const ROUNDS = 8;
const MOST_BYTES_A_CALL = 100;

interface World {
  readonly at: { ms: number };
  readonly limiter: RateLimiter;
  readonly guard: RpcGuard;
  readonly served: Served;
}

/** Runs all promises for one adapter. */
export function behave(rig: AdapterRig): { run(): void } {
  const test = suite(rig.name);
  const kept: Partial<Record<Behaviour, string>> = { ...rig.without };
  process.once('exit', () => {
    const row = Object.fromEntries(BEHAVIOURS.map((behaviour) => [behaviour, kept[behaviour]]));
    console.log(`behaviours of ${rig.name}: ${JSON.stringify(row)}`);
  });

  /** Time stands still in it, unless a test moves it. */
  function promise(
    behaviour: Behaviour,
    sentence: string,
    holds: (world: World) => Promise<void>,
    options: Options = {},
    config: Partial<RateLimiterConfig> = {},
    timeoutMs = Number.POSITIVE_INFINITY,
  ): void {
    if (rig.without?.[behaviour] !== undefined) return;
    test(`${behaviour}: ${sentence}`, async () => {
      const before = kept[behaviour] ?? 'yes';
      kept[behaviour] = 'no';
      const at = { ms: 0 };
      const limiter = new RateLimiter({ ...LIMITS, clock: () => at.ms, ...config });
      const guard = new RpcGuard(limiter, { timeoutMs });
      const served = await rig.serve(guard, options);
      try {
        await holds({ at, limiter, guard, served });
        kept[behaviour] = before;
      } finally {
        await served.stop();
      }
    });
  }

  const failuresOf = (limiter: RateLimiter, peer: string) =>
    [...limiter.peers()].find(({ id }) => id === peer)?.failures ?? 0;

  function shows(seen: Seen, reason: RefusalReason, retryAfterMs?: number): void {
    assert.equal(seen.code, rig.codes[reason], `the code for ${reason}`);
    if (seen.reason !== undefined) assert.is(seen.reason, reason);
    if (seen.retryAfterMs !== undefined && retryAfterMs !== undefined) assert.is(seen.retryAfterMs, retryAfterMs);
  }

  function halfOpen({ at, limiter }: World, peer: string): void {
    openCircuit(limiter, peer, at.ms);
    at.ms += LIMITS.circuitBreakerTimeoutMs;
  }

  promise('below the limit', 'every call is answered, and is a success', async ({ served, limiter }) => {
    for (let i = 0; i < LIMITS.burstSize; i++) assert.equal((await served.call('ok', 'peer')).code, rig.codes.ok);
    assert.is(served.handled(), LIMITS.burstSize);
    assert.is(limiter.getAvailableTokens('peer'), 0);
    assert.is(failuresOf(limiter, 'peer'), 0);
    assert.equal(limiter.rejectionsBy(rig.entry), { answered: 0, dropped: 0, closed: 0 });
  });

  const told: unknown[] = [];
  promise(
    'over the limit',
    'it is turned away with the code and the wait, before anybody looks into it, and is counted and told',
    async ({ served, limiter }) => {
      drain(limiter, 'peer', 0);
      shows(await served.call('ok', 'peer'), 'rate_limited', 100);
      assert.is(served.handled(), 0);
      assert.is(served.parsed?.() ?? 0, 0, 'nothing was parsed');
      const { answered, dropped, closed } = limiter.rejectionsBy(rig.entry);
      assert.is(answered + dropped + closed, 1);
      assert.is(told.length, 1);
    },
    { onReject: (...args: unknown[]) => told.push(args) },
  );

  promise('circuit open', 'it is turned away until a probe succeeds', async ({ served, limiter, at }) => {
    openCircuit(limiter, 'peer', 0);
    shows(await served.call('ok', 'peer'), 'circuit_open', LIMITS.circuitBreakerTimeoutMs);
    assert.is(served.handled(), 0);
    at.ms = LIMITS.circuitBreakerTimeoutMs;
    assert.equal((await served.call('ok', 'peer')).code, rig.codes.ok);
    await until(() => limiter.getCircuitState('peer') === 'closed', 'the probe’s success');
  });

  promise(
    'table full',
    'a peer that finds no row is turned away, and that is not its own fault',
    async ({ served, limiter }) => {
      limiter.peer('pinned');
      shows(await served.call('ok', 'peer'), 'table_full', 1_000);
      assert.is(served.handled(), 0);
    },
    {},
    { maxPeers: 1, onFull: 'reject' },
  );

  promise('closed limiter', 'a call is turned away as unavailable', async ({ served, limiter }) => {
    limiter.close();
    shows(await served.call('ok', 'peer'), 'unavailable');
    assert.is(served.handled(), 0);
  });

  promise('crash', 'handlers that crash open the circuit of the peer that asked', async ({ served, limiter }) => {
    for (let i = 1; i <= LIMITS.circuitBreakerThreshold; i++) {
      assert.not.equal((await served.call('crash', 'peer')).code, rig.codes.ok);
      await until(() => failuresOf(limiter, 'peer') === i, `failure ${i}`);
    }
    assert.is(served.handled(), LIMITS.circuitBreakerThreshold);
    assert.is(limiter.getCircuitState('peer'), 'open');
    assert.is(limiter.getCircuitState('other'), 'closed');
  });

  promise(
    'time-out',
    'a handler that takes longer than timeoutMs is a failure',
    async ({ served, limiter }) => {
      const call = served.call('hang', 'peer').catch(() => undefined);
      await until(() => failuresOf(limiter, 'peer') === 1, 'the failure');
      await served.stop();
      await call;
      assert.is(failuresOf(limiter, 'peer'), 1, 'its end came too late to count');
    },
    {},
    {},
    20,
  );

  promise('cancelled call', 'it is ignored: a probe goes back without a verdict', async (world) => {
    const { served, limiter, guard, at } = world;
    await served.cancel('peer');
    halfOpen(world, 'other');
    await served.cancel('other');
    await until(() => {
      const decision = guard.admit('other');
      return isAllowed(decision) && guard.settle('other', decision, 'ignored');
    }, 'the probe to come back');
    assert.is(limiter.getCircuitState('other', at.ms), 'half_open');
    assert.is(failuresOf(limiter, 'peer'), 0);
    assert.is(limiter.getCircuitState('peer'), 'closed');
  });

  promise('stream as a probe', 'the first message settles it, and a later error is a failure', async (world) => {
    const { served, limiter, at } = world;
    halfOpen(world, 'peer');
    const stream = await served.stream('peer');
    await until(() => limiter.getCircuitState('peer') === 'closed', 'the probe’s success');
    at.ms += 3_600_000; // its lease is long over
    assert.is(limiter.getCircuitState('peer'), 'closed');
    const before = failuresOf(limiter, 'peer');
    await stream.fail();
    await until(() => failuresOf(limiter, 'peer') === before + 1, 'the failure');
    const good = await served.stream('peer');
    await good.end();
    assert.equal((await served.call('ok', 'peer')).code, rig.codes.ok);
    await until(() => limiter.getCircuitState('peer') === 'closed', 'the success');
  });

  promise('two peers', 'one that is turned away does not keep the other out', async ({ served, limiter }) => {
    drain(limiter, 'loud', 0);
    shows(await served.call('ok', 'loud'), 'rate_limited');
    assert.equal((await served.call('ok', 'quiet')).code, rig.codes.ok);
    shows(await served.call('ok', 'loud'), 'rate_limited');
    assert.is(served.handled(), 1);
  });

  const badPeers: [string, () => unknown][] = [
    [
      'throws',
      () => {
        throw Object.assign(new Error('no such header'), { status: 404, statusCode: 404, code: 404 });
      },
    ],
    ['returns what is no ID', () => 7],
    ['returns a promise that rejects', () => Promise.reject(new Error('later'))],
  ];
  for (const [how, peer] of badPeers) {
    promise(
      'bad peer function',
      `one that ${how} makes an error of the server: never a crash, never a free pass`,
      async ({ served, limiter }) => {
        const { error } = console;
        console.error = () => {};
        try {
          for (let i = 0; i < 3; i++) shows(await served.call('ok', 'peer'), 'internal');
          await turn();
        } finally {
          console.error = error;
        }
        assert.is(served.handled(), 0);
        assert.is(limiter.peerCount, 0);
      },
      { peer },
    );
  }

  promise('unknown options', 'they are refused by name, and so is what is no guard', async ({ guard }) => {
    const fieldOf = async (make: () => unknown) => {
      let made: unknown;
      const error = await (async () => {
        try {
          made = await make();
        } catch (thrown) {
          return thrown as { field?: string; code?: string };
        }
        throw new Error(`expected an error, got ${String(made)}`);
      })();
      assert.is(error.code, 'ERR_PEERGATE_CONFIG');
      return error.field;
    };
    assert.is(await fieldOf(() => rig.make(guard, { onRejects: () => {} })), 'onRejects');
    assert.is(await fieldOf(() => rig.make(guard, { onReject: 5 })), 'onReject');
    assert.is(await fieldOf(() => rig.make({} as RpcGuard, {})), 'guard');
  });

  promise(
    '10 000 calls',
    'they leave nothing behind: no handle, no listener, no memory',
    async ({ served }) => {
      const warnings: unknown[] = [];
      const warned = (warning: unknown) => warnings.push(warning);
      process.on('warning', warned);
      const calls = async (count: number) => {
        let left = count;
        const lane = async () => {
          while (left-- > 0) assert.equal((await served.call('ok', 'peer')).code, rig.codes.ok);
        };
        await Promise.all(Array.from({ length: LANES }, lane));
      };
      const left = async () => {
        for (let i = 0; i < 3; i++) await turn();
        return { bytes: liveHeapBytes(), handles: process.getActiveResourcesInfo().length };
      };
      await calls(CALLS / 10);
      const { mostBytesACall = MOST_BYTES_A_CALL } = rig;
      // What a framework makes once shows in the first round, a leak in every one.
      let bytes = Number.POSITIVE_INFINITY;
      for (let round = 0; round < ROUNDS && bytes >= mostBytesACall; round++) {
        const before = await left();
        await calls(CALLS);
        const after = await left();
        assert.ok(after.handles <= before.handles + LANES, `${before.handles} handles before, ${after.handles} after`);
        bytes = (after.bytes - before.bytes) / CALLS;
      }
      process.off('warning', warned);
      assert.equal(warnings, []);
      assert.ok(bytes < mostBytesACall, `${bytes} bytes a call stayed behind`);
    },
    {},
    { maxRequestsPerSec: 1_000_000, burstSize: (ROUNDS + 1) * CALLS },
  );

  return test;
}

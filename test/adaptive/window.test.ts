/** The failure rate over a window, slow calls, and what the window forgets. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter } from '../../src/index.js';
import { engines } from '../engines.js';
import { thrownBy } from '../support.js';
import { results } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`failure rate (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({
      ...{ maxPeers: 8, clock: () => 0, circuitBreakerThreshold: 1_000, maxOpenFraction: 1 },
      ...{ failureRateThreshold: 0.5, minimumCalls: 10, windowMs: 10_000 },
      ...options,
      ...using,
    });
  const stateOf = (limiter: RateLimiter, nowMs: number) => limiter.getCircuitState('peer', nowMs);

  test('trips when minimumCalls results lie in the window and failures / results reaches the threshold', () => {
    const limiter = limiterOf();
    results(limiter, 'peer', 5, 4, 1_000);
    assert.is(stateOf(limiter, 1_000), 'closed', 'nine results');
    results(limiter, 'peer', 0, 1, 1_000);
    assert.is(stateOf(limiter, 1_000), 'open');
    assert.is(limiter.stats().circuitOpened, 1);
  });

  test('stays closed one failure below the threshold', () => {
    const limiter = limiterOf();
    results(limiter, 'peer', 6, 5, 1_000);
    assert.is(stateOf(limiter, 1_000), 'closed');
    results(limiter, 'peer', 0, 1, 1_000);
    assert.is(stateOf(limiter, 1_000), 'open');
  });

  test('only a failure trips', () => {
    const limiter = limiterOf();
    results(limiter, 'peer', 0, 9, 1_000);
    results(limiter, 'peer', 1, 0, 1_000);
    assert.is(stateOf(limiter, 1_000), 'closed', 'ten results, nine of them failures, and the last a success');
    results(limiter, 'peer', 0, 1, 1_000);
    assert.is(stateOf(limiter, 1_000), 'open');
  });

  test('stands beside the rule of consecutive failures', () => {
    const limiter = limiterOf({ circuitBreakerThreshold: 3 });
    results(limiter, 'peer', 0, 3, 1_000);
    assert.is(stateOf(limiter, 1_000), 'open');
  });

  test('slices are aligned to multiples of windowMs / 2 from 0, and two of them are the window', () => {
    for (const [first, second, trips] of [
      [0, 4_999, true],
      [0, 9_999, true],
      [4_999, 9_999, true],
      [4_999, 10_000, false],
      [5_000, 14_999, true],
      [5_000, 15_000, false],
      [1e6 + 4_999, 1e6 + 10_000, false],
    ] as const) {
      const limiter = limiterOf();
      results(limiter, 'peer', 0, 9, first);
      results(limiter, 'peer', 0, 1, second);
      assert.is(stateOf(limiter, second) === 'open', trips, `${first} and ${second}`);
    }
  });

  test('it moves with time, not with calls: an idle window clears it', () => {
    for (const idle of [10_000, 60_000, 3.6e6, 2.5e7, 8.64e7, 1e9]) {
      const limiter = limiterOf();
      results(limiter, 'peer', 0, 9, 1_000);
      results(limiter, 'peer', 0, 9, 1_000 + idle);
      assert.is(stateOf(limiter, 1_000 + idle), 'closed', `after ${idle} ms`);
    }
  });

  test('a window that is never full of minimumCalls never trips', () => {
    const limiter = limiterOf({ minimumCalls: 20 });
    for (let now = 0; now < 500_000; now += 530) assert.ok(limiter.recordFailure('peer', undefined, now));
    assert.is(stateOf(limiter, 500_000), 'closed', '19 failures in 10 s');
  });

  test('a burst of failures in one millisecond weighs what the same failures weigh when spread over the slice', () => {
    for (const step of [0, 49]) {
      const limiter = limiterOf({ minimumCalls: 100 });
      limiter.peer('peer', 0);
      for (let i = 0; i < 51; i++) limiter.recordSuccess('peer', undefined, 4_999 - i * step);
      for (let i = 0; i < 50; i++) limiter.recordFailure('peer', undefined, 2_500 + i * step);
      assert.is(stateOf(limiter, 4_999), 'closed');
      limiter.recordFailure('peer', undefined, 4_999);
      assert.is(stateOf(limiter, 4_999), 'open');
    }
  });

  test('counts saturate without losing their ratio', () => {
    const below = limiterOf({ failureRateThreshold: 0.26, minimumCalls: 1_000 });
    const above = limiterOf({ failureRateThreshold: 0.24, minimumCalls: 1_000 });
    for (const limiter of [below, above]) limiter.peer('peer', 0);
    for (let i = 0; i < 50_000; i++) {
      const counted = below[i % 4 === 3 ? 'recordFailure' : 'recordSuccess']('peer', undefined, 1_000 + i / 100);
      assert.ok(counted);
    }
    assert.is(stateOf(below, 1_500), 'closed');
    for (let i = 0; i < 1_000; i++) above[i % 4 === 3 ? 'recordFailure' : 'recordSuccess']('peer', undefined, 1_000);
    assert.is(stateOf(above, 1_000), 'open');
  });

  test('stale and ignored results do not enter it', () => {
    const limiter = limiterOf({ circuitBreakerTimeoutMs: 1_000 });
    const old = limiter.check('peer', 1, 0);
    assert.ok(isAllowed(old));
    limiter.resetCircuit('peer', 0);
    for (let i = 0; i < 20; i++) assert.not(limiter.recordFailure('peer', old, 0));
    for (let i = 0; i < 20; i++) assert.not(limiter.recordIgnored('peer', undefined, 0));
    results(limiter, 'peer', 0, 9, 0);
    assert.is(stateOf(limiter, 0), 'closed');
  });

  test('opening and closing clear it', () => {
    const limiter = limiterOf({ circuitBreakerTimeoutMs: 1_000, windowMs: 1e6 });
    results(limiter, 'peer', 0, 10, 0);
    const probe = limiter.check('peer', 1, 1_000);
    assert.ok(limiter.recordSuccess('peer', probe, 1_000));
    results(limiter, 'peer', 0, 9, 1_000);
    assert.is(stateOf(limiter, 1_000), 'closed');
    limiter.resetCircuit('peer', 1_000);
    results(limiter, 'peer', 0, 9, 1_000);
    assert.is(stateOf(limiter, 1_000), 'closed');
    results(limiter, 'peer', 0, 1, 1_000);
    assert.is(stateOf(limiter, 1_000), 'open');
  });

  test('a new owner of the row begins with an empty window', () => {
    const limiter = limiterOf({ maxPeers: 1 });
    results(limiter, 'before', 0, 9, 0);
    limiter.removePeer('before');
    results(limiter, 'peer', 0, 9, 0);
    assert.is(stateOf(limiter, 0), 'closed');
  });

  test('a window of another length begins empty', () => {
    const limiter = limiterOf();
    results(limiter, 'peer', 0, 9, 1_000);
    limiter.configure({ windowMs: 20_000 }, 1_000);
    results(limiter, 'peer', 0, 9, 1_000);
    assert.is(stateOf(limiter, 1_000), 'closed');
    results(limiter, 'peer', 0, 1, 1_000);
    assert.is(stateOf(limiter, 1_000), 'open');
  });

  test('a success reads the clock where the failure rate is on', () => {
    let now = 1_000;
    const limiter = limiterOf({ clock: () => now });
    limiter.peer('peer');
    for (let i = 0; i < 6; i++) limiter.recordSuccess('peer');
    now = 20_000;
    for (let i = 0; i < 10; i++) limiter.recordFailure('peer');
    assert.is(stateOf(limiter, now), 'open', 'the successes of long ago are forgotten');
    const other = limiterOf({ clock: () => now });
    other.peer('peer');
    for (let i = 0; i < 11; i++) other.recordSuccess('peer');
    for (let i = 0; i < 10; i++) other.recordFailure('peer');
    assert.is(stateOf(other, now), 'closed', 'those of now count');
  });

  // ── slow calls ───────────────────────────────────────────────────────────────────────────────────────────────────

  test('a success that took at least slowCallMs counts as a failure for the rate', () => {
    for (const [durationMs, trips] of [
      [99.9, false],
      [100, true],
    ] as const) {
      const limiter = limiterOf({ slowCallMs: 100 });
      limiter.peer('peer', 1_000);
      for (let i = 0; i < 10; i++) limiter.recordSuccess('peer', undefined, 1_000, durationMs);
      assert.is(stateOf(limiter, 1_000) === 'open', trips);
    }
  });

  test('a slow success resets the consecutive run as any success does, and is none of it', () => {
    const limiter = limiterOf({ slowCallMs: 100, circuitBreakerThreshold: 3, failureRateThreshold: false });
    results(limiter, 'peer', 0, 2, 0);
    limiter.recordSuccess('peer', undefined, 0, 500);
    results(limiter, 'peer', 0, 2, 0);
    for (let i = 0; i < 10; i++) limiter.recordSuccess('peer', undefined, 0, 500);
    assert.is(stateOf(limiter, 0), 'closed');
  });

  test('a slow success counts as a failure for a probe', () => {
    const limiter = limiterOf({ slowCallMs: 100, circuitBreakerThreshold: 1, circuitBreakerTimeoutMs: 1_000 });
    limiter.recordFailure('peer', undefined, 0);
    const slow = limiter.check('peer', 1, 1_000);
    assert.ok(limiter.recordSuccess('peer', slow, 1_000, 100));
    assert.is(stateOf(limiter, 1_000), 'open');
    const fast = limiter.check('peer', 1, 2_000);
    assert.ok(limiter.recordSuccess('peer', fast, 2_000, 99));
    assert.is(stateOf(limiter, 2_000), 'closed');
  });

  test('durationMs is finite and at least 0, else a RangeError, with slowCallMs or without', () => {
    for (const options of [{}, { slowCallMs: 100 }]) {
      const limiter = limiterOf(options);
      const handle = limiter.peer('peer', 0);
      const permit = handle.check(1, 0);
      for (const bad of [-1, Number.NaN, Number.POSITIVE_INFINITY, '1', null]) {
        for (const record of [
          () => limiter.recordSuccess('peer', permit, 0, bad as number),
          () => handle.recordSuccess(permit, 0, bad as number),
          () => handle.recordSuccess(permit, undefined, bad as number),
        ]) {
          const error = thrownBy(record);
          assert.instance(error, RangeError);
          assert.is(error.code, 'ERR_PEERGATE_DURATION');
        }
      }
      assert.ok(limiter.recordSuccess('peer', permit, 0, 0));
      assert.ok(handle.recordSuccess(permit, undefined, 1e9));
    }
  });

  test.run();
}

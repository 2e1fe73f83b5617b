/** A decision is one integer: how it is packed, how it is read, and what it says of the time to wait. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Decision, isAllowed, RateLimiter, reasonOf, retryAfterMs } from '../src/index.js';
import { engines } from './engines.js';
import { drain, everything, openCircuit, thrownBy } from './support.js';

const LONGEST_RETRY_MS = 2 ** 28 - 2;

function isSmallInteger(decision: number): boolean {
  return Number.isInteger(decision) && decision >= -(2 ** 30) && decision < 2 ** 30 && !Object.is(decision, -0);
}

for (const { name, using } of engines) {
  const test = suite(`decisions (${name})`);
  const limiterOf = (options = {}) => new RateLimiter({ maxPeers: 8, clock: () => 0, ...options, ...using });

  test('an allowed decision is >= 0, a rejected one < 0, and each is a small integer', () => {
    const limiter = limiterOf({ burstSize: 1, maxPeers: 1, onFull: 'reject' });
    const decisions: Decision[] = [
      limiter.check('a', 1, 0),
      limiter.check('a', 1, 0),
      limiter.check('a', 2, 0),
      limiter.check('b', 1, 0),
    ];
    openCircuit(limiter, 'a', 0);
    decisions.push(limiter.check('a', 1, 0));
    assert.equal(decisions.map(reasonOf), ['allowed', 'rate_limited', 'rate_limited', 'table_full', 'circuit_open']);
    assert.equal(decisions.map(isAllowed), [true, false, false, false, false]);
    assert.equal(
      decisions.map((d) => d >= 0),
      [true, false, false, false, false],
    );
    for (const decision of decisions) assert.ok(isSmallInteger(decision), String(decision));
  });

  test('the permit of every life and period is a small integer', () => {
    const limiter = limiterOf({
      circuitBreakerThreshold: 1,
      circuitBreakerTimeoutMs: 1,
      burstSize: 1e6,
      maxRequestsPerSec: 1e6,
    });
    let now = 0;
    for (let i = 0; i < 40_000; i++) {
      const probe = limiter.check('peer', 1, now);
      assert.ok(isSmallInteger(probe) && probe >= 0, `period ${i} gave ${probe}`);
      limiter.recordFailure('peer', probe, now);
      now += 1;
    }
    for (let i = 0; i < 70_000; i++) {
      limiter.removePeer('peer');
      const first = limiter.check('peer', 1, now);
      if (!isSmallInteger(first) || first <= 0) assert.unreachable(`life ${i} gave ${first}`);
    }
  });

  test('allows gives the answer of check, takes the same tokens, and reads the clock in the same way', () => {
    let now = 0;
    const limiter = limiterOf({ burstSize: 3, maxRequestsPerSec: 1, clock: () => now });
    assert.is(limiter.allows('a'), true);
    assert.is(limiter.allows('a', 3), false);
    assert.is(limiter.allows('a', 2), true);
    assert.is(limiter.allows('a'), false);
    assert.is(limiter.allows('a', 1, 1_000), true);
    now = 2_000;
    assert.is(limiter.allows('a'), true);
    const peer = limiter.peer('b');
    assert.equal([peer.allows(), peer.allows(2), peer.allows(), peer.allows(1, 3_000)], [true, true, false, true]);
    for (const bad of [
      () => limiter.allows('a', 0),
      () => peer.allows(1.5),
      () => limiter.allows('a', 1, Number.NaN),
    ]) {
      assert.instance(thrownBy(bad), RangeError);
    }
  });

  test('isAllowed, reasonOf and retryAfterMs throw a TypeError for a value that is not a number', () => {
    for (const value of [true, false, undefined, null, '0', '5', {}, [], [5], 5n, Number.NaN, Object(5)]) {
      for (const read of [isAllowed, reasonOf, retryAfterMs]) {
        const error = thrownBy(() => read(value as Decision));
        assert.instance(error, TypeError, `${read.name} of ${String(value)}`);
        assert.is(error.code, 'ERR_PEERGATE_DECISION');
      }
    }
  });

  test('the longest wait still fits a small integer', () => {
    const limiter = limiterOf({
      maxRequestsPerSec: 1e-5,
      burstSize: 1_000,
      circuitBreakerThreshold: 1,
      circuitBreakerTimeoutMs: 2 ** 31 - 1,
    });
    drain(limiter, 'slow', 0);
    for (const cost of [1_000, 1_001]) assert.ok(isSmallInteger(limiter.check('slow', cost, 0)));
    openCircuit(limiter, 'open', 0);
    assert.ok(isSmallInteger(limiter.check('open', 1, 0)));
  });

  test('retryAfterMs is 0 when allowed', () => {
    assert.is(retryAfterMs(limiterOf().check('peer', 1, 0)), 0);
  });

  test('retryAfterMs is whole milliseconds, rounded up', () => {
    const limiter = limiterOf({ maxRequestsPerSec: 3, burstSize: 1 });
    limiter.check('peer', 1, 0);
    assert.is(retryAfterMs(limiter.check('peer', 1, 0)), 334);
    assert.is(retryAfterMs(limiter.check('peer', 1, 0.25)), 334);
    assert.is(retryAfterMs(limiter.check('peer', 1, 0.5)), 333);
    assert.is(retryAfterMs(limiter.check('peer', 1, 333)), 1);
  });

  test('retryAfterMs is Infinity if waiting cannot help: for a cost above the burst', () => {
    const limiter = limiterOf({ burstSize: 5 });
    for (const cost of [6, 7, 2 ** 31, 2 ** 32 + 1, 2 ** 53, 1e300]) {
      const decision = limiter.check('peer', cost, 0);
      assert.is(reasonOf(decision), 'rate_limited', String(cost));
      assert.is(retryAfterMs(decision), Number.POSITIVE_INFINITY, String(cost));
    }
    assert.is(limiter.peerCount, 0, 'and it claims no row');
    assert.ok(isAllowed(limiter.check('peer', 5, 0)));
  });

  test('retryAfterMs saturates at 2^28 - 2, for the bucket and for the circuit', () => {
    const limiter = limiterOf({
      maxRequestsPerSec: 1e-5,
      burstSize: 100,
      circuitBreakerThreshold: 1,
      circuitBreakerTimeoutMs: 2 ** 31 - 1,
    });
    drain(limiter, 'slow', 0);
    assert.is(retryAfterMs(limiter.check('slow', 100, 0)), LONGEST_RETRY_MS);
    assert.is(retryAfterMs(limiter.check('slow', 1, 0)), 1e8, 'below the bound it is exact');
    openCircuit(limiter, 'open', 0);
    assert.is(retryAfterMs(limiter.check('open', 1, 0)), LONGEST_RETRY_MS);
    assert.is(retryAfterMs(limiter.check('open', 1, 2 ** 31 - 1 - LONGEST_RETRY_MS - 1)), LONGEST_RETRY_MS);
    assert.is(retryAfterMs(limiter.check('open', 1, 2 ** 31 - 1 - LONGEST_RETRY_MS + 1)), LONGEST_RETRY_MS - 1);
  });

  test('retryAfterMs of an open circuit says when the next probe is allowed', () => {
    const limiter = limiterOf({ circuitBreakerThreshold: 1, circuitBreakerTimeoutMs: 500 });
    openCircuit(limiter, 'peer', 100);
    assert.is(retryAfterMs(limiter.check('peer', 1, 100)), 500);
    assert.is(retryAfterMs(limiter.check('peer', 1, 599.5)), 1);
    assert.ok(isAllowed(limiter.check('peer', 1, 600)));
  });

  test('retryAfterMs of an open circuit ignores the bucket, which may still refuse', () => {
    const limiter = limiterOf({
      circuitBreakerThreshold: 1,
      circuitBreakerTimeoutMs: 500,
      burstSize: 1,
      maxRequestsPerSec: 1,
    });
    limiter.check('peer', 1, 100);
    openCircuit(limiter, 'peer', 100);
    assert.is(retryAfterMs(limiter.check('peer', 1, 100)), 500);
    const decision = limiter.check('peer', 1, 600);
    assert.is(reasonOf(decision), 'rate_limited');
    assert.is(retryAfterMs(decision), 500);
  });

  test('while all probes are out, retryAfterMs says when their lease ends', () => {
    const limiter = limiterOf({ circuitBreakerThreshold: 1, circuitBreakerTimeoutMs: 500, probeTimeoutMs: 250 });
    openCircuit(limiter, 'peer', 0);
    limiter.check('peer', 1, 600);
    const decision = limiter.check('peer', 1, 700);
    assert.is(reasonOf(decision), 'circuit_open');
    assert.is(retryAfterMs(decision), 150);
  });

  test('retryAfterMs of a full table is a hint of one second', () => {
    const limiter = limiterOf({ maxPeers: 1, onFull: 'reject' });
    limiter.check('a', 1, 0);
    assert.is(retryAfterMs(limiter.check('b', 1, 0)), 1_000);
  });

  test('a rejection changes nothing but its own count', () => {
    const limiter = limiterOf({
      maxPeers: 3,
      onFull: 'reject',
      burstSize: 2,
      circuitBreakerThreshold: 1,
      circuitBreakerTimeoutMs: 100,
    });
    drain(limiter, 'empty', 50);
    openCircuit(limiter, 'open', 50);
    openCircuit(limiter, 'probed', -50);
    limiter.check('probed', 1, 100);
    limiter.check('probed', 1, 100);
    const counters = new Set(['allowed', 'rateLimited', 'circuitRejected']);
    const state = () =>
      [...limiter.peers(100)].map((row) => Object.entries(row).filter(([field]) => !counters.has(field)));
    const before = JSON.stringify(state());
    const { allowed } = limiter.stats();
    for (let i = 0; i < 50; i++) {
      assert.is(reasonOf(limiter.check('empty', 2, 51)), 'rate_limited');
      assert.is(reasonOf(limiter.check('empty', 3, 51)), 'rate_limited');
      assert.is(reasonOf(limiter.check('open', 1, 100)), 'circuit_open');
      assert.is(reasonOf(limiter.check('probed', 1, 100)), 'circuit_open');
      assert.is(reasonOf(limiter.check('newcomer', 1, 51)), 'table_full');
    }
    assert.is(JSON.stringify(state()), before);
    assert.is(limiter.stats().allowed, allowed);
    assert.is(limiter.peerCount, 3);
  });

  test('an open circuit is reported before an empty bucket', () => {
    const limiter = limiterOf({ burstSize: 1, circuitBreakerThreshold: 1, circuitBreakerTimeoutMs: 100 });
    limiter.check('peer', 1, 0);
    openCircuit(limiter, 'peer', 0);
    assert.is(reasonOf(limiter.check('peer', 1, 0)), 'circuit_open');
    assert.is(reasonOf(limiter.check('peer', 2, 0)), 'circuit_open', 'even where waiting cannot help');
  });

  test('an empty bucket does not use up a probe', () => {
    const limiter = limiterOf({
      burstSize: 1,
      maxRequestsPerSec: 1,
      circuitBreakerThreshold: 1,
      circuitBreakerTimeoutMs: 100,
    });
    limiter.check('peer', 1, 0);
    openCircuit(limiter, 'peer', 0);
    for (const now of [100, 500, 999]) assert.is(reasonOf(limiter.check('peer', 1, now)), 'rate_limited');
    assert.not(limiter.recordIgnored('peer', undefined, 999), 'no probe is out');
    assert.ok(isAllowed(limiter.check('peer', 1, 1_000)));
    assert.is(reasonOf(limiter.check('peer', 1, 1_000)), 'circuit_open', 'now the probe is out');
  });

  test('a peer never seen has a full bucket and a closed circuit, at any time', () => {
    for (const now of [0, 1, 0.001, 1e6, 1.7e12, -5, -1e12]) {
      const limiter = limiterOf({ burstSize: 3 });
      assert.is(limiter.getAvailableTokens('peer', now), 3);
      assert.is(limiter.getCircuitState('peer', now), 'closed');
      assert.ok(isAllowed(limiter.check('peer', 3, now)), `at ${now}`);
      assert.is(reasonOf(limiter.check('peer', 1, now)), 'rate_limited');
    }
  });

  test('the helpers read a decision and change nothing', () => {
    const limiter = limiterOf({ burstSize: 1 });
    limiter.check('peer', 1, 0);
    const decision = limiter.check('peer', 1, 0);
    const before = JSON.stringify(everything(limiter, 0));
    for (let i = 0; i < 3; i++) {
      assert.not(isAllowed(decision));
      assert.is(reasonOf(decision), 'rate_limited');
      assert.is(retryAfterMs(decision), 10);
    }
    assert.is(JSON.stringify(everything(limiter, 0)), before);
  });

  test.run();
}

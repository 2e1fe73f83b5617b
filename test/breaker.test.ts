/** The circuit breaker while it is closed or open: what opens it, and for how long. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, reasonOf } from '../src/index.js';
import { engines } from './engines.js';
import { openCircuit } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`circuit breaker (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({
      maxPeers: 8,
      circuitBreakerThreshold: 3,
      circuitBreakerTimeoutMs: 1_000,
      probeTimeoutMs: 400,
      clock: () => 0,
      ...options,
      ...using,
    });

  // ── closed ───────────────────────────────────────────────────────────────────────────────────────────────────────

  test('closed: as many failures in a row as the threshold open it, one fewer does not', () => {
    for (const threshold of [1, 2, 3, 50]) {
      const limiter = limiterOf({ circuitBreakerThreshold: threshold });
      for (let i = 1; i < threshold; i++) assert.ok(limiter.recordFailure('peer', undefined, 0));
      assert.is(limiter.getCircuitState('peer', 0), 'closed');
      assert.ok(limiter.recordFailure('peer', undefined, 0));
      assert.is(limiter.getCircuitState('peer', 0), 'open');
    }
  });

  test('closed: a success sets the run of failures back to 0', () => {
    const limiter = limiterOf();
    for (let i = 0; i < 10; i++) {
      limiter.recordFailure('peer', undefined, 0);
      limiter.recordFailure('peer', undefined, 0);
      assert.ok(limiter.recordSuccess('peer', undefined, 0));
    }
    assert.is(limiter.getCircuitState('peer', 0), 'closed');
  });

  test('closed: failures count, however far apart they are', () => {
    const limiter = limiterOf();
    for (const now of [0, 1e9, 2e9]) limiter.recordFailure('peer', undefined, now);
    assert.is(limiter.getCircuitState('peer', 2e9), 'open');
  });

  test('closed: recordIgnored returns false and leaves the run of failures unchanged', () => {
    const limiter = limiterOf();
    const permit = limiter.check('peer', 1, 0);
    limiter.recordFailure('peer', permit, 0);
    limiter.recordFailure('peer', permit, 0);
    assert.not(limiter.recordIgnored('peer', permit, 0));
    assert.not(limiter.recordIgnored('peer', undefined, 0));
    assert.ok(limiter.recordFailure('peer', permit, 0));
    assert.is(limiter.getCircuitState('peer', 0), 'open');
  });

  test('a permit is not a ticket: settling twice counts twice while its period lasts', () => {
    const limiter = limiterOf();
    const permit = limiter.check('peer', 1, 0);
    assert.ok(limiter.recordFailure('peer', permit, 0));
    assert.ok(limiter.recordFailure('peer', permit, 0));
    assert.ok(limiter.recordFailure('peer', permit, 0));
    assert.is(limiter.getCircuitState('peer', 0), 'open');
    assert.not(limiter.recordFailure('peer', permit, 0));
  });

  test('without a permit a result counts towards the current period', () => {
    const limiter = limiterOf({ circuitBreakerThreshold: 1 });
    limiter.recordFailure('peer', undefined, 0);
    limiter.check('peer', 1, 1_000);
    assert.ok(limiter.recordSuccess('peer', undefined, 1_001));
    assert.is(limiter.getCircuitState('peer', 1_001), 'closed');
  });

  // ── open ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  test('open: every request is rejected until the timeout has passed, and the first one is allowed at that instant', () => {
    const limiter = limiterOf();
    openCircuit(limiter, 'peer', 50);
    for (const now of [50, 51, 1_000, 1_049, 1_049.99])
      assert.is(reasonOf(limiter.check('peer', 1, now)), 'circuit_open');
    assert.ok(isAllowed(limiter.check('peer', 1, 1_050)));
  });

  test('open: results return false, with an earlier permit and without a permit', () => {
    const limiter = limiterOf();
    const permit = limiter.check('peer', 1, 0);
    openCircuit(limiter, 'peer', 0);
    for (const now of [0, 500, 1_000, 5_000]) {
      for (const given of [permit, undefined]) {
        assert.not(limiter.recordSuccess('peer', given, now));
        assert.not(limiter.recordFailure('peer', given, now));
        assert.not(limiter.recordIgnored('peer', given, now));
      }
    }
    assert.is(limiter.getCircuitState('peer', 999), 'open');
    assert.is(limiter.getCircuitState('peer', 1_000), 'half_open');
  });

  test('open: failures do not move the deadline', () => {
    const limiter = limiterOf();
    openCircuit(limiter, 'peer', 0);
    for (let now = 0; now < 1_000; now += 100) limiter.recordFailure('peer', undefined, now);
    assert.ok(isAllowed(limiter.check('peer', 1, 1_000)));
  });

  test('the deadline of an open circuit is rounded up to 1/128 ms', () => {
    const limiter = limiterOf({ circuitBreakerThreshold: 1, circuitBreakerTimeoutMs: 10.001 });
    openCircuit(limiter, 'peer', 0);
    const deadline = Math.ceil(10.001 * 128) / 128;
    assert.is(limiter.getCircuitState('peer', 10.001), 'open');
    assert.is(limiter.getCircuitState('peer', deadline - 2 ** -20), 'open');
    assert.is(limiter.getCircuitState('peer', deadline), 'half_open');
    const short = limiterOf({ circuitBreakerThreshold: 1, circuitBreakerTimeoutMs: 0.001 });
    openCircuit(short, 'peer', 5);
    assert.is(short.getCircuitState('peer', 5), 'open');
    assert.is(short.getCircuitState('peer', 5 + 1 / 128), 'half_open');
  });

  test('when the generations of a breaker wrap around, no result is lost', () => {
    const limiter = limiterOf({ circuitBreakerThreshold: 1, burstSize: 1e6, maxRequestsPerSec: 1e6 });
    let now = 0;
    for (let i = 0; i < 20_000; i++) {
      const permit = limiter.check('peer', 1, now);
      if (i % 3 === 0) assert.ok(limiter.recordSuccess('peer', permit, now), `success of period ${i}`);
      assert.ok(limiter.recordFailure('peer', permit, now), `failure of period ${i}`);
      now += 1_000;
      const probe = limiter.check('peer', 1, now);
      assert.ok(limiter.recordSuccess('peer', probe, now), `probe of period ${i}`);
      assert.is(limiter.getCircuitState('peer', now), 'closed');
    }
  });

  test('failures count towards the largest possible threshold', () => {
    const limiter = limiterOf({ circuitBreakerThreshold: 2 ** 30 });
    for (let i = 0; i < 1_000; i++) assert.ok(limiter.recordFailure('peer', undefined, 0));
    assert.is(limiter.getCircuitState('peer', 0), 'closed');
    limiter.configure({ circuitBreakerThreshold: 1_001 }, 0);
    limiter.recordFailure('peer', undefined, 0);
    assert.is(limiter.getCircuitState('peer', 0), 'open');
  });

  test.run();
}

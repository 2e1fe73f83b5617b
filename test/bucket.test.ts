/** The token bucket as a caller sees it: burst, refill, clocks that run backwards, refunds. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, reasonOf, retryAfterMs } from '../src/index.js';
import { engines } from './engines.js';
import { drain, openCircuit } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`token bucket (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({ maxPeers: 8, maxRequestsPerSec: 10, burstSize: 5, clock: () => 0, ...options, ...using });

  test('a check takes as many tokens as it costs, or none', () => {
    const limiter = limiterOf();
    assert.ok(isAllowed(limiter.check('peer', 3, 0)));
    assert.not(isAllowed(limiter.check('peer', 3, 0)));
    assert.ok(isAllowed(limiter.check('peer', 2, 0)), 'the rejected check took nothing');
  });

  test('the default cost is 1', () => {
    const limiter = limiterOf();
    limiter.check('peer');
    limiter.check('peer', undefined, 0);
    assert.is(limiter.getAvailableTokens('peer', 0), 3);
  });

  test('tokens come back at the configured rate, also in fractions', () => {
    const limiter = limiterOf({ maxRequestsPerSec: 0.5, burstSize: 1 });
    limiter.check('peer', 1, 0);
    assert.not(isAllowed(limiter.check('peer', 1, 1_999.999)));
    assert.ok(isAllowed(limiter.check('peer', 1, 2_000)));
  });

  test('a rate of a million tokens a second works', () => {
    const limiter = limiterOf({ maxRequestsPerSec: 1e6, burstSize: 1_000 });
    drain(limiter, 'peer', 0);
    assert.not(isAllowed(limiter.check('peer', 1, 0)));
    assert.ok(isAllowed(limiter.check('peer', 1, 0.002)));
    assert.ok(limiter.getAvailableTokens('peer', 0.5) >= 497);
  });

  test('a burst of 10^14 tokens can be taken by one check, and comes back in three years', () => {
    const limiter = limiterOf({ maxRequestsPerSec: 1e6, burstSize: 1e14 });
    assert.is(limiter.getAvailableTokens('peer', 0), 1e14);
    assert.ok(isAllowed(limiter.check('peer', 99_999_999_999_999, 0)));
    assert.is(limiter.getAvailableTokens('peer', 0), 1);
    assert.ok(isAllowed(limiter.check('peer', 1, 0)));
    assert.not(isAllowed(limiter.check('peer', 1, 0)));
    assert.not(isAllowed(limiter.check('peer', 1e14, 0.99e11)));
    assert.ok(isAllowed(limiter.check('peer', 1e14, 1.01e11)));
  });

  test('a clock that runs backwards never adds tokens', () => {
    const limiter = limiterOf();
    drain(limiter, 'peer', 10_000);
    for (const now of [9_999, 5_000, 0, -1]) {
      assert.is(limiter.getAvailableTokens('peer', now), 0);
      assert.is(reasonOf(limiter.check('peer', 1, now)), 'rate_limited', `at ${now}`);
    }
    assert.not(isAllowed(limiter.check('peer', 1, 10_099)));
    assert.ok(isAllowed(limiter.check('peer', 1, 10_100)), 'and when it has caught up, the debt is what it was');
  });

  test('a clock that is far behind finds an empty bucket and the right time to wait', () => {
    const limiter = limiterOf();
    limiter.check('peer', 1, 60_000);
    const decision = limiter.check('peer', 1, 0);
    assert.is(reasonOf(decision), 'rate_limited');
    assert.is(retryAfterMs(decision), 60_000 + 100 + 100 - 500);
    assert.is(limiter.getAvailableTokens('peer', 0), 0);
  });

  test('a clock that runs backwards never shortens an open circuit', () => {
    const limiter = limiterOf({ circuitBreakerThreshold: 1, circuitBreakerTimeoutMs: 1_000 });
    openCircuit(limiter, 'peer', 10_000);
    for (const now of [9_000, 0, -7]) {
      limiter.recordFailure('peer', undefined, now);
      assert.is(limiter.getCircuitState('peer', now), 'open');
      const decision = limiter.check('peer', 1, now);
      assert.is(reasonOf(decision), 'circuit_open');
      assert.is(retryAfterMs(decision), 11_000 - Math.max(0, now));
    }
    assert.is(reasonOf(limiter.check('peer', 1, 10_999)), 'circuit_open');
    assert.ok(isAllowed(limiter.check('peer', 1, 11_000)));
  });

  // ── refund ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  test('refund gives tokens back', () => {
    const limiter = limiterOf();
    drain(limiter, 'peer', 0);
    limiter.refund('peer', 2);
    assert.is(limiter.getAvailableTokens('peer', 0), 2);
    limiter.refund('peer');
    assert.is(limiter.getAvailableTokens('peer', 0), 3);
  });

  test('refund never gives above burstSize', () => {
    const limiter = limiterOf();
    for (const cost of [6, 1_000, 2 ** 32, 2 ** 53, 1e300]) {
      drain(limiter, 'peer', 0);
      limiter.refund('peer', cost);
      assert.is(limiter.getAvailableTokens('peer', 0), 5, `${cost} tokens`);
      drain(limiter, 'peer', 0);
      assert.is(reasonOf(limiter.check('peer', 1, 0)), 'rate_limited', `after ${cost} tokens`);
      limiter.refund('peer', 5);
    }
  });

  test('refund does nothing for a peer without a row', () => {
    const limiter = limiterOf();
    assert.is(limiter.refund('peer', 3), undefined);
    assert.is(limiter.peerCount, 0);
    drain(limiter, 'peer', 0);
    assert.is(reasonOf(limiter.check('peer', 1, 0)), 'rate_limited');
  });

  test('refund leaves the circuit unchanged', () => {
    const limiter = limiterOf({ circuitBreakerThreshold: 1 });
    limiter.check('peer', 1, 0);
    openCircuit(limiter, 'peer', 0);
    limiter.refund('peer', 1);
    assert.is(limiter.getCircuitState('peer', 0), 'open');
  });

  test.run();
}

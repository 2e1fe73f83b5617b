/** The rate limiter's nine tests of the specification, under the names they have there. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, reasonOf } from '../src/index.js';
import { engines } from './engines.js';

const config = {
  maxRequestsPerSec: 10,
  burstSize: 5,
  circuitBreakerThreshold: 3,
  circuitBreakerTimeoutMs: 1_000,
};

for (const { name, using } of engines) {
  const test = suite(`the specification's nine (${name})`);
  const limiterOf = (options = {}) => new RateLimiter({ ...config, ...options, clock: () => 0, ...using });

  test('test_rate_limiter_allows_within_limit', () => {
    const limiter = limiterOf();
    for (let i = 0; i < 5; i++)
      assert.ok(isAllowed(limiter.check('peer', 1, 0)), `request ${i + 1} is within the burst`);
    assert.is(reasonOf(limiter.check('peer', 1, 0)), 'rate_limited');
  });

  test('test_rate_limiter_refills_tokens', () => {
    const limiter = limiterOf();
    for (let i = 0; i < 5; i++) limiter.check('peer', 1, 0);
    assert.not(isAllowed(limiter.check('peer', 1, 99)));
    assert.ok(isAllowed(limiter.check('peer', 1, 100)), 'one token is back after 100 ms at 10 a second');
    assert.not(isAllowed(limiter.check('peer', 1, 100)), 'only one');
    for (let i = 0; i < 3; i++) assert.ok(isAllowed(limiter.check('peer', 1, 400)), 'three more after 300 ms');
    assert.not(isAllowed(limiter.check('peer', 1, 400)));
  });

  test('test_circuit_breaker_opens_on_failures', () => {
    const limiter = limiterOf();
    for (let i = 0; i < 2; i++) limiter.recordFailure('peer', undefined, 0);
    assert.is(limiter.getCircuitState('peer', 0), 'closed');
    assert.ok(isAllowed(limiter.check('peer', 1, 0)));
    limiter.recordFailure('peer', undefined, 0);
    assert.is(limiter.getCircuitState('peer', 0), 'open');
    assert.is(reasonOf(limiter.check('peer', 1, 0)), 'circuit_open');
  });

  test('test_circuit_breaker_half_open_recovery', () => {
    const limiter = limiterOf();
    for (let i = 0; i < 3; i++) limiter.recordFailure('peer', undefined, 0);
    assert.is(reasonOf(limiter.check('peer', 1, 999)), 'circuit_open');
    const probe = limiter.check('peer', 1, 1_000);
    assert.ok(isAllowed(probe));
    assert.is(limiter.getCircuitState('peer', 1_000), 'half_open');
    assert.ok(limiter.recordSuccess('peer', probe, 1_010));
    assert.is(limiter.getCircuitState('peer', 1_010), 'closed');
    assert.ok(isAllowed(limiter.check('peer', 1, 1_010)));
  });

  test('test_circuit_breaker_reopens_on_half_open_failure', () => {
    const limiter = limiterOf();
    for (let i = 0; i < 3; i++) limiter.recordFailure('peer', undefined, 0);
    const probe = limiter.check('peer', 1, 1_000);
    assert.ok(limiter.recordFailure('peer', probe, 1_010));
    assert.is(limiter.getCircuitState('peer', 1_010), 'open');
    assert.is(reasonOf(limiter.check('peer', 1, 2_009)), 'circuit_open');
    assert.ok(isAllowed(limiter.check('peer', 1, 2_010)));
  });

  test('test_different_peers_independent_limits', () => {
    const limiter = limiterOf();
    for (let i = 0; i < 5; i++) limiter.check('noisy', 1, 0);
    for (let i = 0; i < 3; i++) limiter.recordFailure('failing', undefined, 0);
    assert.is(reasonOf(limiter.check('noisy', 1, 0)), 'rate_limited');
    assert.is(reasonOf(limiter.check('failing', 1, 0)), 'circuit_open');
    for (let i = 0; i < 5; i++) assert.ok(isAllowed(limiter.check('quiet', 1, 0)));
  });

  test('test_remove_peer', () => {
    const limiter = limiterOf();
    for (let i = 0; i < 5; i++) limiter.check('peer', 1, 0);
    assert.is(limiter.peerCount, 1);
    assert.ok(limiter.removePeer('peer'));
    assert.is(limiter.peerCount, 0);
    assert.not(limiter.removePeer('peer'));
    assert.is(limiter.getAvailableTokens('peer', 0), 5);
    assert.ok(isAllowed(limiter.check('peer', 1, 0)), 'it comes back as a new peer');
  });

  test('test_success_resets_failure_count', () => {
    const limiter = limiterOf();
    for (let i = 0; i < 2; i++) limiter.recordFailure('peer', undefined, 0);
    limiter.recordSuccess('peer', undefined, 0);
    for (let i = 0; i < 2; i++) limiter.recordFailure('peer', undefined, 0);
    assert.is(limiter.getCircuitState('peer', 0), 'closed');
    limiter.recordFailure('peer', undefined, 0);
    assert.is(limiter.getCircuitState('peer', 0), 'open');
  });

  test('test_token_bucket_capacity_bounds', () => {
    const limiter = limiterOf();
    assert.is(limiter.getAvailableTokens('peer', 0), 5);
    limiter.check('peer', 2, 0);
    assert.is(limiter.getAvailableTokens('peer', 0), 3);
    assert.is(limiter.getAvailableTokens('peer', 3_600_000), 5, 'an idle hour fills it and no more');
    for (let i = 0; i < 5; i++) assert.ok(isAllowed(limiter.check('peer', 1, 3_600_000)));
    assert.not(isAllowed(limiter.check('peer', 1, 3_600_000)));
  });

  test.run();
}

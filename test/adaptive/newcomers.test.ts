/** The bucket that peers share which are neither established nor held by a handle. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, reasonOf, retryAfterMs } from '../../src/index.js';
import { engines } from '../engines.js';
import { admitted, establish, names } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`newcomers (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({
      ...{ maxRequestsPerSec: 10, burstSize: 10, maxPeers: 4_096, clock: () => 0 },
      newcomers: { maxRequestsPerSec: 20, burstSize: 30 },
      ...options,
      ...using,
    });

  test('invented names get together what it says, and rejected ones get no row', () => {
    const limiter = limiterOf();
    let allowed = 0;
    for (const peer of names(1_000)) allowed += admitted(limiter, peer, 1, 0);
    assert.is(allowed, 30);
    assert.is(limiter.peerCount, 30);
    for (const peer of names(1_000, 'later')) allowed += admitted(limiter, peer, 1, 1_000);
    assert.is(allowed, 50);
    assert.is(limiter.stats().rateLimited, 1_950);
  });

  test('a peer’s own limit holds as well, all or nothing', () => {
    const limiter = limiterOf();
    assert.is(admitted(limiter, 'peer', 100, 0), 10);
    assert.is(admitted(limiter, 'other', 100, 0), 10, 'what the first was refused was not taken from the others');
    assert.is(admitted(limiter, 'third', 100, 0), 10);
    assert.is(admitted(limiter, 'fourth', 100, 0), 0);
  });

  test('retryAfterMs tells the longer of the two waits, exactly', () => {
    const limiter = limiterOf();
    for (const peer of names(30)) limiter.check(peer, 1, 0);
    const decision = limiter.check('peer 0', 1, 0);
    assert.is(reasonOf(decision), 'rate_limited');
    assert.is(retryAfterMs(decision), 50);
    assert.not(isAllowed(limiter.check('peer 0', 1, 49)));
    assert.ok(isAllowed(limiter.check('peer 0', 1, 50)));
    assert.is(retryAfterMs(limiter.check('unseen', 1, 50)), 50);
    assert.is(retryAfterMs(limiter.check('peer 1', 10, 2_000)), 0);
    assert.is(retryAfterMs(limiter.check('peer 1', 1, 2_000)), 100, 'its own');
  });

  test('established peers do not depend on it', () => {
    const limiter = limiterOf({ minimumCalls: 3 });
    establish(limiter, ['old'], 0);
    for (const peer of names(100)) limiter.check(peer, 1, 1_000);
    assert.is(admitted(limiter, 'stranger', 1, 1_000), 0);
    assert.is(admitted(limiter, 'old', 100, 1_000), 10);
  });

  test('handles do not depend on it, nor does their peer by its name', () => {
    const limiter = limiterOf();
    const handle = limiter.peer('held', 0);
    for (const peer of names(100)) limiter.check(peer, 1, 1_000);
    assert.ok(isAllowed(handle.check(1, 1_000)));
    assert.is(admitted(limiter, 'held', 100, 1_000), 9);
    handle.release();
    assert.is(admitted(limiter, 'held', 100, 1_100), 1);
    assert.is(admitted(limiter, 'unseen', 100, 1_100), 1);
  });

  test('peers that found no row share it, too', () => {
    const limiter = limiterOf({ maxPeers: 1, burstSize: 100 });
    const handle = limiter.peer('held', 0);
    let allowed = 0;
    for (const peer of names(100)) allowed += admitted(limiter, peer, 1, 0);
    assert.is(allowed, 30);
    assert.ok(isAllowed(handle.check(1, 0)));
    const late = limiter.peer('without a row', 0);
    assert.ok(isAllowed(late.check(1, 0)), 'a handle without a row shares only the bucket of those without');
  });

  test('it can be set, changed and switched off', () => {
    const limiter = limiterOf();
    for (const peer of names(40)) limiter.check(peer, 1, 0);
    limiter.configure({ newcomers: { maxRequestsPerSec: 20, burstSize: 50 } }, 0);
    assert.is(admitted(limiter, 'a', 10, 0) + admitted(limiter, 'b', 10, 0) + admitted(limiter, 'c', 10, 0), 20);
    limiter.configure({ newcomers: false }, 0);
    assert.is(limiter.config.newcomers, undefined);
    assert.is(admitted(limiter, 'd', 20, 0), 10);
    limiter.configure({ newcomers: { maxRequestsPerSec: 1, burstSize: 5 } }, 0);
    assert.is(admitted(limiter, 'e', 20, 0), 5);
  });

  test('an open circuit is told before the bucket of newcomers is looked at', () => {
    const limiter = limiterOf({ circuitBreakerThreshold: 1 });
    limiter.recordFailure('bad', undefined, 0);
    for (const peer of names(40)) limiter.check(peer, 1, 0);
    assert.is(reasonOf(limiter.check('bad', 1, 0)), 'circuit_open');
  });

  test.run();
}

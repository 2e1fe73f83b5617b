/** A handle made when the table was full: what it does until a row is free, and that it then gets its own row. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, reasonOf } from '../src/index.js';
import { engines } from './engines.js';

for (const { name, using } of engines) {
  const test = suite(`peer handles of a full table (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({
      maxPeers: 2,
      maxRequestsPerSec: 1,
      burstSize: 4,
      circuitBreakerThreshold: 2,
      circuitBreakerTimeoutMs: 1_000,
      onFull: 'reject',
      clock: () => 0,
      ...options,
      ...using,
    });
  const LATER = 1e9;

  test("onFull 'reject': a handle made when no row was free is rejected until one is free, then has its own", () => {
    const limiter = limiterOf({ maxPeers: 1 });
    limiter.check('resident', 1, 0);
    const peer = limiter.peer('peer', 0);
    assert.is(reasonOf(peer.check(1, 0)), 'table_full');
    assert.not(peer.recordFailure(undefined, 0));
    assert.equal([peer.availableTokens, peer.circuitState], [4, 'closed']);
    const permit = peer.check(1, 1_000);
    assert.ok(isAllowed(permit));
    assert.ok(peer.recordFailure(permit, 1_000));
    assert.is(reasonOf(limiter.check('newcomer', 1, LATER)), 'table_full', 'the row is pinned');
    peer.release();
    assert.ok(isAllowed(limiter.check('newcomer', 1, LATER)));
  });

  test("onFull 'overflow': a handle made when no row was free shares the bucket until one is free, then has its own", () => {
    const limiter = limiterOf({ maxPeers: 1, onFull: 'overflow' });
    limiter.check('resident', 2, 0);
    const peer = limiter.peer('peer', 0);
    const shared = peer.check(3, 0);
    assert.is(shared, 0);
    assert.not(peer.recordFailure(shared, 0));
    assert.is(reasonOf(limiter.check('another', 2, 0)), 'rate_limited');
    limiter.removePeer('resident');
    const own = peer.check(4, 0);
    assert.ok(isAllowed(own) && own !== 0, 'a row, and a bucket, of its own');
    assert.ok(peer.recordFailure(own, 0));
    limiter.check('newcomer', 1, LATER);
    assert.equal(
      [...limiter.peers(LATER)].map((row) => row.id),
      ['peer'],
    );
  });

  test('a failure without a permit takes a row for such a handle as soon as one is free', () => {
    const limiter = limiterOf({ maxPeers: 1 });
    limiter.check('resident', 1, 0);
    const peer = limiter.peer('peer', 0);
    assert.not(peer.recordFailure(undefined, 0));
    limiter.removePeer('resident');
    assert.ok(peer.recordFailure(undefined, 0));
    assert.is(reasonOf(limiter.check('newcomer', 1, LATER)), 'table_full', 'and pins it');
  });

  test('a row that a failure took in a large full table is pinned like any other', () => {
    for (let spare = 0; spare < 192; spare += 8) {
      const limiter = limiterOf({ maxPeers: 192 });
      for (let i = 0; i < 192; i++) limiter.check(`resident-${i}`, i === spare ? 1 : 4, 0);
      const peer = limiter.peer('peer', 1_000);
      let attempts = 0;
      while (!peer.recordFailure(undefined, 1_000)) assert.ok(attempts++ < 4, 'a round of the hand is three attempts');
      for (let i = 0; i < 500; i++) limiter.check(`invented-${i}`, 1, LATER);
      assert.ok(
        [...limiter.peers(LATER)].some((row) => row.id === 'peer'),
        `the row to spare was at ${spare}`,
      );
    }
  });

  test('such a handle holds nothing if it is released before a row is free', () => {
    const limiter = limiterOf({ maxPeers: 1 });
    limiter.check('resident', 1, 0);
    const peer = limiter.peer('peer', 0);
    peer.release();
    peer.release();
    assert.ok(isAllowed(limiter.check('newcomer', 1, LATER)));
    assert.ok(isAllowed(limiter.check('newest', 1, 2 * LATER)));
  });

  test.run();
}

/** IDs that collide, which nobody can choose who does not know the key: so many that both their index sets are full. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as layout from '../assembly/layout.js';
import { isAllowed, RateLimiter, reasonOf } from '../src/index.js';
import { engines } from './engines.js';
import { siphash13 } from './siphash.js';
import { utf8, withMemories } from './support.js';

const MAX_PEERS = 32;
const SETS = BigInt(layout.setCount(MAX_PEERS));
const BOTH_SETS = 2 * layout.SET_ENTRIES;

for (const { name, using } of engines) {
  const test = suite(`collisions (${name})`);

  /** A limiter, some IDs that have the same two sets, and some that have neither of these as their first. */
  const colliding = (count: number, onFull: 'reject' | 'overflow' = 'reject') => {
    const [limiter, [memory]] = withMemories(
      () =>
        new RateLimiter({ maxPeers: MAX_PEERS, burstSize: 2, maxRequestsPerSec: 1, onFull, clock: () => 0, ...using }),
    );
    limiter.getCircuitState('draws the key');
    const words = new BigUint64Array((memory as WebAssembly.Memory).buffer, layout.AT_KEY, 2);
    const key = [words[0], words[1]] as [bigint, bigint];
    const same: string[] = [];
    const others: string[] = [];
    for (let i = 0; same.length < count || others.length < MAX_PEERS; i++) {
      const fingerprint = siphash13(key, utf8(`peer-${i}`));
      const first = ((fingerprint >> 32n) * SETS) >> 32n;
      const second = ((fingerprint & 0xffffffffn) * SETS) >> 32n;
      if (first + second === 1n && same.length < count) same.push(`peer-${i}`);
      else if (first > 1n && second > 1n) others.push(`peer-${i}`);
    }
    return { limiter, same, others };
  };

  test('a peer whose two sets are full finds no row, and no row is lost by it', () => {
    const { limiter, same, others } = colliding(BOTH_SETS + 3);
    for (const id of same.slice(0, BOTH_SETS)) assert.ok(isAllowed(limiter.check(id, 1, 0)), id);
    for (const id of same.slice(BOTH_SETS)) {
      for (let i = 0; i < 3; i++) assert.is(reasonOf(limiter.check(id, 1, 0)), 'table_full');
      assert.is(limiter.recordFailure(id, undefined, 0), false);
      const handle = limiter.peer(id, 0);
      assert.is(reasonOf(handle.check(1, 0)), 'table_full');
      handle.release();
    }
    assert.is(limiter.peerCount, BOTH_SETS);
    assert.is([...limiter.peers(0)].length, BOTH_SETS);
    for (const id of same.slice(0, BOTH_SETS)) assert.is(limiter.getAvailableTokens(id, 0), 1);

    for (const id of others.slice(0, MAX_PEERS - BOTH_SETS)) assert.ok(isAllowed(limiter.check(id, 1, 0)), id);
    assert.is(limiter.peerCount, MAX_PEERS);
  });

  test('it gets one as soon as another of them is gone', () => {
    const { limiter, same } = colliding(BOTH_SETS + 1);
    const last = same.at(-1) as string;
    for (const id of same.slice(0, BOTH_SETS)) limiter.check(id, 1, 0);
    assert.is(reasonOf(limiter.check(last, 1, 0)), 'table_full');
    limiter.removePeer(same[3] as string);
    // The entry of a row that was given up is cleared by the row's next owner, which this peer is.
    assert.ok(isAllowed(limiter.check(last, 1, 0)));
    assert.is(limiter.getAvailableTokens(last, 0), 1);
    assert.is(limiter.peerCount, BOTH_SETS);
  });

  test('without a row it shares the overflow bucket', () => {
    const { limiter, same } = colliding(BOTH_SETS + 1, 'overflow');
    for (const id of same.slice(0, BOTH_SETS)) limiter.check(id, 1, 0);
    const last = same.at(-1) as string;
    assert.equal(
      [1, 2, 3].map(() => reasonOf(limiter.check(last, 1, 0))),
      ['allowed', 'allowed', 'rate_limited'],
    );
    assert.is(limiter.stats().tableFull, 3);
  });

  test.run();
}

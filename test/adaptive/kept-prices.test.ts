/** What a token costs is kept from one check by handle to the next, for as long as it stays the same and no longer. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, type Peer, RateLimiter, retryAfterMs } from '../../src/index.js';
import { engines } from '../engines.js';

/** A token of the usual price takes 100 ms. */
const USUAL = { maxRequestsPerSec: 10, burstSize: 50 };
const CLASSES = { slow: { factor: 1 / 4 }, slower: { factor: 1 / 8 }, exempt: { exemptFromLoad: true } };
const HALF_LIFE_MS = 16_000_000;
/** After so long a bucket is full again, and reputations are still in the same quantum. */
const PAUSE_MS = 10_000;

for (const { name, using } of engines) {
  const isShared = 'shared' in using;
  const test = suite(`kept prices (${name})`);
  let now = 0;
  const limiterOf = (options = {}) => {
    now = 0;
    return new RateLimiter({
      ...{ ...USUAL, maxPeers: 16, clock: () => now, classes: CLASSES },
      ...{ reputation: { halfLifeMs: HALF_LIFE_MS, perTrip: 0, perCleanWindow: 0 } },
      ...options,
      ...using,
    });
  };

  /** Checks once with a full bucket: how long that token takes to come back. No token may cost less than the usual one. */
  function priceMs(handle: Peer): number {
    now += PAUSE_MS;
    assert.ok(isAllowed(handle.check(1, now)));
    return retryAfterMs(handle.check(USUAL.burstSize, now));
  }
  /** The same twice: the second price is one that was kept. */
  function keptMs(handle: Peer): number {
    const first = priceMs(handle);
    assert.is(priceMs(handle), first);
    return first;
  }

  test('a change of limits takes effect at the very next check', () => {
    const limiter = limiterOf();
    const handle = limiter.peer('peer', now);
    handle.setClass('slow', now);
    assert.is(keptMs(handle), 400);
    limiter.configure({ maxRequestsPerSec: 5 }, now);
    assert.is(keptMs(handle), 800);
    limiter.configure({ maxRequestsPerSec: 10 }, now);
    assert.is(keptMs(handle), 400);
    limiter.configure({ classes: { ...CLASSES, slow: { factor: 1 / 2 } } }, now);
    assert.is(keptMs(handle), 200);
  });

  test('a change of the load takes effect at the very next check of every peer, whoever is checked first', () => {
    const limiter = limiterOf();
    const [one, other] = [limiter.peer('one', now), limiter.peer('other', now)];
    one.setClass('slow', now);
    assert.is(keptMs(one), 400);
    assert.is(keptMs(other), 100);
    for (const [factor, times] of [
      [0.5, 2],
      [0.25, 4],
      [0.5, 2],
      [1, 1],
    ] as const) {
      limiter.setLoadFactor(factor, now);
      assert.is(keptMs(other), 100 * times, `load ${factor}`);
      assert.is(keptMs(one), 400 * times, `load ${factor}, slow`);
    }
  });

  test('a change of the class takes effect at the very next check', () => {
    const limiter = limiterOf();
    limiter.setLoadFactor(0.5, now);
    const handle = limiter.peer('peer', now);
    assert.is(keptMs(handle), 200);
    for (const [given, ms] of [
      ['slow', 800],
      ['slower', 1_600],
      ['exempt', 100],
      [undefined, 200],
    ] as const) {
      handle.setClass(given, now);
      assert.is(priceMs(handle), ms, given);
    }
  });

  test('a change of the reputation takes effect at the very next check', () => {
    const limiter = limiterOf();
    const handle = limiter.peer('peer', now);
    assert.is(keptMs(handle), 100);
    for (const [points, ms] of [
      [-25, 200],
      [-25, 400],
      [25, 200],
      [25, 100],
    ] as const) {
      handle.adjustReputation(points, now);
      assert.is(priceMs(handle), ms);
    }
    limiter.setLoadFactor(0.25, now);
    assert.is(keptMs(handle), 400);
    handle.adjustReputation(100, now);
    assert.is(priceMs(handle), 200);
  });

  test('a reputation that decays does so from the first check of each quantum on', () => {
    const limiter = limiterOf();
    const handle = limiter.peer('peer', now);
    handle.adjustReputation(-50, now);
    for (let quantum = 0; quantum <= 32; quantum++) {
      now = (quantum * HALF_LIFE_MS) / 16;
      const score = Math.floor(50 * 256 * 2 ** (-quantum / 16)) / 256;
      const sixteenths = Math.floor((score / 25) * 16 + 0.5);
      assert.is(keptMs(handle), Math.ceil(100 * 2 ** (sixteenths / 16)), `quantum ${quantum}`);
    }
  });

  test('of two peers who are checked at times of different quanta each pays the price of its own time', () => {
    const limiter = limiterOf();
    const [early, late] = [limiter.peer('early', now), limiter.peer('late', now)];
    for (const handle of [early, late]) handle.adjustReputation(-25, now);
    for (let round = 0; round < 3; round++) {
      now = HALF_LIFE_MS / 2 + round * PAUSE_MS * 2;
      assert.is(keptMs(early), Math.ceil(100 * 2 ** (11 / 16)));
      now = HALF_LIFE_MS + round * PAUSE_MS * 2;
      assert.is(keptMs(late), Math.ceil(100 * 2 ** (8 / 16)));
    }
  });

  test('peers whose slots are 1 024 apart keep their own prices', () => {
    const limiter = limiterOf({ maxPeers: 2_100 });
    const handles = Array.from({ length: 2_049 }, (_, i) => limiter.peer(`peer ${i}`, now));
    const [first, second, third] = [handles[0], handles[1_024], handles[2_048]] as [Peer, Peer, Peer];
    first.setClass('slow', now);
    second.setClass('slower', now);
    third.adjustReputation(-25, now);
    for (let round = 0; round < 3; round++) {
      assert.is(priceMs(first), 400);
      assert.is(priceMs(second), 800);
      assert.is(priceMs(third), 200);
    }
    limiter.setLoadFactor(0.5, now);
    for (const [handle, ms] of [
      [third, 400],
      [first, 800],
      [second, 1_600],
    ] as const)
      assert.is(keptMs(handle), ms);
  });

  test('of 2 500 peers who are all checked in turn, each pays its own price', () => {
    const limiter = limiterOf({ maxPeers: 2_500 });
    const kinds = [
      { given: undefined, ms: 100 },
      { given: 'slow', ms: 400 },
      { given: 'slower', ms: 800 },
    ] as const;
    const handles = Array.from({ length: 2_500 }, (_, i) => limiter.peer(`peer ${i}`, now));
    const expected = handles.map((handle, i) => {
      const { given, ms } = kinds[i % 3] as (typeof kinds)[number];
      handle.setClass(given, now);
      handle.adjustReputation(-25 * (i % 2), now);
      return ms * (1 + (i % 2));
    });
    for (let round = 0; round < 2; round++) {
      now += PAUSE_MS;
      for (const handle of handles) assert.ok(isAllowed(handle.check(1, now)));
      assert.equal(
        handles.map((handle) => retryAfterMs(handle.check(USUAL.burstSize, now))),
        expected,
      );
    }
  });

  test('a row that was removed and claimed again costs what its new peer is charged', () => {
    const limiter = limiterOf({ maxPeers: 1, onFull: 'reject' });
    limiter.setLoadFactor(0.5, now);
    for (const [peer, given, ms] of [
      ['one', 'slow', 800],
      ['other', undefined, 200],
      ['third', 'slower', 1_600],
      ['one', undefined, 200],
    ] as const) {
      const handle = limiter.peer(peer, now);
      handle.setClass(given, now);
      assert.is(keptMs(handle), ms, peer);
      assert.ok(limiter.removePeer(peer));
    }
  });

  if (isShared)
    test('a half-life that another thread changed takes effect at the very next check', () => {
      const limiter = limiterOf();
      const other = RateLimiter.attach(limiter.share(), { clock: () => now });
      now = (7 * HALF_LIFE_MS) / 16;
      const [one, same] = [limiter.peer('peer', now), other.peer('peer', now)];
      one.adjustReputation(-25, now);
      assert.is(keptMs(one), 200);
      other.configure({ reputation: { halfLifeMs: HALF_LIFE_MS * 4, perTrip: 0, perCleanWindow: 0 } }, now);
      // The other thread brings the row's bucket into the new limits; what this one knows of quanta is from before.
      assert.is(keptMs(same), 200);
      assert.is(priceMs(one), 200);
      other.close();
    });

  test.run();
}

/** top: the peers with the highest counts, in order, as peers() gives them. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { highest } from '../src/highest.js';
import { type PeerInfo, type Ranked, RateLimiter } from '../src/index.js';
import { engines } from './engines.js';
import { between, chance, everything, thrownBy } from './support.js';

const SEED = 0x70_9001;
const RANKED: readonly Ranked[] = ['allowed', 'rateLimited', 'circuitRejected', 'failures'];

const places = suite('the places with the highest values');

places('are those of a stable sort, for every number of them, with ties and with places left out', () => {
  console.log(`highest: seed ${SEED}`);
  const random = chance(SEED);
  for (let round = 0; round < 300; round++) {
    const values = Array.from({ length: between(random, 0, 40) }, () => between(random, -1, 12));
    const sorted = [...values.keys()]
      .filter((place) => (values[place] as number) >= 0)
      .sort((a, b) => (values[b] as number) - (values[a] as number));
    for (let most = 1; most <= values.length + 1; most++) {
      const found = highest(values.length, (place) => values[place] as number, most);
      assert.equal(found, sorted.slice(0, most), `${most} of ${values.join(' ')}`);
    }
  }
});

places('every value is read once', () => {
  let reads = 0;
  const value = (place: number) => {
    reads++;
    return place;
  };
  assert.equal(highest(1_000, value, 3), [999, 998, 997]);
  assert.is(reads, 1_000);
});

places.run();

for (const { name, using } of engines) {
  const test = suite(`top (${name})`);

  /** Peers with counts of all four kinds, some equal, and gaps where peers were removed. */
  function crowd(): RateLimiter {
    const random = chance(SEED);
    const limiter = new RateLimiter({
      ...using,
      maxPeers: 200,
      burstSize: 5,
      maxRequestsPerSec: 1,
      circuitBreakerThreshold: 3,
      clock: () => 0,
    });
    for (let i = 0; i < 4_000; i++) {
      const id = `peer ${between(random, 0, 99)}`;
      limiter.check(id, 1, 0);
      if (random() < 0.02) limiter.recordFailure(id, undefined, 0);
      if (random() < 0.02) limiter.removePeer(id);
    }
    return limiter;
  }

  test('the peers with the highest counts come first, as peers() gives them, for each of the four counts', () => {
    const limiter = crowd();
    const all = [...limiter.peers(0)];
    for (const by of RANKED) {
      const sorted = [...all].sort((a: PeerInfo, b: PeerInfo) => b[by] - a[by]);
      assert.ok((sorted[0] as PeerInfo)[by] > 0, `some have ${by}`);
      for (const count of [1, 2, 10, all.length, all.length + 50]) {
        assert.equal(limiter.top(count, by, 0), sorted.slice(0, count), `${count} by ${by}`);
      }
    }
  });

  test('states and tokens are those at the given time', () => {
    const limiter = new RateLimiter({ ...using, maxPeers: 4, burstSize: 5, maxRequestsPerSec: 1, clock: () => 0 });
    limiter.check('peer', 5, 0);
    assert.is(limiter.top(1, 'allowed', 0)[0]?.availableTokens, 0);
    assert.is(limiter.top(1, 'allowed', 2_000)[0]?.availableTokens, 2);
    assert.is(limiter.top(1, 'allowed')[0]?.availableTokens, 0, "the clock's time where none is given");
  });

  test('an empty table has none', () => {
    assert.equal(new RateLimiter({ ...using, maxPeers: 4 }).top(3, 'allowed'), []);
  });

  test('a count that is not an integer >= 1, or another ranking, is a RangeError with a code, and so is a bad time', () => {
    const limiter = crowd();
    const before = JSON.stringify(everything(limiter, 0));
    for (const count of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '3', null, undefined, 2n] as number[]) {
      const error = thrownBy(() => limiter.top(count, 'allowed', 0));
      assert.instance(error, RangeError, String(count));
      assert.is(error.code, 'ERR_PEERGATE_TOP');
      assert.match(error.message, /^count: expected an integer of at least 1, got /);
    }
    for (const by of ['id', 'Allowed', 'toString', '', 3, null, undefined, ['allowed']] as unknown[]) {
      const error = thrownBy(() => limiter.top(3, by as Ranked, 0));
      assert.instance(error, RangeError, String(by));
      assert.is(error.code, 'ERR_PEERGATE_TOP');
      assert.match(error.message, /^by: expected one of 'allowed', 'rateLimited', 'circuitRejected', 'failures', got /);
    }
    assert.is(thrownBy(() => limiter.top(3, 'allowed', Number.NaN)).code, 'ERR_PEERGATE_NOW');
    assert.is(JSON.stringify(everything(limiter, 0)), before);
  });

  test.run();
}

/** `stats().clockAnomalies`: how a `now` of another origin shows, and what is none. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, reasonOf } from '../src/index.js';
import { engines } from './engines.js';
import { between, chance, drain, openCircuit, pick } from './support.js';

const SEED = 0x5eed_0022;
const DATE_NOW = 1.7e12;

for (const { name, using } of engines) {
  const test = suite(`clock anomalies (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({
      maxPeers: 8,
      maxRequestsPerSec: 10,
      burstSize: 20,
      circuitBreakerThreshold: 3,
      circuitBreakerTimeoutMs: 5_000,
      probeTimeoutMs: 400,
      clock: () => 0,
      ...options,
      ...using,
    });

  test('every check that a bucket with a time of another origin rejects is counted, by ID, by handle and in a batch', () => {
    const limiter = limiterOf();
    const handle = limiter.peer('peer', 0);
    assert.ok(isAllowed(limiter.check('peer', 1, DATE_NOW)));
    assert.is(limiter.stats().clockAnomalies, 0);
    assert.is(reasonOf(limiter.check('peer', 1, 5_000)), 'rate_limited');
    assert.is(limiter.stats().clockAnomalies, 1);
    assert.not(isAllowed(handle.check(1, 5_000)));
    limiter.checkMany([handle, handle], new Int32Array(2), 1, 5_000);
    assert.is(limiter.stats().clockAnomalies, 4);
    limiter.removePeer('peer');
    assert.ok(isAllowed(limiter.check('peer', 1, 5_000)));
    assert.is(limiter.stats().clockAnomalies, 4);
  });

  test('an open circuit and a lease with a time of another origin are counted, once for each rejected check', () => {
    const limiter = limiterOf();
    openCircuit(limiter, 'open', DATE_NOW);
    openCircuit(limiter, 'probed', 0);
    limiter.check('probed', 1, DATE_NOW);
    assert.is(limiter.stats().clockAnomalies, 0);
    assert.is(reasonOf(limiter.check('open', 1, 5_000)), 'circuit_open');
    assert.is(limiter.stats().clockAnomalies, 1);
    assert.is(reasonOf(limiter.check('probed', 1, 5_000)), 'circuit_open');
    assert.is(limiter.stats().clockAnomalies, 2);
  });

  test('anomalies in the shared overflow bucket are counted, too', () => {
    const limiter = limiterOf({ maxPeers: 1 });
    limiter.peer('resident', 0);
    limiter.check('newcomer', 1, DATE_NOW);
    assert.not(isAllowed(limiter.check('newcomer', 1, 5_000)));
    assert.is(limiter.stats().clockAnomalies, 1);
  });

  test('a time that a fast clock has set counts until the clock reaches it', () => {
    const limiter = limiterOf();
    drain(limiter, 'peer', 20_000);
    for (const now of [10_000, 18_000, 19_500]) limiter.check('peer', 1, now);
    assert.is(limiter.stats().clockAnomalies, 3 - Number(using.shared ?? 0));
    for (const now of [19_999, 20_000, 20_050]) assert.not(isAllowed(limiter.check('peer', 1, now)));
    assert.is(limiter.stats().clockAnomalies, 3 - Number(using.shared ?? 0));
  });

  test('a deadline that was set before the timeouts were shortened is not an anomaly', () => {
    const limiter = limiterOf({ circuitBreakerTimeoutMs: 60_000, probeTimeoutMs: 30_000 });
    openCircuit(limiter, 'open', 1_000);
    openCircuit(limiter, 'probed', 1_000);
    assert.ok(isAllowed(limiter.check('probed', 1, 61_000)));
    openCircuit(limiter, 'later', 60_900);
    for (let i = 0; i < 3; i++) limiter.configure({ circuitBreakerTimeoutMs: 10 + i, probeTimeoutMs: 10 }, 61_000);
    assert.is(reasonOf(limiter.check('probed', 1, 61_000)), 'circuit_open');
    assert.is(reasonOf(limiter.check('later', 1, 61_000)), 'circuit_open');
    assert.is(limiter.stats().clockAnomalies, 0);
  });

  test('a monotonic clock never causes an anomaly, whatever is called and however limits change', () => {
    console.log(`clock anomalies (${name}): seed ${SEED}`);
    const random = chance(SEED);
    for (let history = 0; history < 20; history++) {
      const limiter = limiterOf({ maxPeers: 3 });
      let now = pick(random, [-100, 0, 0.3, 1e9, 2 ** 41 - 1e6]);
      for (let i = 0; i < 400; i++) {
        now += pick(random, [0, 0, 1 / 3, 1, 50, 900]);
        const peer = `peer-${between(random, 1, 5)}`;
        const what = random();
        if (what < 0.6) limiter.check(peer, pick(random, [1, 1, 5, 20, 21]), now);
        else if (what < 0.85) limiter.recordFailure(peer, undefined, now);
        else if (what < 0.9) limiter.recordSuccess(peer, undefined, now);
        else {
          const limits = {
            maxRequestsPerSec: pick(random, [0.5, 10, 99.5, 1e6]),
            burstSize: pick(random, [1, 20, 200]),
            circuitBreakerTimeoutMs: pick(random, [0.25, 10, 5_000]),
            probeTimeoutMs: pick(random, [0.25, 10, 5_000]),
          };
          limiter.configure(limits, now);
        }
      }
      const { clockAnomalies, rateLimited, circuitRejected } = limiter.stats();
      assert.is(clockAnomalies, 0);
      assert.ok(rateLimited > 0 && circuitRejected > 0);
    }
  });

  test.run();
}

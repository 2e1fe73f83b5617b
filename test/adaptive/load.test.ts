/** The load factor: what a token costs while the server is busy. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, retryAfterMs } from '../../src/index.js';
import { engines } from '../engines.js';
import { drain, thrownBy } from '../support.js';
import { admitted } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`load factor (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({ maxRequestsPerSec: 100, burstSize: 200, maxPeers: 8, clock: () => 0, ...options, ...using });

  test('rate and burst shrink together', () => {
    const limiter = limiterOf();
    limiter.setLoadFactor(0.25, 0);
    assert.is(admitted(limiter, 'peer', 300, 1_000), 50);
    assert.is(admitted(limiter, 'peer', 300, 2_000), 25);
  });

  test('loadFactor is the one in force, rounded to a sixteenth of an octave', () => {
    const limiter = limiterOf();
    assert.is(limiter.loadFactor, 1);
    for (const [given, rounded] of [
      [0.5, 0.5],
      [1 / 256, 1 / 256],
      [1, 1],
      [0.7, 2 ** (-8 / 16)],
      [0.99, 1],
      [0.96, 2 ** (-1 / 16)],
    ] as const) {
      limiter.setLoadFactor(given, 0);
      assert.is(limiter.loadFactor, rounded);
      assert.is(limiter.fleet(0).loadFactor, rounded);
    }
  });

  test('a factor outside 1/256 … 1 is a RangeError, and nothing changes', () => {
    const limiter = limiterOf();
    limiter.setLoadFactor(0.5, 0);
    for (const bad of [0, -1, 1.01, 1 / 257, Number.NaN, Number.POSITIVE_INFINITY, '1', undefined]) {
      const error = thrownBy(() => limiter.setLoadFactor(bad as number, 0));
      assert.instance(error, RangeError);
      assert.is(error.code, 'ERR_PEERGATE_LOAD_FACTOR');
    }
    assert.is(thrownBy(() => limiter.setLoadFactor(1, Number.NaN)).code, 'ERR_PEERGATE_NOW');
    assert.is(limiter.loadFactor, 0.5);
  });

  test('no step of the factor hands out a token', () => {
    const limiter = limiterOf();
    drain(limiter, 'peer', 1_000);
    for (const factor of [0.5, 0.25, 1 / 256, 0.1, 1, 0.25, 1]) {
      limiter.setLoadFactor(factor, 1_000);
      assert.is(admitted(limiter, 'peer', 300, 1_000), 0, `at ${factor}`);
    }
    assert.is(admitted(limiter, 'peer', 300, 1_010), 1);
  });

  test('no step of the factor blocks anyone for longer than his own debt', () => {
    const limiter = limiterOf();
    limiter.setLoadFactor(0.25, 0);
    assert.is(admitted(limiter, 'peer', 300, 0), 50, 'a debt of 2 000 ms');
    limiter.setLoadFactor(1, 0);
    assert.is(retryAfterMs(limiter.check('peer', 1, 0)), 10);
    assert.is(admitted(limiter, 'peer', 300, 1_000), 100);
  });

  test('a burst of 1 stays admissible', () => {
    const limiter = limiterOf({ maxRequestsPerSec: 10, burstSize: 1 });
    limiter.setLoadFactor(1 / 256, 0);
    assert.is(admitted(limiter, 'peer', 3, 0), 1);
    assert.is(admitted(limiter, 'peer', 3, 25_599), 0);
    assert.is(admitted(limiter, 'peer', 3, 25_600), 1);
  });

  test('a request that costs more than the scaled burst is admissible where nothing is owed', () => {
    const limiter = limiterOf();
    limiter.setLoadFactor(0.5, 0);
    assert.ok(isAllowed(limiter.check('peer', 200, 0)));
    assert.is(retryAfterMs(limiter.check('peer', 200, 0)), 4_000);
    assert.not(isAllowed(limiter.check('peer', 200, 3_999)));
    assert.ok(isAllowed(limiter.check('peer', 200, 4_000)));
    assert.is(retryAfterMs(limiter.check('peer', 201, 9_999)), Number.POSITIVE_INFINITY);
  });

  test('retryAfterMs is exact while the exponent does not change', () => {
    const limiter = limiterOf({ maxRequestsPerSec: 7, burstSize: 5 });
    for (const factor of [0.7, 0.33, 0.05, 1 / 256]) {
      limiter.setLoadFactor(factor, 0);
      const peer = `peer at ${factor}`;
      for (const cost of [1, 2, 5]) {
        let now = 1_000;
        for (let decision = limiter.check(peer, cost, now); ; decision = limiter.check(peer, cost, now)) {
          if (isAllowed(decision)) continue;
          const wait = retryAfterMs(decision);
          assert.not(isAllowed(limiter.check(peer, cost, now + wait - 1)));
          assert.ok(isAllowed(limiter.check(peer, cost, now + wait)));
          now += 10 * wait;
          if (now > 1e7) break;
          now += 1e6;
        }
      }
    }
  });

  test('availableTokens counts at the price in force, and is at least 1 where nothing is owed', () => {
    const limiter = limiterOf({ burstSize: 100 });
    limiter.check('peer', 50, 0);
    assert.is(limiter.getAvailableTokens('peer', 0), 50);
    limiter.setLoadFactor(0.5, 0);
    assert.is(limiter.getAvailableTokens('peer', 0), 25);
    assert.is(limiter.getAvailableTokens('nobody', 0), 50);
    limiter.setLoadFactor(1 / 256, 0);
    assert.is(limiter.getAvailableTokens('peer', 0), 0);
    assert.is(limiter.getAvailableTokens('peer', 500), 1);
    assert.is(limiter.getAvailableTokens('nobody', 0), 1);
  });

  test('a refund gives back what the tokens cost', () => {
    const limiter = limiterOf();
    limiter.setLoadFactor(0.5, 0);
    assert.is(admitted(limiter, 'peer', 300, 0), 100);
    limiter.refund('peer', 10);
    assert.is(admitted(limiter, 'peer', 300, 0), 10);
  });

  test('handles, batches and names are decided at one price', () => {
    const limiter = limiterOf();
    limiter.setLoadFactor(0.5, 0);
    const handle = limiter.peer('peer', 0);
    const decisions = new Int32Array(60);
    limiter.checkMany(new Array(60).fill(handle), decisions, 1, 0);
    assert.is(decisions.filter((decision) => decision >= 0).length, 60);
    assert.is(admitted(limiter, 'peer', 30, 0), 30);
    let more = 0;
    while (isAllowed(handle.check(1, 0))) more++;
    assert.is(more, 10);
  });

  test('a change of the limits keeps the factor, and debts are kept in tokens', () => {
    const limiter = limiterOf();
    limiter.setLoadFactor(0.5, 0);
    assert.is(admitted(limiter, 'peer', 60, 0), 60);
    limiter.configure({ maxRequestsPerSec: 50 }, 0);
    assert.is(limiter.loadFactor, 0.5);
    assert.is(admitted(limiter, 'peer', 300, 0), 40);
  });

  test.run();
}

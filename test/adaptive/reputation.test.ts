/** Reputations: what they cost, how they decay, and who changes them. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, reasonOf } from '../../src/index.js';
import { engines } from '../engines.js';
import { thrownBy } from '../support.js';
import { admitted, establish, names, results } from './support.js';

const HALF_LIFE = 600_000;

for (const { name, using } of engines) {
  const test = suite(`reputation (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({
      ...{ maxRequestsPerSec: 100, burstSize: 200, maxPeers: 64, clock: () => 0, circuitBreakerThreshold: 1 },
      ...options,
      ...using,
    });

  test('points are added within −100 … 100, and are 0 for the unknown', () => {
    const limiter = limiterOf();
    assert.is(limiter.getReputation('peer', 0), 0);
    assert.is(limiter.peerCount, 0);
    assert.is(limiter.adjustReputation('peer', 30, 0), 30);
    assert.is(limiter.adjustReputation('peer', -50.5, 0), -20.5);
    assert.is(limiter.adjustReputation('peer', -100, 0), -100);
    assert.is(limiter.adjustReputation('peer', 150, 0), 50);
    assert.is(limiter.adjustReputation('peer', 100, 0), 100);
    assert.is(limiter.getReputation('peer', 0), 100);
    const handle = limiter.peer('peer', 0);
    assert.is(handle.adjustReputation(-1, 0), 99);
    assert.is(handle.getReputation(0), 99);
  });

  test('a delta that is no number of points is a RangeError, and nothing changes', () => {
    const limiter = limiterOf();
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, 201, -201, '1', undefined]) {
      const error = thrownBy(() => limiter.adjustReputation('peer', bad as number, 0));
      assert.instance(error, RangeError);
      assert.is(error.code, 'ERR_PEERGATE_REPUTATION');
    }
    assert.is(limiter.peerCount, 0);
  });

  test('half of a score is left after each half-life, in whole quanta of a sixteenth', () => {
    const limiter = limiterOf();
    for (const points of [100, -100, 1]) {
      limiter.adjustReputation('peer', -200, 0);
      limiter.adjustReputation('peer', 200, 0);
      limiter.adjustReputation('peer', points - 100, 0);
      for (const halfLives of [0, 1, 2, 5]) {
        const left = points * 2 ** -halfLives;
        assert.ok(Math.abs(limiter.getReputation('peer', halfLives * HALF_LIFE) - left) <= 2 / 256, `${halfLives}`);
      }
      const quantum = HALF_LIFE / 16;
      assert.is(limiter.getReputation('peer', quantum - 0.001), points);
      assert.ok(Math.abs(limiter.getReputation('peer', quantum) - points * 2 ** (-1 / 16)) <= 2 / 256);
    }
  });

  test('looking loses nothing, and nothing gets stuck', () => {
    const looked = limiterOf();
    const left = limiterOf();
    for (const limiter of [looked, left]) limiter.adjustReputation('peer', -100, 0);
    for (let now = 0; now <= 20 * HALF_LIFE; now += 10_000) {
      looked.getReputation('peer', now);
      looked.check('peer', 1, now);
    }
    assert.is(looked.getReputation('peer', 3 * HALF_LIFE), left.getReputation('peer', 3 * HALF_LIFE));
    for (const limiter of [looked, left]) assert.is(limiter.getReputation('peer', 20 * HALF_LIFE), 0);
  });

  test('below 0 it costs score / 25 octaves of rate and burst', () => {
    for (const [points, tokens] of [
      [-25, 100],
      [-50, 50],
      [-75, 25],
      [-100, 12],
    ] as const) {
      const limiter = limiterOf();
      limiter.adjustReputation('peer', points, 0);
      assert.is(admitted(limiter, 'peer', 300, 0), tokens);
      assert.is(limiter.getAvailableTokens('peer', 0), 0);
    }
  });

  test('above 0 it buys nothing in quiet times', () => {
    const limiter = limiterOf();
    limiter.adjustReputation('peer', 100, 0);
    assert.is(limiter.getAvailableTokens('peer', 0), 200);
    assert.is(admitted(limiter, 'peer', 300, 0), 200);
    assert.is(admitted(limiter, 'peer', 300, 1_000), 100);
  });

  test('under load up to one octave is given back, and no more than the load takes', () => {
    for (const [factor, points, tokens] of [
      [0.25, 100, 100],
      [0.25, 50, 70],
      [0.5, 100, 200],
      [2 ** (-8 / 16), 100, 200],
      [1, 100, 200],
    ] as const) {
      const limiter = limiterOf();
      limiter.setLoadFactor(factor, 0);
      limiter.adjustReputation('peer', points, 0);
      assert.is(admitted(limiter, 'peer', 300, 0), tokens, `${points} points at ${factor}`);
    }
  });

  test('it can have another half-life, and a change of that keeps the scores of the moment', () => {
    const limiter = limiterOf({ reputation: { halfLifeMs: 1_000 } });
    limiter.adjustReputation('peer', -80, 0);
    assert.is(limiter.getReputation('peer', 1_000), -40);
    limiter.configure({ reputation: { halfLifeMs: 10_000 } }, 1_000);
    assert.is(limiter.getReputation('peer', 1_000), -40);
    assert.is(limiter.getReputation('peer', 11_000), -20);
  });

  test('a row with a negative reputation is kept, so leaving and coming back buys nothing', () => {
    const limiter = limiterOf({ maxPeers: 4, onFull: 'reject' });
    for (const peer of names(3)) limiter.check(peer, 1, 0);
    limiter.adjustReputation('bad', -40, 0);
    let now = 100_000;
    for (const peer of names(50, 'newcomer')) {
      now += 5_000;
      assert.ok(isAllowed(limiter.check(peer, 1, now)));
    }
    assert.ok(limiter.getReputation('bad', now) < 0);
    const gone = 20 * HALF_LIFE;
    for (const peer of names(4, 'later')) assert.ok(isAllowed(limiter.check(peer, 1, gone)), 'it is forgiven then');
  });

  test('at most half of the table is kept so, the mildest go first', () => {
    const limiter = limiterOf({ maxPeers: 8, onFull: 'reject' });
    for (let i = 0; i < 8; i++) limiter.adjustReputation(`bad ${i}`, -10 * (i + 1), 0);
    for (let i = 0; i < 4; i++) {
      const held = limiter.peer(`newcomer ${i}`, 1_000);
      assert.ok(isAllowed(held.check(1, 1_000)), `newcomer ${i}`);
      assert.is(limiter.getReputation(`bad ${i}`, 1_000), 0, 'the mildest is gone');
      assert.ok(limiter.getReputation(`bad ${i + 1}`, 1_000) < 0);
    }
    assert.is(reasonOf(limiter.check('newcomer 4', 1, 1_000)), 'table_full', 'half of the table is kept');
    assert.ok(limiter.getReputation('bad 4', 1_000) < 0);
  });

  // ── automatic ────────────────────────────────────────────────────────────────────────────────────────────────────

  const automatic = (options = {}) =>
    limiterOf({ reputation: {}, circuitBreakerTimeoutMs: 1_000, windowMs: 10_000, minimumCalls: 5, ...options });
  const trip = (limiter: RateLimiter, peer: string, nowMs: number) => {
    const permit = limiter.check(peer, 1, nowMs);
    assert.ok(limiter.recordFailure(peer, permit, nowMs));
  };

  test('without reputation nothing is automatic', () => {
    const limiter = limiterOf();
    trip(limiter, 'peer', 0);
    assert.is(limiter.getReputation('peer', 0), 0);
  });

  test('perTrip for each circuit that opens, at most 20 points a sixteenth of a half-life', () => {
    const limiter = automatic();
    trip(limiter, 'peer', 0);
    assert.is(limiter.getReputation('peer', 0), -10);
    trip(limiter, 'peer', 1_000);
    assert.is(limiter.getReputation('peer', 1_000), -20);
    trip(limiter, 'peer', 2_000);
    assert.is(limiter.getReputation('peer', 2_000), -20, 'the third in 37.5 s');
    trip(limiter, 'peer', 37_500);
    assert.ok(Math.abs(limiter.getReputation('peer', 37_500) - (-20 * 2 ** (-1 / 16) - 10)) < 0.02);
    const harsh = automatic({ reputation: { perTrip: -30 } });
    trip(harsh, 'peer', 0);
    assert.is(harsh.getReputation('peer', 0), -20);
  });

  test('no penalty for anyone while a fault of one’s own is suspected', () => {
    const limiter = automatic();
    const peers = names(20);
    establish(limiter, peers, 0);
    for (const peer of peers) results(limiter, peer, 0, 1, 0);
    assert.is(peers.filter((peer) => limiter.getReputation(peer, 0) === -10).length, 10);
    trip(limiter, 'stranger', 0);
    assert.is(limiter.getReputation('stranger', 0), 0);
  });

  test('perCleanWindow for a window with a success and without a trip, once a minute at most', () => {
    const limiter = automatic({ circuitBreakerThreshold: 2 });
    limiter.peer('peer', 0);
    for (let now = 0; now < 600_000; now += 1_000) limiter.recordSuccess('peer', undefined, now);
    const points = limiter.getReputation('peer', 600_000);
    assert.ok(points > 5 && points <= 9, `${points} points in ten minutes`);
    const idle = automatic();
    idle.peer('peer', 0);
    for (const now of [0, 5_000_000]) idle.recordSuccess('peer', undefined, now);
    assert.is(idle.getReputation('peer', 5_000_000), 1, 'idle windows have no success');
  });

  test('a window with a trip or with failures only is not clean', () => {
    const limiter = automatic({ circuitBreakerThreshold: 1_000 });
    for (let now = 0; now < 300_000; now += 1_000) limiter.recordFailure('failing', undefined, now);
    assert.is(limiter.getReputation('failing', 300_000), 0);
  });

  test('the bounds of its options', () => {
    for (const [reputation, field] of [
      [{ halfLifeMs: 999 }, 'reputation.halfLifeMs'],
      [{ halfLifeMs: 2 ** 31 }, 'reputation.halfLifeMs'],
      [{ perTrip: -101 }, 'reputation.perTrip'],
      [{ perCleanWindow: 101 }, 'reputation.perCleanWindow'],
      [{ perTrips: 1 }, 'perTrips'],
      [true, 'reputation'],
    ] as const) {
      assert.is(thrownBy(() => limiterOf({ reputation })).field, field);
    }
    assert.equal(limiterOf({ reputation: {} }).config.reputation, {
      ...{ halfLifeMs: 600_000, perTrip: -10, perCleanWindow: 1 },
    });
    limiterOf({ reputation: { halfLifeMs: 2 ** 31 - 1, perTrip: 100, perCleanWindow: -100 } });
  });

  test.run();
}

/** Faults of one's own: trips that are held back, and what is known of the fleet. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RateLimiter } from '../../src/index.js';
import { engines } from '../engines.js';
import { establish, names, results } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`cascade (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({
      ...{ maxPeers: 4_096, clock: () => 0, circuitBreakerThreshold: 3, minimumCalls: 5, windowMs: 10_000 },
      ...{ maxRequestsPerSec: 1e6, burstSize: 1e6 },
      ...options,
      ...using,
    });
  const openOf = (limiter: RateLimiter, peers: readonly string[], nowMs: number) =>
    peers.filter((peer) => limiter.getCircuitState(peer, nowMs) === 'open').length;

  test('circuits stop opening once half of the established, active peers have tripped', () => {
    const limiter = limiterOf();
    const peers = names(20);
    establish(limiter, peers, 1_000);
    for (const peer of peers) results(limiter, peer, 0, 3, 1_000);
    assert.is(openOf(limiter, peers, 1_000), 10);
    assert.is(limiter.stats().circuitOpened, 10);
    assert.is(limiter.stats().heldBack, 10);
  });

  test('the boundary: as many trips as do not exceed maxOpenFraction', () => {
    for (const [count, fraction, trips] of [
      [10, 0.5, 5],
      [11, 0.5, 5],
      [12, 0.5, 6],
      [20, 0.1, 2],
      [20, 0.09, 1],
      [20, 0.01, 0],
      [20, 1, 20],
      [9, 0.5, 9],
      [9, 0.1, 9],
    ] as const) {
      const limiter = limiterOf({ maxOpenFraction: fraction });
      const peers = names(count);
      establish(limiter, peers, 1_000);
      for (const peer of peers) results(limiter, peer, 0, 3, 1_000);
      assert.is(openOf(limiter, peers, 1_000), trips, `${count} peers, ${fraction}`);
    }
  });

  test('both rules are held back', () => {
    const limiter = limiterOf({ circuitBreakerThreshold: 1_000, failureRateThreshold: 0.3, minimumCalls: 10 });
    const peers = names(20);
    establish(limiter, peers, 1_000);
    for (const peer of peers) results(limiter, peer, 0, 5, 1_000);
    assert.is(openOf(limiter, peers, 1_000), 10);
    assert.is(limiter.stats().heldBack, 10);
  });

  test('faultSuspected says whether one trip more would be held back', () => {
    const limiter = limiterOf();
    const peers = names(20);
    establish(limiter, peers, 1_000);
    assert.is(limiter.fleet(1_000).faultSuspected, false);
    for (const peer of peers.slice(0, 9)) results(limiter, peer, 0, 3, 1_000);
    assert.is(limiter.fleet(1_000).faultSuspected, false);
    results(limiter, peers[9] as string, 0, 3, 1_000);
    assert.is(limiter.fleet(1_000).faultSuspected, true);
    assert.is(limiter.fleet(1_000).recentTrips, 10);
    assert.is(limiter.fleet(9_999).faultSuspected, true);
    assert.is(limiter.fleet(10_000).faultSuspected, false, 'two slices later nothing is known any more');
    assert.is(limiter.fleet(10_000).recentTrips, 0);
  });

  test('peers that are not established always trip and count on neither side', () => {
    const limiter = limiterOf();
    const peers = names(20);
    establish(limiter, peers, 1_000);
    const strangers = names(1_000, 'stranger');
    for (const peer of strangers) results(limiter, peer, 0, 3, 1_000);
    assert.is(openOf(limiter, strangers, 1_000), 1_000);
    assert.equal(limiter.fleet(1_000), {
      ...{ failureRate: 0, activePeers: 20, recentTrips: 0, faultSuspected: false, loadFactor: 1 },
    });
    for (const peer of peers.slice(0, 10)) results(limiter, peer, 0, 3, 1_000);
    for (const peer of names(10, 'late')) results(limiter, peer, 4, 3, 1_000);
    assert.is(openOf(limiter, names(10, 'late'), 1_000), 10, 'four successes do not make a peer established');
  });

  test('a peer is established from its minimumCalls-th success on, until it loses its row', () => {
    const limiter = limiterOf();
    establish(limiter, names(10), 1_000);
    results(limiter, 'peer', 4, 2, 1_000);
    assert.is(limiter.fleet(1_000).activePeers, 10);
    results(limiter, 'peer', 1, 0, 1_000);
    assert.is(limiter.fleet(1_000).activePeers, 11);
    limiter.removePeer('peer');
    results(limiter, 'peer', 4, 0, 6_000);
    assert.is(limiter.fleet(6_000).activePeers, 11, 'those of the slice before');
    results(limiter, 'peer', 1, 0, 6_000);
    assert.is(limiter.fleet(6_000).activePeers, 12);
    limiter.configure({ minimumCalls: 1_000 }, 6_000);
    results(limiter, 'peer 0', 1, 0, 12_000);
    assert.is(limiter.fleet(12_000).activePeers, 2, 'what was established stays so');
  });

  test('active are the peers with results in this slice and the one before, each once', () => {
    const limiter = limiterOf();
    const peers = names(20);
    establish(limiter, peers, 1_000);
    for (let i = 0; i < 3; i++) for (const peer of peers.slice(0, 12)) results(limiter, peer, 1, 0, 5_000 + i);
    assert.is(limiter.fleet(5_000).activePeers, 20);
    assert.is(limiter.fleet(9_999).activePeers, 20);
    assert.is(limiter.fleet(10_000).activePeers, 12);
    for (const peer of peers.slice(0, 5)) results(limiter, peer, 0, 1, 11_000);
    assert.is(limiter.fleet(11_000).activePeers, 12);
    assert.is(limiter.fleet(15_000).activePeers, 5);
    assert.is(limiter.fleet(20_000).activePeers, 0);
  });

  test('stale, ignored and rejected results make nobody active', () => {
    const limiter = limiterOf();
    establish(limiter, ['peer'], 1_000);
    const permit = limiter.check('peer', 1, 1_000);
    limiter.resetCircuit('peer', 1_000);
    limiter.recordSuccess('peer', permit, 20_000);
    limiter.recordIgnored('peer', undefined, 20_000);
    assert.is(limiter.fleet(20_000).activePeers, 0);
  });

  test('a fault of the whole fleet that lasts longer than the window cuts off no more than half', () => {
    const limiter = limiterOf({ circuitBreakerTimeoutMs: 30_000 });
    const peers = names(100);
    establish(limiter, peers, 500);
    for (let now = 1_000; now < 61_000; now += 250) {
      for (const peer of peers) {
        const permit = limiter.check(peer, 1, now);
        if (permit >= 0) limiter.recordFailure(peer, permit, now);
      }
      assert.ok(openOf(limiter, peers, now) <= 50, `${openOf(limiter, peers, now)} at ${now}`);
    }
    assert.ok(limiter.fleet(60_900).faultSuspected);
    for (let now = 61_000; now < 100_000; now += 250) {
      for (const peer of peers) {
        const permit = limiter.check(peer, 1, now);
        if (permit >= 0) limiter.recordSuccess(peer, permit, now);
      }
    }
    assert.is(openOf(limiter, peers, 100_000), 0);
    assert.not(limiter.fleet(100_000).faultSuspected);
  });

  test('one established peer that trips again and again counts once and holds nobody back', () => {
    const limiter = limiterOf({ circuitBreakerTimeoutMs: 1, circuitBreakerThreshold: 1 });
    const peers = names(20);
    establish(limiter, peers, 1_000);
    for (let now = 1_000; now < 1_100; now += 2) {
      const permit = limiter.check('peer 0', 1, now);
      limiter.recordFailure('peer 0', permit, now);
    }
    assert.ok(limiter.stats().circuitOpened > 10);
    assert.is(limiter.fleet(1_100).recentTrips, 1);
    assert.is(limiter.fleet(1_100).faultSuspected, false);
  });

  test('a run that was held back goes on: it trips as soon as the fault is no longer suspected', () => {
    const limiter = limiterOf();
    const peers = names(20);
    establish(limiter, peers, 1_000);
    for (const peer of peers) results(limiter, peer, 0, 3, 1_000);
    assert.is(limiter.getCircuitState('peer 19', 1_000), 'closed');
    results(limiter, 'peer 19', 0, 1, 21_000);
    assert.is(limiter.getCircuitState('peer 19', 21_000), 'open');
  });

  // ── the background ───────────────────────────────────────────────────────────────────────────────────────────────

  test('failureRate is that of established peers, of which one adds at most minimumCalls results a window', () => {
    const limiter = limiterOf({ minimumCalls: 10, circuitBreakerThreshold: 1e6 });
    establish(limiter, names(10), 1_000);
    assert.is(limiter.fleet(6_000).failureRate, 0);
    for (const peer of names(10)) results(limiter, peer, 8, 2, 20_000);
    assert.is(limiter.fleet(20_000).failureRate, 0.2);
    results(limiter, 'peer 0', 0, 1_000, 20_000);
    assert.is(limiter.fleet(20_000).failureRate, 0.2);
    results(limiter, 'peer 0', 0, 1_000, 25_000);
    assert.is(limiter.fleet(25_000).failureRate, 0.2, 'ten in this slice and the one before');
    assert.is(limiter.fleet(30_000).failureRate, 0);
  });

  test('a peer that flaps adds no more than minimumCalls results either', () => {
    const limiter = limiterOf({ circuitBreakerThreshold: 1, circuitBreakerTimeoutMs: 1 });
    establish(limiter, names(20), 1_000);
    const before = limiter.fleet(1_000).failureRate;
    for (let now = 1_000; now < 2_000; now += 4) {
      limiter.recordFailure('peer 0', undefined, now);
      const probe = limiter.check('peer 0', 1, now + 2);
      limiter.recordSuccess('peer 0', probe, now + 2);
    }
    const after = limiter.fleet(2_000).failureRate;
    assert.ok(after - before <= 5 / 100, `${before} to ${after}`);
  });

  test('the rate rule trips only at so many times the fleet’s rate, up to 0.95', () => {
    const limiter = limiterOf({
      ...{ circuitBreakerThreshold: 1e6, failureRateThreshold: 0.3, relativeThreshold: 2, minimumCalls: 20 },
      maxOpenFraction: 1,
    });
    const peers = names(50);
    establish(limiter, peers, 1_000);
    for (const peer of peers) results(limiter, peer, 15, 5, 20_000);
    assert.ok(Math.abs(limiter.fleet(20_000).failureRate - 0.25) < 1e-9);
    results(limiter, 'peer 0', 0, 9, 20_000);
    assert.is(limiter.getCircuitState('peer 0', 20_000), 'closed', '14 of 29 are above 0.3 but below twice 0.25');
    results(limiter, 'peer 0', 0, 1, 20_000);
    assert.is(limiter.getCircuitState('peer 0', 20_000), 'open', '15 of 30');
    const alone = limiterOf({
      ...{ circuitBreakerThreshold: 1e6, failureRateThreshold: 0.3, relativeThreshold: 2, minimumCalls: 20 },
    });
    establish(alone, ['peer'], 1_000);
    for (let i = 0; i < 18; i++) results(alone, 'peer', 0, 1, 20_000);
    results(alone, 'peer', 1, 1, 20_000);
    assert.is(alone.getCircuitState('peer', 20_000), 'open', '19 of 20 are 0.95');
  });

  test('a window of another length begins with an unknown fleet', () => {
    const limiter = limiterOf();
    establish(limiter, names(20), 1_000);
    limiter.configure({ windowMs: 1_000 }, 1_000);
    assert.is(limiter.fleet(1_000).activePeers, 0);
    for (const peer of names(20)) results(limiter, peer, 1, 0, 1_000);
    assert.is(limiter.fleet(1_000).activePeers, 20);
    assert.is(limiter.fleet(2_000).activePeers, 0);
  });

  test('a clock that was set back does not keep a suspicion alive', () => {
    const limiter = limiterOf();
    const far = 2 ** 40;
    establish(limiter, names(20), far);
    for (const peer of names(20)) results(limiter, peer, 0, 3, far);
    assert.ok(limiter.fleet(far).faultSuspected);
    assert.not(limiter.fleet(1_000).faultSuspected);
    results(limiter, 'new', 0, 3, 1_000);
    assert.is(limiter.getCircuitState('new', 1_000), 'open');
  });

  test.run();
}

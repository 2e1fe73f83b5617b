/** What a snapshot keeps of moving limits and recovering breakers. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, type RateLimiterConfig, retryAfterMs } from '../../src/index.js';
import { engines } from '../engines.js';
import { restore, save } from '../snapshots.js';
import { admitted, establish, names, probed, results } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`snapshots of what moves (${name})`);
  let now = 0;
  const options: RateLimiterConfig = {
    ...{ maxPeers: 64, clock: () => now, circuitBreakerThreshold: 3, circuitBreakerTimeoutMs: 1_000 },
    ...{ failureRateThreshold: 0.5, minimumCalls: 10, windowMs: 10_000, slowCallMs: 250, relativeThreshold: 2 },
    ...{ circuitBreakerMaxTimeoutMs: 64_000, maxOpenFraction: 0.75, mode: 'shadow', onFull: 'reject' },
    recovery: { stages: 2, stageMs: 2_000, minCalls: 3 },
    classes: { trusted: { factor: 4, exemptFromLoad: true }, slow: { factor: 0.5 } },
    newcomers: { maxRequestsPerSec: 1_000, burstSize: 2_000 },
    reputation: { halfLifeMs: 60_000, perTrip: -5, perCleanWindow: 2 },
  };
  /** Saved at `at` on the clock; restored after so many ms, where the clock reads `to`. */
  const moved = (limiter: RateLimiter, at: number, afterMs: number, to: number, more: RateLimiterConfig = {}) => {
    now = at;
    const bytes = save(limiter, 0);
    now = to;
    return restore(bytes, { clock: () => now, ...using, ...more }, afterMs);
  };

  test('the whole configuration comes back', () => {
    now = 1_000;
    const limiter = new RateLimiter({ ...options, ...using });
    const restored = moved(limiter, 1_000, 500, 0);
    const { clock: _, ...saved } = limiter.config;
    const { clock: __, ...came } = restored.config;
    assert.equal(came, saved);
    const without = moved(new RateLimiter({ ...using, clock: () => now }), 0, 0, 0).config;
    for (const field of ['failureRateThreshold', 'recovery', 'newcomers', 'reputation', 'slowCallMs'] as const) {
      assert.is(without[field], undefined);
    }
  });

  test('classes stay with their peers, and by name where restore gives others', () => {
    const limiter = new RateLimiter({ ...options, ...using });
    limiter.setClass('friend', 'trusted', 0);
    limiter.setClass('other', 'slow', 0);
    const same = moved(limiter, 0, 0, 0);
    assert.is(same.getClass('friend'), 'trusted');
    assert.is(same.getClass('other'), 'slow');
    const others = moved(limiter, 0, 0, 0, { classes: { brisk: { factor: 2 }, slow: { factor: 0.25 } } });
    assert.is(others.getClass('friend'), undefined);
    assert.is(others.getClass('other'), 'slow');
    assert.is(others.getAvailableTokens('other', 0), 50);
    others.setClass('other', 'brisk', 0);
    assert.is(others.getAvailableTokens('other', 0), 400);
  });

  test('reputations age by the time between', () => {
    const limiter = new RateLimiter({ ...options, ...using });
    limiter.adjustReputation('peer', -80, 100_000);
    for (const to of [0, 5e6]) {
      const restored = moved(limiter, 130_000, 30_000, to);
      assert.is(restored.getReputation('peer', to), -40);
      assert.is(restored.getReputation('peer', to + 60_000), -20);
    }
  });

  test('windows age by the time between', () => {
    for (const [downMs, trips] of [
      [0, true],
      [4_000, true],
      [20_000, false],
    ] as const) {
      const limiter = new RateLimiter({ ...options, circuitBreakerThreshold: 1_000, mode: 'enforce', ...using });
      results(limiter, 'peer', 4, 9 - 4, 101_000);
      const restored = moved(limiter, 101_000, downMs, 1_000);
      results(restored, 'peer', 0, 1, 1_000);
      assert.is(restored.getCircuitState('peer', 1_000) === 'open', trips, `${downMs} ms`);
    }
  });

  test('a ramp goes on where it was', () => {
    const limiter = new RateLimiter({ ...options, reputation: false, mode: 'enforce', ...using });
    const start = probed(limiter, 'peer', 100_000);
    results(limiter, 'peer', 3, 0, start + 500);
    const restored = moved(limiter, start + 500, 500, 7_000);
    assert.is(restored.getCircuitState('peer', 7_000), 'recovering');
    assert.is(restored.getAvailableTokens('peer', 7_999), 200 / 4);
    assert.is(restored.getAvailableTokens('peer', 8_000), 200 / 2, 'its end moved along');
    results(restored, 'peer', 3, 0, 8_000);
    assert.is(restored.getCircuitState('peer', 9_999), 'recovering');
    assert.is(restored.getCircuitState('peer', 10_000), 'closed');
    const late = moved(limiter, start + 500, 60_000, 0);
    assert.is(late.getAvailableTokens('peer', 0), 200 / 2, 'as time has made it');
  });

  test('doublings, forced circuits and who is established are kept', () => {
    const limiter = new RateLimiter({ ...options, circuitBreakerThreshold: 1, mode: 'enforce', ...using });
    establish(limiter, names(12), 1_000);
    limiter.forceOpen('barred', 1_000);
    limiter.forceClosed('privileged', 1_000);
    limiter.recordFailure('flapping', undefined, 1_000);
    const probe = limiter.check('flapping', 1, 2_000);
    limiter.recordFailure('flapping', probe, 2_000);
    const restored = moved(limiter, 2_000, 10_000, 50_000);
    assert.is(restored.getCircuitState('barred', 50_000), 'forced_open');
    assert.is(restored.getCircuitState('privileged', 50_000), 'forced_closed');
    for (const peer of names(12)) results(restored, peer, 1, 0, 50_000);
    assert.is(restored.fleet(50_000).activePeers, 12);
    const again = restored.check('flapping', 1, 50_000);
    assert.ok(isAllowed(again));
    restored.recordFailure('flapping', again, 50_000);
    const wait = retryAfterMs(restored.check('flapping', 1, 50_000));
    assert.ok(wait >= 2_000 && wait <= 4_000, `${wait} ms, the third in a row`);
  });

  test('the load factor is not kept: it belongs to the moment', () => {
    const limiter = new RateLimiter({ ...options, newcomers: false, mode: 'enforce', ...using });
    limiter.setLoadFactor(0.5, 0);
    assert.is(admitted(limiter, 'peer', 300, 0), 100);
    const restored = moved(limiter, 0, 0, 0);
    assert.is(restored.loadFactor, 1);
    assert.is(restored.getAvailableTokens('peer', 0), 0, 'debts are');
  });

  test.run();
}

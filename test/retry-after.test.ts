/**
 * The promises about time, over random schedules. What retryAfterMs says is exact in both directions. No peer is ever allowed
 * more than its burst and what the rate has given it.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, reasonOf, retryAfterMs } from '../src/index.js';
import { engines } from './engines.js';
import { between, chance, pick } from './support.js';

const SEED = 0x5eed_0004;
const SCHEDULES = 200;
const RATES = [0.01, 0.3, 1, 3, 7.7, 10, 99.9, 100, 1_000, 12_345, 1e6];
/** The longest wait that can be told; where it is told, it says "at least". */
const LONGEST_RETRY_MS = 2 ** 28 - 2;

console.log(`schedules: seed ${SEED}`);

for (const { name, using } of engines) {
  const test = suite(`over random schedules (${name})`);

  test('rate_limited is exact: the same check succeeds after retryAfterMs, and fails 1 ms earlier', () => {
    const random = chance(SEED);
    let told = 0;
    for (let i = 0; i < SCHEDULES; i++) {
      const burstSize = pick(random, [1, 2, 5, 20, 1_000]);
      const limiter = new RateLimiter({ maxRequestsPerSec: pick(random, RATES), burstSize, maxPeers: 1, ...using });
      let now = pick(random, [0, 0.125, 12_345.678, 1e9 + 0.3, 1.7e12, -1e6]);
      for (let j = 0; j < 60; j++) {
        now += random() * 2_000 * (random() < 0.2 ? -1 : 1);
        const cost = between(random, 1, burstSize);
        const decision = limiter.check('peer', cost, now);
        const wait = retryAfterMs(decision);
        if (isAllowed(decision) || wait === LONGEST_RETRY_MS) continue;
        told++;
        const from = Math.max(0, now);
        assert.ok(Number.isInteger(wait) && wait >= 1, `${wait} ms`);
        assert.is(
          reasonOf(limiter.check('peer', cost, from + wait - 1)),
          'rate_limited',
          `too long a wait: ${wait} ms at ${now}`,
        );
        assert.ok(isAllowed(limiter.check('peer', cost, from + wait)), `too short a wait: ${wait} ms at ${now}`);
      }
    }
    assert.ok(told > 2_000, `only ${told} waits were tried`);
  });

  test('circuit_open is exact about the next probe: no check is allowed 1 ms earlier', () => {
    const random = chance(SEED + 1);
    for (let i = 0; i < SCHEDULES; i++) {
      const circuitBreakerTimeoutMs = pick(random, [0.001, 0.5, 1, 33.3, 1_000, 30_000, 2 ** 27]);
      const limiter = new RateLimiter({ circuitBreakerThreshold: 1, circuitBreakerTimeoutMs, maxPeers: 1, ...using });
      const opened = random() * pick(random, [1, 1_000, 1e9]);
      limiter.recordFailure('peer', undefined, opened);
      const now = opened + random() * circuitBreakerTimeoutMs * (random() < 0.2 ? -1 : 1);
      const decision = limiter.check('peer', 1, now);
      if (isAllowed(decision)) continue;
      const wait = retryAfterMs(decision);
      const from = Math.max(0, now);
      assert.is(
        reasonOf(limiter.check('peer', 1, from + wait - 1)),
        'circuit_open',
        `too long a wait: ${wait} ms at ${now}`,
      );
      assert.ok(isAllowed(limiter.check('peer', 1, from + wait)), `too short a wait: ${wait} ms at ${now}`);
    }
  });

  /** Lets a peer ask as it likes, and sees that no stretch of time got more than burst + rate · stretch. */
  function boundHolds(random: () => number, step: (now: number) => number): void {
    const rate = pick(random, [1, 3, 10, 100, 1_000]);
    const burstSize = pick(random, [1, 2, 5, 50]);
    const limiter = new RateLimiter({ maxRequestsPerSec: rate, burstSize, maxPeers: 1, ...using });
    const admitted: { at: number; cost: number }[] = [];
    let now = between(random, 0, 1_000_000);
    for (let i = 0; i < 400; i++) {
      now = Math.max(0, now + step(now));
      const cost = between(random, 1, Math.min(burstSize, 4));
      if (isAllowed(limiter.check('peer', cost, now))) admitted.push({ at: now, cost });
    }
    admitted.sort((a, b) => a.at - b.at);
    for (let first = 0; first < admitted.length; first++) {
      let sum = 0;
      for (let last = first; last < admitted.length; last++) {
        sum += admitted[last]?.cost ?? 0;
        const stretch = (admitted[last]?.at ?? 0) - (admitted[first]?.at ?? 0);
        // All of these are whole 1/64 ms and small, so the comparison is exact.
        assert.ok(
          sum * 1_000 <= burstSize * 1_000 + stretch * rate,
          `${sum} in ${stretch} ms at ${rate}/s, burst ${burstSize}`,
        );
      }
    }
    assert.ok(admitted.length > 0);
  }

  test('no peer gets more than burst + rate · Δ in any time Δ', () => {
    const random = chance(SEED + 2);
    for (let i = 0; i < SCHEDULES; i++) {
      const pace = pick(random, [1, 64, 6_400]);
      boundHolds(random, () => between(random, 0, pace) / 64);
    }
  });

  test('no peer gets more than burst + rate · Δ in any time Δ, even with clocks that run backwards', () => {
    const random = chance(SEED + 3);
    for (let i = 0; i < SCHEDULES; i++) {
      const pace = pick(random, [1, 64, 6_400]);
      boundHolds(random, () => (between(random, 0, 2 * pace) - between(random, 0, 2) * pace) / 64);
    }
  });

  test('a peer that asks all the time gets no less than its rate', () => {
    const random = chance(SEED + 4);
    for (let i = 0; i < 20; i++) {
      const rate = pick(random, [1, 3, 10, 100]);
      const burstSize = between(random, 1, 20);
      const limiter = new RateLimiter({ maxRequestsPerSec: rate, burstSize, maxPeers: 1, ...using });
      let allowed = 0;
      for (let now = 0; now <= 20_000; now++) if (isAllowed(limiter.check('peer', 1, now))) allowed++;
      assert.is(allowed, burstSize + 20 * rate - (1_000 % rate === 0 ? 0 : 1), `rate ${rate}, burst ${burstSize}`);
    }
  });

  test.run();
}

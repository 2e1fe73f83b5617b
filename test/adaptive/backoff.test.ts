/** How long circuits stay open that open again and again. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, retryAfterMs } from '../../src/index.js';
import { engines } from '../engines.js';
import { thrownBy } from '../support.js';
import { names } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`open time (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({
      ...{ maxPeers: 256, clock: () => 0, circuitBreakerThreshold: 1, maxOpenFraction: 1, windowMs: 10_000 },
      ...{ circuitBreakerTimeoutMs: 1_000, circuitBreakerMaxTimeoutMs: 16_000 },
      ...options,
      ...using,
    });
  /** Fails the peer's next request as soon as there is one; how long it then stays open, and until when. */
  const failAgain = (limiter: RateLimiter, peer: string, nowMs: number) => {
    const decision = limiter.check(peer, 1, nowMs);
    assert.ok(isAllowed(decision));
    assert.ok(limiter.recordFailure(peer, decision, nowMs));
    const openMs = retryAfterMs(limiter.check(peer, 1, nowMs));
    return { openMs, until: nowMs + openMs };
  };

  test('each reopening in a row doubles the open time up to the longest one, within equal jitter', () => {
    const limiter = limiterOf();
    for (const peer of names(20)) {
      let { openMs, until } = failAgain(limiter, peer, 0);
      assert.is(openMs, 1_000, 'the first is exact');
      for (const whole of [2_000, 4_000, 8_000, 16_000, 16_000, 16_000]) {
        ({ openMs, until } = failAgain(limiter, peer, until));
        assert.ok(openMs >= whole / 2 && openMs <= whole, `${openMs} of ${whole}`);
      }
    }
  });

  test('the jitter differs between peers and between openings', () => {
    const limiter = limiterOf();
    const times = names(200).map((peer) => {
      const { until } = failAgain(limiter, peer, 0);
      return failAgain(limiter, peer, until).openMs;
    });
    assert.ok(new Set(times).size > 150);
    const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
    assert.ok(mean > 1_400 && mean < 1_600, `${mean} on average`);
  });

  test('no doubling and no jitter while the longest time equals the shortest', () => {
    for (const options of [{ circuitBreakerMaxTimeoutMs: undefined }, { circuitBreakerMaxTimeoutMs: 1_000 }]) {
      const limiter = limiterOf(options);
      let until = 0;
      for (let i = 0; i < 6; i++) {
        const again = failAgain(limiter, 'peer', until);
        assert.is(again.openMs, 1_000);
        until = again.until;
      }
    }
  });

  test('closing keeps the backoff, and each window without a trip takes one doubling back, idle ones too', () => {
    for (const [windows, most] of [
      [0, 8_000],
      [0.99, 8_000],
      [1, 4_000],
      [1.99, 4_000],
      [2, 2_000],
      [3, 1_000],
      [100, 1_000],
    ] as const) {
      const limiter = limiterOf();
      let until = 0;
      for (let i = 0; i < 3; i++) ({ until } = failAgain(limiter, 'peer', until));
      until = Math.ceil(until / 10_000) * 10_000;
      const probe = limiter.check('peer', 1, until);
      assert.ok(limiter.recordSuccess('peer', probe, until));
      const { openMs } = failAgain(limiter, 'peer', until + windows * 10_000);
      const least = most === 1_000 ? 1_000 : most / 2;
      assert.ok(openMs >= least && openMs <= most, `${openMs} ms after ${windows} windows, of ${most}`);
    }
  });

  test('a lease that lapsed is an opening, and counts once', () => {
    const limiter = limiterOf({ probeTimeoutMs: 500 });
    const { until } = failAgain(limiter, 'peer', 0);
    assert.ok(isAllowed(limiter.check('peer', 1, until)));
    for (let i = 0; i < 3; i++) limiter.getCircuitState('peer', until + 500);
    const wait = retryAfterMs(limiter.check('peer', 1, until + 500));
    assert.ok(wait >= 1_000 && wait <= 2_000, `${wait} ms`);
    assert.is(limiter.stats().circuitOpened, 2);
    const third = failAgain(limiter, 'peer', until + 500 + wait);
    assert.ok(third.openMs >= 2_000 && third.openMs <= 4_000, `${third.openMs} ms`);
    assert.is(limiter.stats().circuitOpened, 3);
  });

  test('resetCircuit begins anew', () => {
    const limiter = limiterOf();
    let until = 0;
    for (let i = 0; i < 3; i++) ({ until } = failAgain(limiter, 'peer', until));
    limiter.resetCircuit('peer', until);
    assert.is(failAgain(limiter, 'peer', until).openMs, 1_000);
  });

  test('the longest time follows the shortest unless it was given, and is never below it', () => {
    const limiter = limiterOf({ circuitBreakerMaxTimeoutMs: undefined });
    limiter.configure({ circuitBreakerTimeoutMs: 5_000 }, 0);
    assert.is(limiter.config.circuitBreakerMaxTimeoutMs, 5_000);
    limiter.configure({ circuitBreakerMaxTimeoutMs: 9_000 }, 0);
    limiter.configure({ circuitBreakerTimeoutMs: 6_000 }, 0);
    assert.is(limiter.config.circuitBreakerMaxTimeoutMs, 9_000);
    const error = thrownBy(() => limiter.configure({ circuitBreakerTimeoutMs: 9_001 }, 0));
    assert.is(error.field, 'circuitBreakerMaxTimeoutMs');
    assert.is(thrownBy(() => limiterOf({ circuitBreakerMaxTimeoutMs: 999 })).field, 'circuitBreakerMaxTimeoutMs');
  });

  test.run();
}

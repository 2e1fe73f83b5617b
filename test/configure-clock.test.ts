/** New limits while the clock goes back or ahead: no token is given away, and a drained bucket stays drained. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, retryAfterMs } from '../src/index.js';
import { engines } from './engines.js';
import { between, chance, drain, pick } from './support.js';

const SEED = 0x5eed_0021;

for (const { name, using } of engines) {
  const test = suite(`configure and the clock (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({ maxPeers: 8, maxRequestsPerSec: 10, burstSize: 20, clock: () => 0, ...options, ...using });

  test('a change of other limits leaves every bucket unchanged, whatever the clock says', () => {
    for (const off of [-10_000, -1, 0, 1, 500, 10_000]) {
      const limiter = limiterOf();
      drain(limiter, 'drained', 20_000);
      limiter.check('partly', 5, 20_000);
      limiter.check('paid', 5, 5_000);
      for (let i = 0; i < 5; i++) {
        limiter.configure({ circuitBreakerThreshold: 5 + i, burstSize: 20 }, 20_000 + off);
        assert.is(retryAfterMs(limiter.check('drained', 1, 20_000)), 100, `${off} ms off`);
        assert.is(limiter.getAvailableTokens('partly', 20_000), 15);
        assert.is(limiter.getAvailableTokens('paid', 20_000), 20);
      }
    }
  });

  test('a clock that is set back during a change of limits gives no tokens away: a drained bucket stays drained', () => {
    for (const back of [1, 999, 2_000, 10_000, 1e6]) {
      const limiter = limiterOf({ circuitBreakerThreshold: 10 });
      const at = 1e6;
      let admitted = Number(isAllowed(drain(limiter, 'peer', at)));
      const changes = [{ maxRequestsPerSec: 1 }, { maxRequestsPerSec: 100 }, { burstSize: 10 }, { burstSize: 40 }];
      for (const change of changes) {
        limiter.configure(change, at - back);
        if (change.burstSize === 40) break;
        admitted += Number(isAllowed(limiter.check('peer', 1, at)));
      }
      assert.is(admitted, 1, `${back} ms back`);
      assert.is(limiter.getAvailableTokens('peer', at), 30, 'what a larger burst adds, as with a clock that goes on');
    }
  });

  test('a debt is kept as of the earliest instant at which it fits into one burst', () => {
    const limiter = limiterOf();
    limiter.check('peer', 15, 10_000);
    limiter.configure({ maxRequestsPerSec: 5 }, 9_800);
    // At 9 800 ms it would have owed 17 tokens, that is 3 400 ms at the new rate: 13 200 ms, and 20 tokens take 4 000.
    assert.is(limiter.getAvailableTokens('peer', 10_000), 4);
    limiter.configure({ maxRequestsPerSec: 10 }, 2_000);
    assert.is(limiter.getAvailableTokens('peer', 10_000), 8);
  });

  test('if the clock was ahead during a change of limits, no bucket is full before the clock reaches that time again', () => {
    const limiter = limiterOf();
    limiter.check('paid', 5, 0);
    limiter.configure({ maxRequestsPerSec: 20 }, 1_500);
    assert.is(limiter.getAvailableTokens('paid', 1_000), 10);
    assert.is(limiter.getAvailableTokens('paid', 1_500), 20);
    assert.is(limiter.getAvailableTokens('new', 1_000), 20);
  });

  test('however often rates change, at most burst × highest rate ÷ lowest rate is let through at one instant', () => {
    const random = chance(SEED);
    console.log(`configure and the clock (${name}): seed ${SEED}`);
    const at = 1e7;
    for (let history = 0; history < 300; history++) {
      const changed = at + pick(random, [-1e6, -30_000, -4_000, -700, -1, 0, 1, 700, 4_000, 30_000]);
      const rates = [between(random, 1, 100), between(random, 1, 100), between(random, 1, 100)];
      const limiter = limiterOf({ maxRequestsPerSec: rates[0] });
      let admitted = 0;
      for (let i = 0; i < 60; i++) {
        limiter.configure({ maxRequestsPerSec: pick(random, rates) }, changed);
        const cost = between(random, 1, 20);
        for (let j = pick(random, [1, 1, 20]); j > 0; j--) {
          if (isAllowed(limiter.check('peer', cost, at))) admitted += cost;
        }
      }
      const most = (20 * Math.max(...rates)) / Math.min(...rates);
      assert.ok(admitted <= most, `${admitted} of ${most}: ${rates}, changed at ${changed - at}`);
    }
  });

  test('a clock that is ahead at a slower rate, and then goes back, lets through no more than the contract says', () => {
    const limiter = limiterOf({ maxRequestsPerSec: 100, burstSize: 200 });
    const at = 50_000;
    let admitted = 0;
    const attempt = () => {
      for (let i = 0; i < 300; i++) admitted += Number(isAllowed(limiter.check('peer', 1, at)));
    };
    attempt();
    assert.is(admitted, 200);
    for (let i = 0; i < 5; i++) {
      limiter.configure({ maxRequestsPerSec: i % 2 ? 100 : 1 }, at + 10_000);
      attempt();
    }
    assert.ok(admitted <= (200 * 100) / 1, `${admitted}`);
    assert.is(admitted, 390, 'one burst at each rate, less what the slower one brings back in ten seconds');
  });

  test.run();
}

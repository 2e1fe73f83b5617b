/** The ramp after a probe that succeeded: the fourth state. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, reasonOf, retryAfterMs } from '../../src/index.js';
import { engines } from '../engines.js';
import { admitted, names, pattern, probed, results } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`recovery (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({
      ...{ maxPeers: 64, clock: () => 0, circuitBreakerThreshold: 2, circuitBreakerTimeoutMs: 1_000 },
      ...{ maxRequestsPerSec: 1e6, burstSize: 1e6, maxOpenFraction: 1 },
      recovery: { stages: 4, stageMs: 2_000, minCalls: 5 },
      ...options,
      ...using,
    });
  const stateOf = (limiter: RateLimiter, nowMs: number) => limiter.getCircuitState('peer', nowMs);
  /** How many of 640 requests the stage lets through, beyond those that always pass. */
  const sixtyfourths = (limiter: RateLimiter, nowMs: number) => {
    pattern(limiter, 'peer', 31, nowMs);
    return pattern(limiter, 'peer', 640, nowMs).filter(Boolean).length / 10;
  };

  test('a probe that succeeds begins a ramp instead of closing', () => {
    const limiter = limiterOf();
    const now = probed(limiter, 'peer', 0);
    assert.is(stateOf(limiter, now), 'recovering');
    assert.is([...limiter.peers(now)][0]?.circuitState, 'recovering');
    assert.is(limiter.stats().circuitClosed, 0);
  });

  test('stage s of S lets 2^(s − S − 1) of the requests through, then the circuit is closed', () => {
    for (const stages of [1, 2, 3, 4, 5, 6]) {
      const limiter = limiterOf({ recovery: { stages, stageMs: 2_000, minCalls: 5 } });
      let now = probed(limiter, 'peer', 0);
      for (let stage = 1; stage <= stages; stage++) {
        assert.is(stateOf(limiter, now), 'recovering');
        assert.is(sixtyfourths(limiter, now), 64 * 2 ** (stage - stages - 1), `stage ${stage} of ${stages}`);
        results(limiter, 'peer', 5, 0, now);
        now += 2_000;
      }
      assert.is(stateOf(limiter, now), 'closed');
      limiter.check('peer', 1, now);
      assert.is(limiter.stats().recovered, 1);
      assert.is(limiter.stats().circuitClosed, 1);
    }
  });

  test('the first minCalls requests of a stage always pass the ramp, and then the sequence begins', () => {
    for (const minCalls of [1, 5, 31]) {
      const limiter = limiterOf({ recovery: { stages: 6, stageMs: 2_000, minCalls } });
      const now = probed(limiter, 'peer', 0);
      const passed = pattern(limiter, 'peer', minCalls + 64, now);
      assert.ok(passed.slice(0, minCalls).every(Boolean));
      assert.is(passed.slice(minCalls).filter(Boolean).length, 1);
    }
  });

  test('the sequence is within one of the expected count over any 16 consecutive requests', () => {
    for (const stages of [1, 2, 3, 4, 5, 6]) {
      const limiter = limiterOf({ recovery: { stages, stageMs: 2_000, minCalls: 1 } });
      const now = probed(limiter, 'peer', 0);
      const passed = pattern(limiter, 'peer', 500, now).slice(1);
      const expected = 16 * 2 ** -stages;
      for (let i = 0; i + 16 <= passed.length; i++) {
        const count = passed.slice(i, i + 16).filter(Boolean).length;
        assert.ok(Math.abs(count - expected) <= 1, `${count} of 16 from ${i} on, ${stages} stages`);
      }
    }
  });

  test('the sequence is deterministic, and differs between peers', () => {
    const limiter = limiterOf({ recovery: { stages: 4, minCalls: 1 } });
    const patterns = names(40).map((peer) => {
      const now = probed(limiter, peer, 0);
      return pattern(limiter, peer, 64, now).map(Number).join('');
    });
    assert.ok(new Set(patterns).size >= 8);
  });

  test('a rejection by the ramp is circuit_open, with the time to the stage’s end as a hint', () => {
    const limiter = limiterOf();
    const now = probed(limiter, 'peer', 0);
    pattern(limiter, 'peer', 40, now);
    let decision = limiter.check('peer', 1, now + 500);
    while (isAllowed(decision)) decision = limiter.check('peer', 1, now + 500);
    assert.is(reasonOf(decision), 'circuit_open');
    assert.is(retryAfterMs(decision), 1_500);
  });

  test('the bucket still decides, and the ramp does not count what the bucket rejects', () => {
    const limiter = limiterOf({ maxRequestsPerSec: 10, burstSize: 64, recovery: { stages: 2, minCalls: 2 } });
    const now = probed(limiter, 'peer', 0);
    limiter.check('peer', 15, now);
    for (let i = 0; i < 10; i++) assert.is(reasonOf(limiter.check('peer', 60, now)), 'rate_limited');
    assert.ok(isAllowed(limiter.check('peer', 1, now + 100)), 'still one of the first two');
  });

  test('the bucket’s burst is scaled by the same fraction', () => {
    const limiter = limiterOf({ maxRequestsPerSec: 10, burstSize: 160, recovery: { stages: 4, minCalls: 31 } });
    let now = probed(limiter, 'peer', 0) + 1_000;
    for (const fraction of [1 / 16, 1 / 8, 1 / 4, 1 / 2]) {
      assert.is(limiter.getAvailableTokens('peer', now), 160 * fraction);
      assert.is(admitted(limiter, 'peer', 31, now), Math.min(31, 160 * fraction));
      results(limiter, 'peer', 31, 0, now);
      now += 60_000;
    }
    assert.is(limiter.getAvailableTokens('peer', now), 160);
  });

  test('judged once minCalls results of the stage are in: θ opens it', () => {
    for (const [failures, successes, state] of [
      [4, 0, 'recovering'],
      [3, 2, 'open'],
      [5, 0, 'open'],
    ] as const) {
      const limiter = limiterOf();
      const now = probed(limiter, 'peer', 0);
      results(limiter, 'peer', 0, failures, now);
      results(limiter, 'peer', successes, 0, now);
      assert.is(stateOf(limiter, now), state, `${failures} failures, ${successes} successes`);
    }
  });

  test('judged: θ / 2 goes one stage back, and the first stage starts again', () => {
    const limiter = limiterOf();
    let now = probed(limiter, 'peer', 0);
    results(limiter, 'peer', 5, 0, now);
    now += 2_000;
    assert.is(sixtyfourths(limiter, now), 8, 'the second stage');
    results(limiter, 'peer', 3, 1, now);
    assert.is(sixtyfourths(limiter, now), 8, 'four results say nothing');
    results(limiter, 'peer', 0, 1, now);
    assert.is(sixtyfourths(limiter, now), 4, 'two of five are at least a quarter');
    const before = limiter.check('peer', 1, now);
    results(limiter, 'peer', 3, 2, now);
    assert.is(stateOf(limiter, now), 'recovering');
    if (isAllowed(before)) assert.is(limiter.recordSuccess('peer', before, now), false, 'a new stage, a new period');
    assert.ok(pattern(limiter, 'peer', 5, now).every(Boolean), 'the first requests of a stage pass');
    assert.is(sixtyfourths(limiter, now), 4);
  });

  test('θ is failureRateThreshold where that is on', () => {
    for (const [failureRateThreshold, state] of [
      [0.2, 'open'],
      [0.21, 'recovering'],
    ] as const) {
      const limiter = limiterOf({ failureRateThreshold, minimumCalls: 20 });
      const now = probed(limiter, 'peer', 0);
      results(limiter, 'peer', 4, 1, now);
      assert.is(stateOf(limiter, now), state);
    }
  });

  test('a stage lasts stageMs, and begins where the one before ended, however late somebody looks', () => {
    const limiter = limiterOf();
    const start = probed(limiter, 'peer', 0);
    results(limiter, 'peer', 5, 0, start + 10);
    assert.is(sixtyfourths(limiter, start + 1_999), 4);
    assert.is(sixtyfourths(limiter, start + 3_000), 8);
    results(limiter, 'peer', 5, 0, start + 3_000);
    assert.is(sixtyfourths(limiter, start + 3_999), 8);
    assert.is(sixtyfourths(limiter, start + 4_000), 16);
  });

  test('a ramp never ends by time alone without minCalls results', () => {
    const limiter = limiterOf();
    const start = probed(limiter, 'peer', 0);
    results(limiter, 'peer', 4, 0, start);
    for (const later of [2_000, 1e6, 1e9]) {
      assert.is(stateOf(limiter, start + later), 'recovering');
      assert.is(sixtyfourths(limiter, start + later), 4);
    }
    results(limiter, 'peer', 1, 0, start + 1e9);
    assert.is(sixtyfourths(limiter, start + 1e9), 8, 'the fifth result ends the stage, then');
  });

  test('the probe is no result of a stage, and neither are results of another stage', () => {
    const limiter = limiterOf({ halfOpenProbes: 2 });
    results(limiter, 'peer', 0, 2, 0);
    const [probe, other] = [limiter.check('peer', 1, 1_000), limiter.check('peer', 1, 1_000)];
    assert.ok(limiter.recordSuccess('peer', probe, 1_000));
    assert.is(limiter.recordFailure('peer', other, 1_000), false);
    results(limiter, 'peer', 4, 0, 1_000);
    const first = limiter.check('peer', 1, 1_000);
    assert.ok(isAllowed(first));
    assert.is(sixtyfourths(limiter, 10_000), 4, 'four results');
    assert.ok(limiter.recordSuccess('peer', first, 10_000));
    assert.is(limiter.recordSuccess('peer', first, 10_000), false);
  });

  test('the rule of consecutive failures is off while it lasts, and on again when it is closed', () => {
    const limiter = limiterOf({ recovery: { stages: 1, stageMs: 1, minCalls: 31 } });
    let now = probed(limiter, 'peer', 0);
    results(limiter, 'peer', 0, 7, now);
    assert.is(stateOf(limiter, now), 'recovering');
    results(limiter, 'peer', 24, 0, now);
    now += 1;
    assert.is(stateOf(limiter, now), 'closed', '7 of 31 are less than a quarter');
    results(limiter, 'peer', 0, 2, now);
    assert.is(stateOf(limiter, now), 'open');
  });

  test('recordIgnored gives nothing back in a ramp', () => {
    const limiter = limiterOf();
    const now = probed(limiter, 'peer', 0);
    const permit = limiter.check('peer', 1, now);
    assert.is(limiter.recordIgnored('peer', permit, now), false);
    assert.is(stateOf(limiter, now), 'recovering');
  });

  test('a slow success counts as a failure for the ramp', () => {
    const limiter = limiterOf({ slowCallMs: 50 });
    const now = probed(limiter, 'peer', 0);
    for (let i = 0; i < 5; i++) limiter.recordSuccess('peer', undefined, now, 50);
    assert.is(stateOf(limiter, now), 'open');
  });

  test('a peer of one request a minute is never delayed by the ramp', () => {
    const limiter = limiterOf({ maxRequestsPerSec: 100, burstSize: 200 });
    let now = probed(limiter, 'peer', 0);
    for (let i = 0; i < 60; i++) {
      now += 60_000;
      const permit = limiter.check('peer', 1, now);
      assert.ok(isAllowed(permit), `request ${i}`);
      assert.ok(limiter.recordSuccess('peer', permit, now));
    }
    assert.is(stateOf(limiter, now), 'closed');
  });

  test('a ramp that fails opens the circuit for longer, and it ends where ramps are switched off', () => {
    const limiter = limiterOf({ circuitBreakerMaxTimeoutMs: 60_000 });
    const now = probed(limiter, 'peer', 0);
    results(limiter, 'peer', 0, 5, now);
    const wait = retryAfterMs(limiter.check('peer', 1, now));
    assert.ok(wait >= 1_000 && wait <= 2_000, `${wait}`);
    const probe = limiter.check('peer', 1, now + wait);
    limiter.recordSuccess('peer', probe, now + wait);
    assert.is(stateOf(limiter, now + wait), 'recovering');
    limiter.configure({ recovery: false }, now + wait);
    assert.is(stateOf(limiter, now + wait), 'closed');
  });

  test('a row in a ramp is kept, until it has been idle for a timeout beyond the stage', () => {
    const limiter = limiterOf({ maxPeers: 1, onFull: 'reject' });
    const now = probed(limiter, 'peer', 0);
    assert.is(reasonOf(limiter.check('newcomer', 1, now + 2_999)), 'table_full');
    assert.ok(isAllowed(limiter.check('newcomer', 1, now + 3_000)));
  });

  test.run();
}

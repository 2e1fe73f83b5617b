/** The half-open circuit: its probes, their lease, and what happens to a probe that hangs. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, reasonOf, retryAfterMs } from '../src/index.js';
import { engines } from './engines.js';
import { openCircuit } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`half-open circuit (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({
      maxPeers: 8,
      circuitBreakerThreshold: 3,
      circuitBreakerTimeoutMs: 1_000,
      probeTimeoutMs: 400,
      clock: () => 0,
      ...options,
      ...using,
    });

  // ── half-open ────────────────────────────────────────────────────────────────────────────────────────────────────

  test('half-open begins with the first allowed check after the deadline; until then results return false', () => {
    const limiter = limiterOf();
    openCircuit(limiter, 'peer', 0);
    assert.not(limiter.recordSuccess('peer', undefined, 2_000));
    assert.not(limiter.recordFailure('peer', undefined, 2_000));
    assert.is(reasonOf(limiter.check('peer', 1, 999)), 'circuit_open', 'and nothing has moved its deadline');
    const probe = limiter.check('peer', 1, 2_000);
    assert.ok(isAllowed(probe));
    assert.ok(limiter.recordSuccess('peer', probe, 2_000));
    assert.is(limiter.getCircuitState('peer', 2_000), 'closed');
  });

  test('half-open: up to halfOpenProbes run concurrently, others are rejected as circuit_open', () => {
    for (const halfOpenProbes of [1, 2, 15]) {
      const limiter = limiterOf({ halfOpenProbes });
      openCircuit(limiter, 'peer', 0);
      for (let i = 0; i < halfOpenProbes; i++) assert.ok(isAllowed(limiter.check('peer', 1, 1_000)));
      assert.is(reasonOf(limiter.check('peer', 1, 1_000)), 'circuit_open');
      assert.ok(limiter.recordIgnored('peer', undefined, 1_000));
      assert.ok(isAllowed(limiter.check('peer', 1, 1_000)), 'a probe that came back makes room for another');
      assert.is(reasonOf(limiter.check('peer', 1, 1_000)), 'circuit_open');
    }
  });

  test('half-open: a success closes the circuit, and the run of failures starts at 0', () => {
    const limiter = limiterOf({ halfOpenProbes: 3 });
    openCircuit(limiter, 'peer', 0);
    const probes = [1, 2, 3].map(() => limiter.check('peer', 1, 1_000));
    assert.ok(limiter.recordSuccess('peer', probes[1], 1_100));
    assert.is(limiter.getCircuitState('peer', 1_100), 'closed');
    assert.not(limiter.recordFailure('peer', probes[0], 1_100), 'its period is over');
    assert.ok(limiter.recordFailure('peer', undefined, 1_100));
    assert.ok(limiter.recordFailure('peer', undefined, 1_100));
    assert.is(limiter.getCircuitState('peer', 1_100), 'closed');
  });

  test('half-open: a failure opens the circuit again, for a whole timeout from that moment', () => {
    const limiter = limiterOf({ halfOpenProbes: 2 });
    openCircuit(limiter, 'peer', 0);
    const probes = [1, 2].map(() => limiter.check('peer', 1, 1_000));
    assert.ok(limiter.recordFailure('peer', probes[0], 1_200));
    assert.is(limiter.getCircuitState('peer', 1_200), 'open');
    assert.not(limiter.recordSuccess('peer', probes[1], 1_201), 'its period is over');
    assert.is(reasonOf(limiter.check('peer', 1, 2_199)), 'circuit_open');
    assert.ok(isAllowed(limiter.check('peer', 1, 2_200)));
  });

  test('half-open: recordIgnored gives a probe back, and returns true only if it did', () => {
    const limiter = limiterOf({ halfOpenProbes: 2 });
    openCircuit(limiter, 'peer', 0);
    const probe = limiter.check('peer', 1, 1_000);
    limiter.check('peer', 1, 1_000);
    assert.ok(limiter.recordIgnored('peer', probe, 1_000));
    assert.ok(limiter.recordIgnored('peer', undefined, 1_000));
    assert.not(limiter.recordIgnored('peer', probe, 1_000), 'none is out any more');
    assert.not(limiter.recordIgnored('peer', undefined, 1_000));
    assert.is(limiter.getCircuitState('peer', 1_000), 'half_open');
  });

  test('half-open: after all probes were given back there is no lease, and the next check gets a new one', () => {
    const limiter = limiterOf();
    openCircuit(limiter, 'peer', 0);
    const probe = limiter.check('peer', 1, 1_000);
    limiter.recordIgnored('peer', probe, 1_100);
    assert.is(limiter.getCircuitState('peer', 1_400), 'half_open');
    assert.is(limiter.getCircuitState('peer', 90_000), 'half_open');
    assert.ok(isAllowed(limiter.check('peer', 1, 90_000)));
    assert.is(retryAfterMs(limiter.check('peer', 1, 90_100)), 300);
    assert.is(limiter.stats().circuitOpened, 1);
  });

  // ── leases ───────────────────────────────────────────────────────────────────────────────────────────────────────

  test('if a lease ends without a result, the circuit opened at that instant, and later results are stale', () => {
    const limiter = limiterOf();
    openCircuit(limiter, 'peer', 0);
    const probe = limiter.check('peer', 1, 1_000);
    assert.is(limiter.getCircuitState('peer', 1_399), 'half_open');
    assert.is(limiter.getCircuitState('peer', 1_400), 'open');
    assert.not(limiter.recordSuccess('peer', probe, 1_400));
    assert.is(limiter.getCircuitState('peer', 1_400), 'open');
    assert.is(reasonOf(limiter.check('peer', 1, 2_399)), 'circuit_open');
    assert.ok(isAllowed(limiter.check('peer', 1, 2_400)));
  });

  test('a result just before the end of the lease still counts', () => {
    const limiter = limiterOf();
    openCircuit(limiter, 'peer', 0);
    const probe = limiter.check('peer', 1, 1_000);
    assert.ok(limiter.recordSuccess('peer', probe, 1_399.9));
  });

  test('the lease runs from the last probe that was let through', () => {
    const limiter = limiterOf({ halfOpenProbes: 2 });
    openCircuit(limiter, 'peer', 0);
    const first = limiter.check('peer', 1, 1_000);
    limiter.check('peer', 1, 1_300);
    assert.is(limiter.getCircuitState('peer', 1_699), 'half_open');
    assert.ok(limiter.recordSuccess('peer', first, 1_699));
  });

  test('a lease is rounded up to 1 ms', () => {
    const limiter = limiterOf({ probeTimeoutMs: 0.5 });
    openCircuit(limiter, 'peer', 0);
    limiter.check('peer', 1, 1_000.25);
    assert.is(limiter.getCircuitState('peer', 1_000.999), 'half_open');
    assert.is(limiter.getCircuitState('peer', 1_001), 'open');
  });

  test('a change takes effect at the instant it was due, whichever call comes first, however late', () => {
    const late = (first: (limiter: RateLimiter) => unknown) => {
      const limiter = limiterOf();
      openCircuit(limiter, 'peer', 0);
      limiter.check('peer', 1, 1_000);
      first(limiter);
      return [
        limiter.getCircuitState('peer', 2_399),
        limiter.getCircuitState('peer', 2_400),
        retryAfterMs(limiter.check('peer', 1, 2_399)),
      ];
    };
    const expected = ['open', 'half_open', 1];
    assert.equal(
      late(() => {}),
      expected,
    );
    assert.equal(
      late((limiter) => limiter.getCircuitState('peer', 2_000)),
      expected,
    );
    assert.equal(
      late((limiter) => limiter.check('peer', 1, 2_000)),
      expected,
    );
    assert.equal(
      late((limiter) => limiter.recordSuccess('peer', undefined, 2_300)),
      expected,
    );
    assert.equal(
      late((limiter) => [...limiter.peers(2_000)]),
      expected,
    );
  });

  test('a probe that hangs does not block the peer for ever: a year later the first check is allowed', () => {
    const limiter = limiterOf();
    openCircuit(limiter, 'peer', 0);
    const hung = limiter.check('peer', 1, 1_000);
    const probe = limiter.check('peer', 1, 3.15e10);
    assert.ok(isAllowed(probe));
    assert.not(limiter.recordSuccess('peer', hung, 3.15e10), 'the hung one comes too late');
    assert.ok(limiter.recordSuccess('peer', probe, 3.15e10));
    assert.is(limiter.getCircuitState('peer', 3.15e10), 'closed');
    assert.equal([limiter.stats().circuitOpened, limiter.stats().circuitClosed], [2, 1]);
  });

  test('reading the state writes nothing: a call at an earlier time still finds the earlier state', () => {
    const limiter = limiterOf();
    openCircuit(limiter, 'peer', 0);
    const probe = limiter.check('peer', 1, 1_000);
    const before = limiter.stats();
    assert.is(limiter.getCircuitState('peer', 1_400), 'open');
    [...limiter.peers(1_400)];
    assert.equal(limiter.stats(), before);
    assert.ok(limiter.recordSuccess('peer', probe, 1_399));
  });

  test('a probe that is out holds its row to the last instant of the clock', () => {
    const end = 2 ** 41;
    const limiter = limiterOf({
      maxPeers: 1,
      maxRequestsPerSec: 1e6,
      burstSize: 1,
      circuitBreakerTimeoutMs: 1 / 8,
      probeTimeoutMs: 2 ** 31 - 1,
      onFull: 'reject',
    });
    openCircuit(limiter, 'peer', end - 3_000);
    const probe = limiter.check('peer', 1, end - 2_000);
    assert.ok(isAllowed(probe));
    assert.is(reasonOf(limiter.check('newcomer', 1, end - 1 / 1_024)), 'table_full');
    assert.ok(limiter.recordSuccess('peer', probe, end - 1 / 1_024));
    assert.ok(isAllowed(limiter.check('newcomer', 1, end - 1 / 1_024)));
  });

  test('a lease is counted from its probe in the first millisecond, too', () => {
    const limiter = limiterOf({ circuitBreakerTimeoutMs: 0.25, probeTimeoutMs: 10.5 });
    openCircuit(limiter, 'peer', 0);
    assert.ok(isAllowed(limiter.check('peer', 1, 0.5)));
    assert.is(retryAfterMs(limiter.check('peer', 1, 0.5)), 11);
  });

  test('a success closes the circuit although its probe was given back, whatever the lease and the period are', () => {
    const end = 2 ** 25; // the low bits of such a lease are all 0
    for (const cycles of [0, 1]) {
      const limiter = limiterOf({ circuitBreakerThreshold: 1 });
      for (let i = 0; i < cycles; i++) {
        openCircuit(limiter, 'peer', 0);
        limiter.recordSuccess('peer', limiter.check('peer', 1, 1_000), 1_000);
      }
      openCircuit(limiter, 'peer', 2_000);
      const probe = limiter.check('peer', 1, end - 400);
      assert.ok(limiter.recordIgnored('peer', probe, end - 400));
      assert.ok(limiter.recordSuccess('peer', probe, end - 400));
      assert.is(limiter.getCircuitState('peer', end - 400), 'closed', `after ${cycles} cycles`);
    }
  });

  test.run();
}

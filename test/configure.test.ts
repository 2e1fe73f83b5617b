/** New limits for a live table: what takes effect, what is kept, and what is refused. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError, isAllowed, RateLimiter, type RateLimiterConfig, reasonOf, retryAfterMs } from '../src/index.js';
import { engines } from './engines.js';
import { drain, everything, onlyRow, openCircuit, thrownBy } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`configure (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({
      maxPeers: 8,
      maxRequestsPerSec: 10,
      burstSize: 20,
      circuitBreakerThreshold: 3,
      circuitBreakerTimeoutMs: 1_000,
      probeTimeoutMs: 400,
      clock: () => 0,
      ...options,
      ...using,
    });

  test('each limit that may change can be changed, alone or with others, and the rest stays', () => {
    const changes: Partial<RateLimiterConfig> = {
      maxRequestsPerSec: 7,
      burstSize: 8,
      circuitBreakerThreshold: 9,
      circuitBreakerTimeoutMs: 11,
      halfOpenProbes: 12,
      probeTimeoutMs: 13,
      onFull: 'reject',
    };
    for (const [field, value] of Object.entries(changes)) {
      const limiter = limiterOf();
      const before = limiter.config;
      limiter.configure({ [field]: value }, 0);
      const follows = field === 'circuitBreakerTimeoutMs' && { circuitBreakerMaxTimeoutMs: value };
      assert.equal({ ...limiter.config }, { ...before, [field]: value, ...follows });
    }
    const limiter = limiterOf();
    limiter.configure(changes, 0);
    for (const [field, value] of Object.entries(changes)) assert.is(limiter.config[field as 'burstSize'], value);
  });

  test("each peer's debt in tokens is kept when the rate changes", () => {
    for (const rate of [1, 5, 10, 20, 1_000]) {
      const limiter = limiterOf();
      for (let owed = 1; owed <= 7; owed++) limiter.check(`peer-${owed}`, owed, 0);
      limiter.configure({ maxRequestsPerSec: rate }, 0);
      for (let owed = 1; owed <= 7; owed++) {
        assert.is(limiter.getAvailableTokens(`peer-${owed}`, 0), 20 - owed, `${owed} owed at ${rate}`);
      }
    }
  });

  test("each peer's debt is kept when the burst changes, but is at most the new burst", () => {
    const limiter = limiterOf();
    limiter.check('little', 3, 0);
    limiter.check('much', 18, 0);
    limiter.configure({ burstSize: 10 }, 0);
    assert.is(limiter.getAvailableTokens('little', 0), 7);
    assert.is(limiter.getAvailableTokens('much', 0), 0);
    assert.is(limiter.getAvailableTokens('much', 1_000), 10, 'the clamped debt is paid back within one burst');
    limiter.configure({ burstSize: 30 }, 0);
    assert.is(limiter.getAvailableTokens('little', 0), 27);
    assert.is(limiter.getAvailableTokens('much', 0), 20);
  });

  test('tokens that came back at the old rate before the change are not owed again', () => {
    const limiter = limiterOf();
    drain(limiter, 'peer', 0);
    limiter.configure({ maxRequestsPerSec: 1 }, 1_000);
    assert.is(limiter.getAvailableTokens('peer', 1_000), 10, 'a second at 10 a second');
    assert.is(limiter.getAvailableTokens('peer', 3_000), 12, 'two at 1 a second');
  });

  test('a peer that owed nothing still owes nothing, and a peer never seen starts with the new limits', () => {
    const limiter = limiterOf();
    limiter.check('paid', 5, 0);
    limiter.configure({ burstSize: 50, maxRequestsPerSec: 1 }, 10_000);
    assert.is(limiter.getAvailableTokens('paid', 10_000), 50);
    assert.is(limiter.getAvailableTokens('new', 10_000), 50);
  });

  test('many changes one after the other keep the debt, whether or not the peer was seen in between', () => {
    const limiter = limiterOf();
    limiter.check('silent', 8, 0);
    limiter.check('looked at', 8, 0);
    for (const rate of [1, 16, 2, 8, 4, 64, 10]) {
      limiter.configure({ maxRequestsPerSec: rate }, 0);
      assert.is(limiter.getAvailableTokens('looked at', 0), 12);
    }
    assert.is(limiter.getAvailableTokens('silent', 0), 12);
    limiter.refund('silent', 8);
    limiter.configure({ maxRequestsPerSec: 3 }, 0);
    limiter.check('silent', 20, 0);
    assert.is(retryAfterMs(limiter.check('silent', 1, 0)), 334);
  });

  test('the debt of the shared overflow bucket is kept, too', () => {
    const limiter = limiterOf({ maxPeers: 1 });
    limiter.check('resident', 1, 0);
    limiter.check('newcomer', 15, 0);
    limiter.configure({ maxRequestsPerSec: 100 }, 0);
    assert.is(reasonOf(limiter.check('another', 6, 0)), 'rate_limited');
    assert.ok(isAllowed(limiter.check('another', 5, 0)));
    for (const rate of [7, 100, 3]) limiter.configure({ maxRequestsPerSec: rate }, 0);
    assert.is(reasonOf(limiter.check('another', 1, 0)), 'rate_limited');
    limiter.configure({ maxRequestsPerSec: 10 }, 0);
    assert.is(retryAfterMs(limiter.check('another', 1, 0)), 100, 'through many changes');
  });

  test('deadlines and leases stay as they were set; new timeouts hold for later ones', () => {
    const limiter = limiterOf();
    openCircuit(limiter, 'open', 0);
    openCircuit(limiter, 'probed', 0);
    limiter.check('probed', 1, 1_000);
    limiter.configure({ circuitBreakerTimeoutMs: 50, probeTimeoutMs: 60 }, 500);
    assert.is(retryAfterMs(limiter.check('open', 1, 600)), 400);
    assert.is(retryAfterMs(limiter.check('probed', 1, 1_000)), 400);
    openCircuit(limiter, 'later', 600);
    assert.is(retryAfterMs(limiter.check('later', 1, 600)), 50);
    limiter.check('later', 1, 650);
    assert.is(retryAfterMs(limiter.check('later', 1, 650)), 60);
  });

  test('a new threshold counts earlier failures: if they suffice, the next failure opens the circuit', () => {
    const limiter = limiterOf({ circuitBreakerThreshold: 10 });
    for (let i = 0; i < 6; i++) limiter.recordFailure('peer', undefined, 0);
    limiter.configure({ circuitBreakerThreshold: 4 }, 0);
    assert.is(limiter.getCircuitState('peer', 0), 'closed');
    limiter.recordFailure('peer', undefined, 0);
    assert.is(limiter.getCircuitState('peer', 0), 'open');
  });

  test('a new halfOpenProbes also holds for circuits that are half-open already', () => {
    const limiter = limiterOf();
    openCircuit(limiter, 'peer', 0);
    limiter.check('peer', 1, 1_000);
    limiter.configure({ halfOpenProbes: 3 }, 1_000);
    assert.ok(isAllowed(limiter.check('peer', 1, 1_000)));
    assert.ok(isAllowed(limiter.check('peer', 1, 1_000)));
    assert.is(reasonOf(limiter.check('peer', 1, 1_000)), 'circuit_open');
    limiter.configure({ halfOpenProbes: 1 }, 1_000);
    limiter.recordIgnored('peer', undefined, 1_000);
    limiter.recordIgnored('peer', undefined, 1_000);
    assert.is(reasonOf(limiter.check('peer', 1, 1_000)), 'circuit_open');
    limiter.recordIgnored('peer', undefined, 1_000);
    assert.ok(isAllowed(limiter.check('peer', 1, 1_000)));
  });

  test('earlier permits stay valid, and pins and counts stay', () => {
    const limiter = limiterOf({ maxPeers: 1, onFull: 'reject' });
    const handle = limiter.peer('peer', 0);
    const permit = handle.check(1, 0);
    limiter.configure({ maxRequestsPerSec: 1, burstSize: 5, circuitBreakerThreshold: 1 }, 0);
    assert.is(reasonOf(limiter.check('newcomer', 1, 1e6)), 'table_full');
    assert.is(onlyRow(limiter, 0).allowed, 1);
    assert.ok(handle.recordFailure(permit, 0));
    assert.is(handle.circuitState, 'open');
  });

  test('a new onFull changes what newcomers get', () => {
    const limiter = limiterOf({ maxPeers: 1, onFull: 'reject' });
    limiter.check('resident', 1, 0);
    assert.is(reasonOf(limiter.check('newcomer', 1, 0)), 'table_full');
    limiter.configure({ onFull: 'overflow' }, 0);
    assert.ok(isAllowed(limiter.check('newcomer', 1, 0)));
    limiter.configure({ onFull: 'reject' }, 0);
    assert.is(reasonOf(limiter.check('newcomer', 1, 0)), 'table_full');
  });

  test('a bad value throws a ConfigError that names it, and nothing changes', () => {
    const limiter = limiterOf();
    limiter.check('peer', 5, 0);
    const before = JSON.stringify(everything(limiter, 0));
    const bad: Record<string, unknown[]> = {
      maxRequestsPerSec: [0, -1, Number.NaN, 1e7, '10', null],
      burstSize: [0, 1.5, Number.POSITIVE_INFINITY, null],
      circuitBreakerThreshold: [0, 2 ** 30 + 1, 1.5],
      circuitBreakerTimeoutMs: [0, 2 ** 31],
      halfOpenProbes: [0, 16],
      probeTimeoutMs: [0, 2 ** 31],
      onFull: ['drop', null],
    };
    for (const [field, values] of Object.entries(bad)) {
      for (const value of values) {
        const error = thrownBy(() =>
          limiter.configure({ halfOpenProbes: 2, [field]: value } as Partial<RateLimiterConfig>, 0),
        );
        assert.instance(error, ConfigError, `${field}: ${String(value)} gave ${error}`);
        assert.is(error.field, field);
      }
    }
    assert.is(JSON.stringify(everything(limiter, 0)), before);
  });

  test('a new burst is judged together with the rate in force, and a new rate with the burst in force', () => {
    const limiter = limiterOf({ maxRequestsPerSec: 1e6, burstSize: 1e12 });
    assert.instance(
      thrownBy(() => limiter.configure({ maxRequestsPerSec: 1 }, 0)),
      ConfigError,
    );
    assert.is(limiter.config.maxRequestsPerSec, 1e6);
    limiter.configure({ maxRequestsPerSec: 1, burstSize: 100 }, 0);
    assert.is(limiter.config.burstSize, 100);
  });

  test('maxPeers, clock and module cannot change', () => {
    const limiter = limiterOf();
    const before = limiter.config;
    for (const changes of [
      { maxPeers: 9 },
      { clock: () => 5 },
      { module: new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])) },
    ]) {
      const error = thrownBy(() => limiter.configure(changes as Partial<RateLimiterConfig>, 0));
      assert.instance(error, ConfigError);
      assert.is(error.field, Object.keys(changes)[0]);
    }
    assert.equal({ ...limiter.config }, { ...before });
  });

  test('an empty change changes nothing', () => {
    const limiter = limiterOf();
    limiter.check('peer', 5, 0);
    const before = JSON.stringify(everything(limiter, 0));
    limiter.configure({}, 0);
    assert.is(JSON.stringify(everything(limiter, 0)), before);
  });

  test('it reads the clock if no time is given', () => {
    let reading = 0;
    const limiter = limiterOf({ clock: () => reading });
    drain(limiter, 'peer', 0);
    reading = 1_000;
    limiter.configure({ maxRequestsPerSec: 1 });
    assert.is(limiter.getAvailableTokens('peer', 1_000), 10);
  });

  test('a debt at the very end of the clock is kept', () => {
    const end = 2 ** 41 - 1;
    const limiter = limiterOf({ maxRequestsPerSec: 1, burstSize: 4 });
    limiter.check('peer', 4, end);
    limiter.configure({ burstSize: 8 }, end);
    assert.ok(limiter.getAvailableTokens('peer', end) <= 4);
  });

  test.run();
}

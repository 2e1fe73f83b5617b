/** What a rejected caller is told: codes, messages, data, and which codes are taken from the caller. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ConfigError,
  ERR_CIRCUIT_BREAKER,
  ERR_RATE_LIMITED,
  eip1474,
  RateLimiter,
  type RpcErrorCodes,
  RpcGuard,
} from '../../src/index.js';
import { drain, openCircuit, thrownBy } from '../support.js';

const test = suite('error codes of the guard');

const limiterOf = (options = {}) =>
  new RateLimiter({
    maxRequestsPerSec: 10,
    burstSize: 5,
    circuitBreakerThreshold: 3,
    maxPeers: 2,
    clock: () => 0,
    ...options,
  });

test('the codes are those of the specification', () => {
  assert.is(ERR_RATE_LIMITED, -32001);
  assert.is(ERR_CIRCUIT_BREAKER, -32002);
});

test('an empty bucket is -32001, with the time to wait', () => {
  const limiter = limiterOf();
  drain(limiter, 'peer', 0);
  const guard = new RpcGuard(limiter);
  assert.equal(guard.toRpcError(guard.admit('peer')), {
    code: -32001,
    message: 'Rate limit exceeded',
    data: { reason: 'rate_limited', retryAfterMs: 100 },
  });
});

test('an open circuit is -32002, with the time until it may be probed', () => {
  const limiter = limiterOf({ circuitBreakerTimeoutMs: 1_234 });
  openCircuit(limiter, 'peer', 0);
  const guard = new RpcGuard(limiter);
  assert.equal(guard.toRpcError(guard.admit('peer')), {
    code: -32002,
    message: 'Circuit breaker open',
    data: { reason: 'circuit_open', retryAfterMs: 1_234 },
  });
});

test('a full table has the code of rate limiting, unless it is given one', () => {
  const full = limiterOf({ onFull: 'reject' });
  const handles = [full.peer('a'), full.peer('b')];
  const decision = full.check('c');
  const inGeneral = new RpcGuard(full).toRpcError(decision);
  assert.is(inGeneral.code, -32001);
  assert.equal(inGeneral.data, { reason: 'table_full', retryAfterMs: 1000 });
  const errorCodes = { rateLimited: -1, circuitOpen: -2, tableFull: -3 };
  assert.is(new RpcGuard(full, { errorCodes }).toRpcError(decision).code, -3);
  assert.is(new RpcGuard(full, { errorCodes: { rateLimited: -1, circuitOpen: -2 } }).toRpcError(decision).code, -1);
  for (const handle of handles) handle.release();
});

test('where waiting cannot help, retryAfterMs is null, since JSON has no infinity', () => {
  const guard = new RpcGuard(limiterOf());
  const { data } = guard.toRpcError(guard.admit('peer', 6));
  assert.equal(data, { reason: 'rate_limited', retryAfterMs: null });
});

test('eip1474 has the codes that Ethereum clients know', () => {
  const limiter = limiterOf();
  assert.equal({ ...eip1474 }, { rateLimited: -32005, circuitOpen: -32002, tableFull: -32005 });
  const guard = new RpcGuard(limiter, { errorCodes: eip1474 });
  drain(limiter, 'a', 0);
  openCircuit(limiter, 'b', 0);
  assert.is(guard.toRpcError(guard.admit('a')).code, -32005);
  assert.is(guard.toRpcError(guard.admit('b')).code, -32002);
  assert.ok(Object.isFrozen(eip1474));
});

test('an allowed decision has no error', () => {
  const guard = new RpcGuard(limiterOf());
  const error = thrownBy(() => guard.toRpcError(guard.admit('peer')));
  assert.instance(error, RangeError);
  assert.is(error.code, 'ERR_PEERGATE_DECISION');
  for (const nonsense of [Number.NaN, 1.5, -1.5, '3', undefined]) {
    assert.is(thrownBy(() => guard.toRpcError(nonsense as number)).code, 'ERR_PEERGATE_DECISION', String(nonsense));
  }
});

test("codes that are no integers are refused by name, and the caller's object is left alone", () => {
  const limiter = limiterOf();
  const bad: [string, unknown][] = [
    ['errorCodes.rateLimited', { rateLimited: '-1', circuitOpen: -2 }],
    ['errorCodes.circuitOpen', { rateLimited: -1 }],
    ['errorCodes.circuitOpen', { rateLimited: -1, circuitOpen: 1.5 }],
    ['errorCodes.tableFull', { rateLimited: -1, circuitOpen: -2, tableFull: Number.NaN }],
    ['ratelimited', { ratelimited: -1, rateLimited: -1, circuitOpen: -2 }],
    ['errorCodes', 5],
    ['errorCodes', null],
  ];
  for (const [field, errorCodes] of bad) {
    const error = thrownBy(() => new RpcGuard(limiter, { errorCodes: errorCodes as RpcErrorCodes }));
    assert.instance(error, ConfigError);
    assert.is(error.field, field);
  }
  const mine = { rateLimited: -1, circuitOpen: -2 };
  const guard = new RpcGuard(limiter, { errorCodes: mine });
  assert.equal(mine, { rateLimited: -1, circuitOpen: -2 });
  mine.rateLimited = 5;
  assert.is(guard.errorCodes.rateLimited, -1);
  assert.ok(Object.isFrozen(guard.errorCodes));
});

test.run();

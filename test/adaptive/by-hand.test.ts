/** Circuits that the operator forces, and shadow mode. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, reasonOf, retryAfterMs } from '../../src/index.js';
import { engines } from '../engines.js';
import { everything, thrownBy } from '../support.js';
import { admitted, results } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`by hand (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({
      ...{ maxPeers: 4, burstSize: 5, maxRequestsPerSec: 10, clock: () => 0, circuitBreakerThreshold: 2 },
      ...{ circuitBreakerTimeoutMs: 1_000 },
      ...options,
      ...using,
    });

  test('forceOpen and forceClosed claim a row, resetCircuit does not; all tell whether there is one', () => {
    const limiter = limiterOf();
    assert.is(limiter.resetCircuit('peer', 0), false);
    assert.is(limiter.peerCount, 0);
    assert.is(limiter.forceOpen('peer', 0), true);
    assert.is(limiter.forceClosed('other', 0), true);
    assert.is(limiter.peerCount, 2);
    assert.is(limiter.resetCircuit('peer', 0), true);
    const full = limiterOf({ maxPeers: 1 });
    full.peer('held', 0);
    assert.is(full.forceOpen('peer', 0), false);
    assert.is(full.forceClosed('peer', 0), false);
  });

  test('a circuit that is forced open rejects for ever', () => {
    const limiter = limiterOf();
    limiter.forceOpen('peer', 0);
    for (const now of [0, 1_000, 1e9, 2 ** 41 - 1]) {
      assert.is(limiter.getCircuitState('peer', now), 'forced_open');
      const decision = limiter.check('peer', 1, now);
      assert.is(reasonOf(decision), 'circuit_open');
      assert.is(retryAfterMs(decision), Number.POSITIVE_INFINITY);
    }
    assert.is(limiter.stats().clockAnomalies, 0);
    assert.is([...limiter.peers(0)][0]?.circuitState, 'forced_open');
  });

  test('a circuit that is forced closed lets everything through, and the bucket still decides', () => {
    const limiter = limiterOf();
    limiter.forceClosed('peer', 0);
    for (let i = 0; i < 50; i++) assert.is(limiter.recordFailure('peer', undefined, 0), false);
    assert.is(limiter.getCircuitState('peer', 0), 'forced_closed');
    assert.is(admitted(limiter, 'peer', 10, 0), 5);
  });

  test('results do not change a forced circuit and do not count', () => {
    const limiter = limiterOf({ failureRateThreshold: 0.1, minimumCalls: 1 });
    for (const [peer, force] of [
      ['open', 'forceOpen'],
      ['closed', 'forceClosed'],
    ] as const) {
      limiter[force](peer, 0);
      const state = limiter.getCircuitState(peer, 0);
      for (const record of ['recordSuccess', 'recordFailure', 'recordIgnored'] as const) {
        assert.is(limiter[record](peer, undefined, 0), false);
      }
      const permit = limiter.check(peer, 1, 0);
      if (isAllowed(permit)) assert.is(limiter.recordFailure(peer, permit, 0), false);
      assert.is(limiter.getCircuitState(peer, 1e6), state);
    }
  });

  test('a forced row is not reclaimed', () => {
    const limiter = limiterOf({ maxPeers: 2, onFull: 'reject' });
    limiter.forceOpen('open', 0);
    limiter.forceClosed('closed', 0);
    assert.is(reasonOf(limiter.check('newcomer', 1, 1e9)), 'table_full');
    limiter.resetCircuit('open', 1e9);
    assert.ok(isAllowed(limiter.check('newcomer', 1, 1e9)));
  });

  test('resetCircuit makes it closed and clean, in a new generation', () => {
    const limiter = limiterOf();
    const old = limiter.check('peer', 1, 0);
    results(limiter, 'peer', 0, 2, 0);
    assert.is(limiter.getCircuitState('peer', 0), 'open');
    assert.ok(limiter.resetCircuit('peer', 0));
    assert.is(limiter.getCircuitState('peer', 0), 'closed');
    assert.is(limiter.recordFailure('peer', old, 0), false, 'of an earlier generation');
    assert.is(limiter.stats().staleResults, 1);
    results(limiter, 'peer', 0, 1, 0);
    assert.is(limiter.getCircuitState('peer', 0), 'closed', 'the run begins at 0');
    limiter.forceOpen('peer', 0);
    limiter.resetCircuit('peer', 0);
    assert.ok(isAllowed(limiter.check('peer', 1, 0)));
  });

  test('a handle does the same', () => {
    const limiter = limiterOf();
    const handle = limiter.peer('peer', 0);
    assert.ok(handle.forceOpen(0));
    assert.is(handle.circuitState, 'forced_open');
    assert.is(reasonOf(handle.check(1, 0)), 'circuit_open');
    assert.ok(handle.forceClosed(0));
    assert.is(handle.circuitState, 'forced_closed');
    assert.ok(isAllowed(handle.check(1, 0)));
    assert.ok(handle.resetCircuit(0));
    assert.is(handle.circuitState, 'closed');
  });

  test('a bad time or ID changes nothing', () => {
    const limiter = limiterOf();
    limiter.check('peer', 1, 0);
    const before = JSON.stringify(everything(limiter, 0));
    for (const act of ['forceOpen', 'forceClosed', 'resetCircuit'] as const) {
      assert.is(thrownBy(() => limiter[act]('peer', Number.NaN)).code, 'ERR_PEERGATE_NOW');
      assert.is(thrownBy(() => limiter[act](7 as never, 0)).code, 'ERR_PEERGATE_PEER_ID_TYPE');
    }
    assert.is(JSON.stringify(everything(limiter, 0)), before);
  });

  // ── shadow mode ──────────────────────────────────────────────────────────────────────────────────────────────────

  test('shadow mode decides and counts as ever, but lets rejections through', () => {
    const enforced = limiterOf();
    const shadow = limiterOf({ mode: 'shadow' });
    for (const limiter of [enforced, shadow]) {
      for (let i = 0; i < 8; i++) limiter.check('flooder', 1, 0);
      limiter.check('greedy', 6, 0);
      results(limiter, 'failing', 0, 2, 0);
      for (let i = 0; i < 3; i++) limiter.check('failing', 1, 0);
    }
    const { shadowed, ...counted } = shadow.stats();
    const { shadowed: none, ...expected } = enforced.stats();
    assert.equal(counted, expected);
    assert.is(none, 0);
    assert.is(shadowed, 3 + 1 + 3);
    assert.is(admitted(shadow, 'flooder', 10, 0), 10);
    assert.is(shadow.getAvailableTokens('flooder', 0), 0);
    assert.is(shadow.getCircuitState('failing', 0), 'open');
  });

  test('the permit of a rejection that was let through is stale', () => {
    const limiter = limiterOf({ mode: 'shadow' });
    for (let i = 0; i < 5; i++) limiter.check('peer', 1, 0);
    const through = limiter.check('peer', 1, 0);
    assert.ok(isAllowed(through));
    assert.is(limiter.recordFailure('peer', through, 0), false);
    assert.is(limiter.recordSuccess('peer', through, 0), false);
    assert.is(limiter.stats().staleResults, 2);
    assert.is(limiter.getCircuitState('peer', 0), 'closed');
  });

  test('a full table lets newcomers through in shadow mode, and gives them no row', () => {
    const limiter = limiterOf({ mode: 'shadow', maxPeers: 1, onFull: 'reject' });
    limiter.peer('held', 0);
    assert.ok(isAllowed(limiter.check('newcomer', 1, 0)));
    assert.is(limiter.stats().tableFull, 1);
    assert.is(limiter.stats().shadowed, 1);
    assert.is(limiter.peerCount, 1);
  });

  test('the mode can be changed on the live table', () => {
    const limiter = limiterOf({ mode: 'shadow' });
    limiter.forceOpen('peer', 0);
    assert.ok(isAllowed(limiter.check('peer', 1, 0)));
    limiter.configure({ mode: 'enforce' }, 0);
    assert.not(isAllowed(limiter.check('peer', 1, 0)));
  });

  test.run();
}

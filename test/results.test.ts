/** Which results count and which are dropped: permits of other periods, lives and peers, and peers without a row. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Decision, isAllowed, RateLimiter } from '../src/index.js';
import { engines } from './engines.js';
import { openCircuit } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`results (${name})`);
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

  const results = ['recordSuccess', 'recordFailure', 'recordIgnored'] as const;

  test('a result with a permit of an earlier period is dropped and counted as stale', () => {
    for (const result of results) {
      const limiter = limiterOf();
      const early = limiter.check('peer', 1, 0);
      openCircuit(limiter, 'peer', 0);
      const probe = limiter.check('peer', 1, 1_000);
      assert.not(limiter[result]('peer', early, 1_000), `${result} while half-open`);
      limiter.recordSuccess('peer', probe, 1_000);
      assert.not(limiter[result]('peer', early, 1_000), `${result} while closed again`);
      assert.not(limiter[result]('peer', probe, 1_000), `${result} of the probe, late`);
      assert.is(limiter.stats().staleResults, 3);
      assert.is(limiter.getCircuitState('peer', 1_000), 'closed');
    }
  });

  test('a result with a rejected decision returns false, counts nowhere and claims no row', () => {
    for (const result of results) {
      const limiter = limiterOf({ burstSize: 1 });
      limiter.check('peer', 1, 0);
      const rejected = limiter.check('peer', 1, 0);
      for (let i = 0; i < 5; i++) assert.not(limiter[result]('peer', rejected, 0));
      assert.not(limiter[result]('stranger', rejected, 0));
      assert.is(limiter.getCircuitState('peer', 0), 'closed');
      assert.equal([limiter.stats().staleResults, limiter.peerCount], [0, 1]);
    }
  });

  test('a result with an overflow permit returns false for every peer', () => {
    for (const result of results) {
      const limiter = limiterOf({ maxPeers: 1 });
      limiter.check('resident', 1, 0);
      const overflow = limiter.check('newcomer', 1, 0);
      assert.ok(isAllowed(overflow));
      for (let i = 0; i < 5; i++) assert.not(limiter[result]('newcomer', overflow, 0));
      assert.not(limiter[result]('resident', overflow, 0));
      assert.is(limiter.getCircuitState('resident', 0), 'closed');
      assert.is(limiter.stats().staleResults, 6);
    }
  });

  test('a permit from before the peer was removed is stale, even if the peer has a row again', () => {
    for (const result of results) {
      const limiter = limiterOf({ circuitBreakerThreshold: 1 });
      const before = limiter.check('peer', 1, 0);
      limiter.removePeer('peer');
      assert.not(limiter[result]('peer', before, 0), 'no row');
      limiter.check('peer', 1, 0);
      assert.not(limiter[result]('peer', before, 0), 'a row again');
      assert.is(limiter.getCircuitState('peer', 0), 'closed');
      assert.is(limiter.stats().staleResults, 2);
    }
  });

  test('a permit from before the row was reclaimed is stale, whichever row the peer has now', () => {
    const limiter = limiterOf({ maxPeers: 1, circuitBreakerThreshold: 1 });
    const before = limiter.check('peer', 1, 0);
    limiter.check('other', 1, 1_000);
    assert.not(limiter.recordFailure('peer', before, 1_000));
    limiter.check('peer', 1, 2_000);
    assert.is(limiter.stats().reclaimed, 2);
    assert.not(limiter.recordFailure('peer', before, 2_000));
    assert.is(limiter.getCircuitState('peer', 2_000), 'closed');
  });

  test('a permit is valid only for its own peer', () => {
    const limiter = limiterOf({ circuitBreakerThreshold: 1 });
    const permit = limiter.check('a', 1, 0);
    limiter.check('b', 1, 0);
    assert.not(limiter.recordFailure('b', permit, 0));
    assert.is(limiter.getCircuitState('b', 0), 'closed');
    assert.ok(limiter.recordFailure('a', permit, 0));
  });

  test('a peer without a row: a failure without a permit claims a row and counts; every other result returns false', () => {
    const limiter = limiterOf();
    assert.not(limiter.recordSuccess('peer', undefined, 0));
    assert.not(limiter.recordIgnored('peer', undefined, 0));
    assert.is(limiter.peerCount, 0);
    assert.ok(limiter.recordFailure('peer', undefined, 0));
    assert.is(limiter.peerCount, 1);
    assert.is(limiter.getAvailableTokens('peer', 0), 200, 'and takes no token');
    limiter.recordFailure('peer', undefined, 0);
    limiter.recordFailure('peer', undefined, 0);
    assert.is(limiter.getCircuitState('peer', 0), 'open');
  });

  test('with a threshold of 1 the first failure opens the circuit', () => {
    const limiter = limiterOf({ circuitBreakerThreshold: 1 });
    assert.ok(limiter.recordFailure('peer', undefined, 0));
    assert.is(limiter.getCircuitState('peer', 0), 'open');
    assert.is(limiter.stats().circuitOpened, 1);
  });

  test('a failure of a peer that finds no row returns false, whatever onFull is', () => {
    for (const onFull of ['overflow', 'reject']) {
      const limiter = limiterOf({ maxPeers: 1, onFull });
      limiter.check('resident', 1, 0);
      assert.not(limiter.recordFailure('newcomer', undefined, 0));
      assert.equal(
        [...limiter.peers(0)].map((row) => row.id),
        ['resident'],
      );
    }
  });

  test('a success reads the clock only if the circuit is not closed, and then once', () => {
    const at = { ms: 0, reads: 0 };
    const limiter = limiterOf({
      clock: () => {
        at.reads++;
        return at.ms;
      },
    });
    const handle = limiter.peer('peer', 0);
    for (const success of [
      (permit?: Decision) => limiter.recordSuccess('peer', permit),
      (permit?: Decision) => handle.recordSuccess(permit),
    ]) {
      at.reads = 0;
      for (const permit of [undefined, limiter.check('peer', 1, at.ms)]) assert.is(success(permit), true);
      assert.is(at.reads, 0, 'closed');

      openCircuit(limiter, 'peer', at.ms);
      at.reads = 0;
      assert.is(success(), false);
      assert.is(at.reads, 1, 'open');

      // The lease of 400 ms is over: the probe has failed, so what it says now comes too late.
      at.ms += 1_000;
      const hung = limiter.check('peer', 1, at.ms);
      at.ms += 400;
      assert.is(success(hung), false);
      assert.is(limiter.getCircuitState('peer', at.ms), 'open');

      at.ms += 1_000;
      const probe = limiter.check('peer', 1, at.ms);
      at.reads = 0;
      assert.is(success(probe), true);
      assert.is(at.reads, 1, 'half-open');
      assert.is(limiter.getCircuitState('peer', at.ms), 'closed');
    }
  });

  test.run();
}

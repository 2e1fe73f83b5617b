/** What happens when so many peers have come and gone that the numbers of their lives come round again. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as layout from '../assembly/layout.js';
import { ClosedError, isAllowed, RateLimiter, reasonOf } from '../src/index.js';
import { engines } from './engines.js';
import { openCircuit, thrownBy, withMemories } from './support.js';

/** The next life after so many is numbered like the first. */
const ONE_ROUND = 2 ** layout.EPOCH_BITS;

for (const { name, using } of engines) {
  const test = suite(`lives (${name})`);
  const limiterOf = (maxPeers = 1) => {
    const [limiter, [memory]] = withMemories(
      () =>
        new RateLimiter({
          maxPeers,
          burstSize: 4,
          maxRequestsPerSec: 1,
          circuitBreakerThreshold: 2,
          onFull: 'reject',
          clock: () => 0,
          ...using,
        }),
    );
    const header = new DataView((memory as WebAssembly.Memory).buffer);
    const live = (births: number) => header.setUint32(layout.AT_BIRTHS, births - 1, true);
    return { limiter, live };
  };

  test('a handle that was idle while all epochs were used does not touch the peer that has its epoch now', () => {
    for (const use of ['check', 'checkMany', 'recordFailure', 'recordSuccess', 'refund', 'release'] as const) {
      const { limiter, live } = limiterOf();
      const old = limiter.peer('old', 0);
      limiter.removePeer('old');
      live(ONE_ROUND);
      const young = limiter.peer('young', 0);
      assert.ok(isAllowed(young.check(2, 0)));
      young.recordFailure(undefined, 0);

      if (use === 'check') assert.is(reasonOf(old.check(1, 0)), 'table_full');
      else if (use === 'checkMany') {
        const decisions = new Int32Array(2);
        limiter.checkMany([young, old], decisions, 1, 0);
        assert.is(reasonOf(decisions[1] as never), 'table_full');
        limiter.refund('young', 1);
      } else if (use === 'recordFailure') assert.is(old.recordFailure(undefined, 0), false);
      else if (use === 'recordSuccess') assert.is(old.recordSuccess(undefined, 0), false);
      else old[use]();

      assert.is(limiter.getAvailableTokens('young', 0), 2, use);
      assert.is(limiter.getCircuitState('young', 0), 'closed', use);
      assert.is(young.recordFailure(undefined, 0), true);
      assert.is(limiter.getCircuitState('young', 0), 'open', `${use}: the run of failures went on`);
      assert.is(reasonOf(limiter.check('newcomer', 1, 1e9)), 'table_full', `${use}: the row is still held`);
    }
  });

  test('a cached name that was idle while all epochs were used does not find the row of another peer', () => {
    const { limiter, live } = limiterOf();
    for (let i = 0; i < 4; i++) limiter.check('old', 1, 0);
    limiter.removePeer('old');
    live(ONE_ROUND);
    assert.ok(isAllowed(limiter.check('young', 2, 0)));
    assert.is(reasonOf(limiter.check('old', 1, 0)), 'table_full');
    assert.is(limiter.recordFailure('old', undefined, 0), false);
    assert.is(limiter.getAvailableTokens('young', 0), 2);
  });

  test('a handle in use keeps its row, debt, pin and permits while all epochs are used', () => {
    const { limiter, live } = limiterOf(2);
    const handle = limiter.peer('held', 0);
    const permit = handle.check(3, 0);
    for (let round = 0; round < 3; round++) {
      for (const half of [1, 2]) {
        live(((round * 2 + half) * ONE_ROUND) / 2);
        limiter.check('passer-by', 1, 0);
        limiter.removePeer('passer-by');
        assert.is(handle.availableTokens, 1);
      }
    }
    assert.ok(handle.recordFailure(permit, 0));
    assert.is(limiter.peer('held', 0).circuitState, 'closed');
    assert.ok(isAllowed(handle.check(1, 0)));
    assert.not(isAllowed(handle.check(1, 0)));
    limiter.check('passer-by', 1, 0);
    assert.is(reasonOf(limiter.check('newcomer', 1, 0)), 'table_full');
  });

  test('epochs wrap around at 2²⁹ and leave out those that a permit would confuse with the overflow row', () => {
    const { limiter, live } = limiterOf();
    const permitAfter = (births: number) => {
      live(births);
      const permit = limiter.check('peer', 1, 0);
      assert.ok(limiter.recordSuccess('peer', permit, 0), `after ${births} lives`);
      openCircuit(limiter, 'peer', 0);
      assert.is(limiter.getCircuitState('peer', 0), 'open');
      assert.ok(limiter.removePeer('peer'));
      return permit >> layout.GENERATION_BITS;
    };
    const last = ONE_ROUND - 1;
    for (const births of [0xffff, ONE_ROUND / 2 - 1, last, 2 * ONE_ROUND - 1, 2 ** 32 - 1]) {
      assert.is(permitAfter(births), 0xffff, `the last before ${births + 1}`);
    }
    for (const births of [1, 0x10000, ONE_ROUND / 2, ONE_ROUND, 2 * ONE_ROUND, 2 ** 32]) {
      assert.is(permitAfter(births), 1, `the first from ${births} on`);
    }
  });

  test('each handle finds its own row, however many lives came before', () => {
    for (const births of [ONE_ROUND, 7 * ONE_ROUND, 2 ** 32 - 4]) {
      const { limiter, live } = limiterOf(8);
      live(births);
      const handles = Array.from({ length: 8 }, (_, i) => limiter.peer(`peer-${i}`, 0));
      for (const [i, handle] of handles.entries()) if (i % 4 > 0) assert.ok(isAllowed(handle.check(i % 4, 0)));
      for (const i of handles.keys()) assert.is(limiter.getAvailableTokens(`peer-${i}`, 0), 4 - (i % 4));
    }
  });

  test('a permit is stale for 32 767 transitions of its circuit, whatever they are', () => {
    const { limiter } = limiterOf();
    const permit = limiter.check('peer', 1, 0);
    let now = 0;
    let transitions = 0;
    const go = (act: () => unknown) => {
      act();
      transitions++;
    };
    const fits: number[] = [];
    const look = () => {
      if (limiter.recordIgnored('peer', permit, now)) {
        fits.push(transitions);
        limiter.check('peer', 1, now); // the probe that it gave back goes out again
      } else if (limiter.getCircuitState('peer', now) === 'closed' && limiter.recordSuccess('peer', permit, now)) {
        fits.push(transitions);
      }
    };
    while (transitions < 3 * 2 ** layout.GENERATION_BITS) {
      go(() => openCircuit(limiter, 'peer', now));
      look();
      now += 60_000;
      go(() => limiter.check('peer', 1, now));
      look();
      go(() => limiter.recordSuccess('peer', undefined, now));
      look();
    }
    assert.equal(fits, [2 ** 15, 3 * 2 ** 14], 'first a half-open period, then a closed one like its own');
  });

  test('an old handle of a closed limiter can be released, and every other call throws', () => {
    const { limiter, live } = limiterOf();
    const handle = limiter.peer('peer', 0);
    limiter.removePeer('peer');
    live(ONE_ROUND);
    limiter.check('other', 1, 0);
    limiter.close();
    assert.instance(
      thrownBy(() => handle.check()),
      ClosedError,
    );
    handle.release();
  });

  test.run();
}

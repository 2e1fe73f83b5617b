/** `checkAll`: several limits at once. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, type Peer, RateLimiter, reasonOf, retryAfterMs } from '../../src/index.js';
import { engines } from '../engines.js';
import { everything, thrownBy, withCalls } from '../support.js';
import { pattern, probed, results } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`several limits at once (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({
      ...{ maxRequestsPerSec: 10, burstSize: 10, maxPeers: 16, clock: () => 0, circuitBreakerThreshold: 2 },
      ...{ circuitBreakerTimeoutMs: 1_000, classes: { everyone: { factor: 2 }, method: { factor: 0.5 } } },
      ...options,
      ...using,
    });
  const three = (limiter: RateLimiter): [Peer, Peer, Peer] => {
    const handles = [limiter.peer('peer', 0), limiter.peer('method', 0), limiter.peer('everyone', 0)] as const;
    handles[1].setClass('method', 0);
    handles[2].setClass('everyone', 0);
    return [...handles];
  };
  const tokens = (handles: readonly Peer[]) => handles.map((handle) => handle.availableTokens);

  test('all have room: each is charged, and the permit is the first one’s', () => {
    const limiter = limiterOf();
    const handles = three(limiter);
    assert.equal(tokens(handles), [10, 5, 20]);
    const decision = limiter.checkAll(handles, 2, 0);
    assert.ok(isAllowed(decision));
    assert.is(limiter.rejectedBy, -1);
    assert.equal(tokens(handles), [8, 3, 18]);
    assert.ok(handles[0].recordFailure(decision, 0));
    assert.is(handles[1].recordFailure(decision, 0), false);
    assert.is(limiter.stats().allowed, 1);
    assert.equal(
      [...limiter.peers(0)].map(({ allowed }) => allowed),
      [1, 1, 1],
    );
  });

  test('one without room: none is charged, and rejectedBy is the lowest index of those that refused', () => {
    for (const drained of [[0], [1], [2], [1, 2], [0, 2]] as const) {
      const limiter = limiterOf();
      const handles = three(limiter);
      for (const i of drained) handles[i]?.check(tokens(handles)[i], 0);
      const before = tokens(handles);
      const decision = limiter.checkAll(handles, 1, 0);
      assert.is(reasonOf(decision), 'rate_limited');
      assert.is(limiter.rejectedBy, drained[0]);
      assert.equal(tokens(handles), before);
      assert.is(limiter.stats().rateLimited, 1);
    }
  });

  /** What a bucket owes, in ms; it must owe something. */
  const owedMs = (handle: Peer, nowMs: number) => retryAfterMs(handle.check(10, nowMs));

  test('where a later one refuses, those before it owe to the millisecond what they owed', () => {
    const limiter = limiterOf();
    const [one, full, gone] = [limiter.peer('one', 0), limiter.peer('full', 0), limiter.peer('gone', 0)];
    one.check(3, 0);
    gone.check(10, 0);
    for (const [now, owed] of [
      [33, 267],
      [66, 234],
    ] as const) {
      assert.is(reasonOf(limiter.checkAll([one, full, gone], 1, now)), 'rate_limited');
      assert.is(limiter.rejectedBy, 2);
      assert.is(owedMs(one, now), owed);
      assert.is(full.availableTokens, 10);
    }
    assert.ok(isAllowed(full.check(10, 66)));
  });

  test('two handles of one peer that both had room owe what they owed, where a third refuses', () => {
    const limiter = limiterOf();
    const [one, same, gone] = [limiter.peer('one', 0), limiter.peer('one', 0), limiter.peer('gone', 0)];
    one.check(3, 0);
    gone.check(10, 0);
    assert.is(reasonOf(limiter.checkAll([one, same, gone], 2, 50)), 'rate_limited');
    assert.is(owedMs(one, 50), 250);
    assert.is(owedMs(same, 50), 250);
  });

  test('a burst of 1 is still there after a later one refused', () => {
    const limiter = limiterOf({ burstSize: 1 });
    const [one, gone] = [limiter.peer('one', 0), limiter.peer('gone', 0)];
    gone.check(1, 0);
    for (const now of [0, 50, 99]) assert.is(reasonOf(limiter.checkAll([one, gone], 1, now)), 'rate_limited');
    assert.is(one.availableTokens, 1);
    assert.ok(isAllowed(one.check(1, 99)));
    assert.not(isAllowed(one.check(1, 99)));
  });

  test('the wait is the longest of those that refused, and exact', () => {
    const limiter = limiterOf();
    const handles = three(limiter);
    handles[0].check(10, 0);
    handles[1].check(5, 0);
    handles[2].check(20, 0);
    const decision = limiter.checkAll(handles, 1, 0);
    assert.is(limiter.rejectedBy, 0);
    assert.is(retryAfterMs(decision), 200, 'the method’s token takes 200 ms');
    assert.not(isAllowed(limiter.checkAll(handles, 1, 199)));
    assert.ok(isAllowed(limiter.checkAll(handles, 1, 200)));
  });

  test('a cost above one of the bursts is refused for ever', () => {
    const limiter = limiterOf();
    const handles = three(limiter);
    assert.is(retryAfterMs(limiter.checkAll(handles, 11, 0)), Number.POSITIVE_INFINITY);
    assert.is(limiter.rejectedBy, 0);
  });

  test('only the first one’s circuit is asked', () => {
    const limiter = limiterOf();
    const handles = three(limiter);
    results(limiter, 'method', 0, 2, 0);
    assert.ok(isAllowed(limiter.checkAll(handles, 1, 0)));
    results(limiter, 'peer', 0, 2, 0);
    const before = tokens(handles);
    const decision = limiter.checkAll(handles, 1, 0);
    assert.is(reasonOf(decision), 'circuit_open');
    assert.is(retryAfterMs(decision), 1_000);
    assert.is(limiter.rejectedBy, 0);
    assert.equal(tokens(handles), before);
    assert.is(limiter.stats().circuitRejected, 1);
  });

  test('a bucket that refuses uses up no probe', () => {
    const limiter = limiterOf();
    const handles = three(limiter);
    results(limiter, 'peer', 0, 2, 0);
    handles[2].check(20, 1_000);
    assert.is(reasonOf(limiter.checkAll(handles, 1, 1_000)), 'rate_limited');
    assert.is(limiter.rejectedBy, 2);
    const probe = limiter.checkAll(handles, 1, 1_100);
    assert.ok(isAllowed(probe));
    assert.is(reasonOf(limiter.checkAll(handles, 1, 1_100)), 'circuit_open', 'it is out');
    assert.ok(handles[0].recordSuccess(probe, 1_100));
    assert.is(limiter.getCircuitState('peer', 1_100), 'closed');
  });

  test('the ramp of the first one counts its rejections as ever', () => {
    const limiter = limiterOf({ recovery: { stages: 2, minCalls: 1 }, burstSize: 1e6, maxRequestsPerSec: 1e6 });
    const now = probed(limiter, 'peer', 0);
    const handles = three(limiter);
    const alone = pattern(limiter, 'peer', 33, now).slice(1);
    const together = Array.from({ length: 32 }, () => isAllowed(limiter.checkAll(handles, 1, now)));
    assert.equal(together, alone, '32 are four rounds of eight');
  });

  test('1 … 8 different handles of this limiter, before anything changes', () => {
    const limiter = limiterOf();
    const handles = Array.from({ length: 9 }, (_, i) => limiter.peer(`peer ${i}`, 0));
    assert.ok(isAllowed(limiter.checkAll(handles.slice(0, 8), 1, 0)));
    assert.ok(isAllowed(limiter.checkAll(handles.slice(0, 1), 1, 0)));
    const before = JSON.stringify(everything(limiter, 0));
    const first = handles[0] as Peer;
    for (const [peers, kind] of [
      [[], RangeError],
      [handles, RangeError],
      [[first, first], RangeError],
      [[first, limiterOf().peer('peer', 0)], TypeError],
      [[first, 'peer'], TypeError],
      ['peers', TypeError],
    ] as const) {
      assert.instance(
        thrownBy(() => limiter.checkAll(peers as Peer[], 1, 0)),
        kind,
      );
    }
    for (const [cost, now] of [
      [0, 0],
      [1.5, 0],
      [1, Number.NaN],
    ] as const) {
      assert.instance(
        thrownBy(() => limiter.checkAll([first], cost, now)),
        RangeError,
      );
    }
    assert.is(JSON.stringify(everything(limiter, 0)), before);
  });

  test('two handles of one peer charge it twice, or not at all', () => {
    const limiter = limiterOf();
    const [one, other] = [limiter.peer('peer', 0), limiter.peer('peer', 0)];
    assert.ok(isAllowed(limiter.checkAll([one, other], 5, 0)));
    assert.is(one.availableTokens, 0);
    one.refund(9);
    assert.is(reasonOf(limiter.checkAll([one, other], 5, 0)), 'rate_limited');
    assert.is(one.availableTokens, 9);
  });

  test('a handle whose row is gone gets another one; where none is free it is as onFull says', () => {
    const limiter = limiterOf({ maxPeers: 2 });
    const [peer, other] = [limiter.peer('peer', 0), limiter.peer('other', 0)];
    limiter.removePeer('peer');
    assert.ok(isAllowed(limiter.checkAll([peer, other], 1, 0)));
    assert.is(limiter.peerCount, 2);
    const late = limiter.peer('late', 0);
    assert.ok(isAllowed(limiter.checkAll([other, late], 9, 0)));
    assert.is(reasonOf(limiter.checkAll([peer, late], 2, 0)), 'rate_limited', 'the shared bucket has one left');
    assert.is(limiter.rejectedBy, 1);
    limiter.configure({ onFull: 'reject' }, 0);
    assert.is(reasonOf(limiter.checkAll([peer, late], 1, 0)), 'table_full');
    assert.is(limiter.rejectedBy, 1);
  });

  test('newcomers’ limits do not concern handles', () => {
    const limiter = limiterOf({ newcomers: { maxRequestsPerSec: 1, burstSize: 1 } });
    const handles = three(limiter);
    for (let i = 0; i < 5; i++) assert.ok(isAllowed(limiter.checkAll(handles, 1, 0)));
  });

  test('in shadow mode it tells who would have refused, and lets the request through', () => {
    const limiter = limiterOf({ mode: 'shadow' });
    const handles = three(limiter);
    handles[1].check(5, 0);
    const before = tokens(handles);
    assert.ok(isAllowed(limiter.checkAll(handles, 1, 0)));
    assert.is(limiter.rejectedBy, 1);
    assert.equal(tokens(handles), before);
    assert.is(limiter.stats().shadowed, 1);
  });

  test('it is one call into WebAssembly', () => {
    const [limiter, calls] = withCalls(() => limiterOf());
    const handles = three(limiter);
    const before = calls();
    limiter.checkAll(handles, 1, 0);
    assert.is(calls() - before, 1);
  });

  test.run();
}

/** checkMany makes the same decisions as single checks, in one call. */

import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as layout from '../assembly/layout.js';
import { isAllowed, type Peer, RateLimiter, reasonOf } from '../src/index.js';
import { threadBlocks } from '../src/wasm/core.js';
import { engines } from './engines.js';
import { between, chance, everything, pick, revoked, thrownBy, withCalls, withMemories } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`checkMany (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({ maxPeers: 8, maxRequestsPerSec: 10, burstSize: 5, clock: () => 0, ...options, ...using });
  const handlesOf = (limiter: RateLimiter, count: number) =>
    Array.from({ length: count }, (_, i) => limiter.peer(`peer-${i}`, 0));

  test('it makes the same decisions as single checks in the same order', () => {
    const random = chance(0x5eed_0001);
    for (const onFull of ['overflow', 'reject']) {
      const options = { maxPeers: 24, burstSize: 3, circuitBreakerThreshold: 2, circuitBreakerTimeoutMs: 700, onFull };
      const pair = [limiterOf(options), limiterOf(options)] as const;
      const [many, single] = pair;
      const handles = pair.map((limiter) => handlesOf(limiter, 40)) as [Peer[], Peer[]];
      let now = 0;
      for (let round = 0; round < 300; round++) {
        const places = Array.from({ length: between(random, 0, 12) }, () => between(random, 0, 39));
        const cost = between(random, 1, 4);
        const decisions = new Int32Array(places.length);
        many.checkMany(
          places.map((i) => handles[0][i] as Peer),
          decisions,
          cost,
          now,
        );
        assert.equal(
          [...decisions],
          places.map((i) => handles[1][i]?.check(cost, now)),
          `round ${round}`,
        );
        const place = between(random, 0, 39);
        const act = pick(random, ['fail', 'fail', 'release', 'remove']);
        const outcomes = pair.map((limiter, side) => {
          const handle = handles[side]?.[place] as Peer;
          if (act === 'release') return handle.release();
          return act === 'fail' ? handle.recordFailure(undefined, now) : limiter.removePeer(handle.id);
        });
        assert.is(outcomes[0], outcomes[1]);
        now += between(random, 0, 400);
      }
      assert.equal(many.stats(), single.stats());
      assert.equal([...many.peers(now)], [...single.peers(now)]);
    }
  });

  test('it works across blocks of 1 024', () => {
    for (const count of [1, 1_023, 1_024, 1_025, 2_048, 3_000]) {
      const [many, single] = [limiterOf({ maxPeers: 4_096 }), limiterOf({ maxPeers: 4_096 })];
      const [manyHandles, singleHandles] = [handlesOf(many, count), handlesOf(single, count)];
      for (let i = 4; i < count; i += 5) {
        manyHandles[i] = manyHandles[0] as Peer;
        singleHandles[i] = singleHandles[0] as Peer;
      }
      const decisions = new Int32Array(count);
      many.checkMany(manyHandles, decisions, 1, 0);
      assert.equal(
        [...decisions],
        singleHandles.map((peer) => peer.check(1, 0)),
        `${count} peers`,
      );
    }
  });

  test('it makes one call into WebAssembly for each 1 024 handles', () => {
    for (const [count, expected] of [
      [0, 0],
      [1, 1],
      [1_024, 1],
      [1_025, 2],
      [3_000, 3],
    ] as const) {
      const [limiter, calls] = withCalls(() => limiterOf({ maxPeers: 4_096 }));
      const handles = handlesOf(limiter, count);
      const before = calls();
      limiter.checkMany(handles, new Int32Array(count), 1, 0);
      assert.is(calls() - before, expected, `${count} peers`);
    }
  });

  test('a peer that is listed several times pays several times', () => {
    const limiter = limiterOf();
    const peer = limiter.peer('peer', 0);
    const decisions = new Int32Array(4);
    limiter.checkMany([peer, peer, limiter.peer('peer', 0), peer], decisions, 2, 0);
    assert.equal([...decisions].map(reasonOf), ['allowed', 'allowed', 'rate_limited', 'rate_limited']);
  });

  test('handles that were released, or whose peer was removed, find or claim a row', () => {
    const limiter = limiterOf();
    const [released, removed] = [limiter.peer('released', 0), limiter.peer('removed', 0)];
    released.check(3, 0);
    removed.check(3, 0);
    released.release();
    limiter.removePeer('removed');
    const decisions = new Int32Array(2);
    limiter.checkMany([released, removed], decisions, 1, 0);
    assert.equal([...decisions].map(isAllowed), [true, true]);
    assert.is(limiter.getAvailableTokens('released', 0), 1);
    assert.is(limiter.getAvailableTokens('removed', 0), 4);
  });

  test('by default the cost is 1, and one reading of the clock serves all checks', () => {
    let reads = 0;
    const limiter = limiterOf({
      clock: () => {
        reads++;
        return 50;
      },
    });
    const [a, b] = [limiter.peer('a', 0), limiter.peer('b', 0)];
    reads = 0;
    limiter.checkMany([a, b, a], new Int32Array(3));
    assert.is(reads, 1);
    assert.is(limiter.getAvailableTokens('a', 50), 3);
    assert.is(limiter.getAvailableTokens('b', 50), 4);
  });

  test('with no peers it does nothing, and it leaves the rest of a longer array unchanged', () => {
    const limiter = limiterOf();
    limiter.checkMany([], new Int32Array(0), 1, 0);
    const decisions = new Int32Array(4).fill(7);
    limiter.checkMany(handlesOf(limiter, 2), decisions, 1, 0);
    assert.equal([...decisions.subarray(2)], [7, 7]);
    assert.is(limiter.stats().allowed, 2);
  });

  test('decisions shorter than peers is a RangeError, and nothing changes', () => {
    const limiter = limiterOf();
    const handles = handlesOf(limiter, 2);
    const before = JSON.stringify(everything(limiter, 0));
    const decisions = new Int32Array(1).fill(7);
    const error = thrownBy(() => limiter.checkMany(handles, decisions, 1, 0));
    assert.instance(error, RangeError);
    assert.match(error.code ?? '', /^ERR_PEERGATE_/);
    assert.is(decisions[0], 7);
    assert.is(JSON.stringify(everything(limiter, 0)), before);
  });

  test('an array that runs its own code works like a plain one, or is refused with an error code before anything is decided', () => {
    const limiter = limiterOf();
    const handles = handlesOf(limiter, 3);
    const decisions = new Int32Array(3);
    limiter.checkMany(new Proxy(handles, {}), decisions, 1, 0);
    assert.equal([...decisions].map(isAllowed), [true, true, true]);
    const before = JSON.stringify(everything(limiter, 0));
    const trap = (get: (name: string | symbol) => unknown) =>
      new Proxy(handles, { get: (target, name) => get(name) ?? Reflect.get(target, name) });
    const thrower = (name: string) =>
      trap((asked) => {
        if (asked === name) throw new Error('a trap');
        return undefined;
      });
    const bad: Record<string, Peer[]> = {
      'a revoked Proxy': revoked(handles),
      'one whose length throws': thrower('length'),
      'one whose element throws': thrower('1'),
      'one of no length': trap((name) => (name === 'length' ? Number.NaN : undefined)),
      'one of a negative length': trap((name) => (name === 'length' ? -1 : undefined)),
      'one that is longer than it is': trap((name) => (name === 'length' ? 2_000 : undefined)),
      'one that holds Proxies of handles': handles.map((handle) => new Proxy(handle, {})),
      'one that holds revoked Proxies': [revoked(handles[0] as Peer)],
      'one with a hole': Object.assign(new Array<Peer>(2), { 0: handles[0] }),
    };
    for (const [what, peers] of Object.entries(bad)) {
      const error = thrownBy(() => limiter.checkMany(peers, new Int32Array(2_000), 1, 0));
      assert.instance(error, TypeError, what);
      assert.is(error.code, 'ERR_PEERGATE_BATCH_TYPE', what);
      assert.match(error.message, /^peers(\[[01]\]|\[3\])?: expected .*, got /, what);
    }
    assert.is(JSON.stringify(everything(limiter, 0)), before);
  });

  test('an array that returns other elements when read again is refused with an error code', () => {
    const limiter = limiterOf({ maxPeers: 4_096 });
    const handles = handlesOf(limiter, 1_500);
    const reads = new Map<string | symbol, number>();
    const fickle = new Proxy(handles, {
      get: (target, name) => {
        reads.set(name, (reads.get(name) ?? 0) + 1);
        return name === '1200' && (reads.get(name) ?? 0) === 2 ? undefined : Reflect.get(target, name);
      },
    });
    const error = thrownBy(() => limiter.checkMany(fickle, new Int32Array(1_500), 1, 0));
    assert.is(error.code, 'ERR_PEERGATE_BATCH_TYPE');
    assert.match(error.message, 'one that changes while it is read');
  });

  test('decisions must be a real Int32Array, of this realm or another, and its real length counts', () => {
    const limiter = limiterOf();
    const handles = handlesOf(limiter, 2);
    const foreign = runInNewContext('new Int32Array(2)') as Int32Array;
    limiter.checkMany(handles, foreign, 1, 0);
    assert.equal(Array.from(foreign, isAllowed), [true, true]);
    const before = JSON.stringify(everything(limiter, 0));
    for (const bad of [[0, 0], new Uint32Array(2), Object.create(Int32Array.prototype), null, revoked([]), 7]) {
      const error = thrownBy(() => limiter.checkMany(handles, bad as Int32Array, 1, 0));
      assert.instance(error, TypeError);
      assert.is(error.code, 'ERR_PEERGATE_BATCH_TYPE');
      assert.match(error.message, /^decisions: expected an Int32Array, got /);
    }
    const liar = Object.defineProperty(new Int32Array(1), 'length', { value: 2 });
    assert.is(thrownBy(() => limiter.checkMany(handles, liar, 1, 0)).code, 'ERR_PEERGATE_BATCH_LENGTH');
    assert.is(JSON.stringify(everything(limiter, 0)), before);
  });

  test('a handle of another limiter is refused', () => {
    const [mine, other] = [limiterOf(), limiterOf()];
    mine.check('mine', 2, 0);
    const strange = other.peer('strange', 0);
    const before = JSON.stringify(everything(mine, 0));
    const decisions = new Int32Array(1);
    try {
      mine.checkMany([strange], decisions, 1, 0);
    } catch (error) {
      assert.ok(error instanceof TypeError || error instanceof RangeError, String(error));
      assert.match((error as { code?: string }).code ?? '', /^ERR_PEERGATE_/);
    }
    assert.is(mine.getAvailableTokens('mine', 0), 3);
    if (mine.peerCount === 1) assert.is(JSON.stringify(everything(mine, 0)), before);
  });

  test('a batch decides for nobody behind its end', () => {
    const [limiter, [memory]] = withMemories(
      () => new RateLimiter({ maxPeers: 8, burstSize: 4, maxRequestsPerSec: 1, clock: () => 0, ...using }),
    );
    const [first, second] = [limiter.peer('first', 0), limiter.peer('second', 0)];
    const { buffer } = memory as WebAssembly.Memory;
    // Slot and epoch of the second peer's row, as if a longer batch had left them there.
    const room = new Int32Array(buffer, threadBlocks(8) + layout.THREAD_BATCH, 2 * layout.BATCH);
    room.set([1], 1);
    room.set([2], layout.BATCH + 1);
    limiter.checkMany([first], new Int32Array(1));
    assert.equal([first.availableTokens, second.availableTokens], [3, 4]);
  });

  test.run();
}

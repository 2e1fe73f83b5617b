/** A handle for a connection: it pins its row, gives the pin back once, and never touches another peer's. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, type Peer, RateLimiter, reasonOf } from '../src/index.js';
import { engines } from './engines.js';
import { onlyRow, openCircuit } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`peer handles (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({
      maxPeers: 2,
      maxRequestsPerSec: 1,
      burstSize: 4,
      circuitBreakerThreshold: 2,
      circuitBreakerTimeoutMs: 1_000,
      onFull: 'reject',
      clock: () => 0,
      ...options,
      ...using,
    });
  const LATER = 1e9;
  /** Whether the peer keeps its row although many others want one, a long time after everything is paid. */
  const isPinned = (limiter: RateLimiter, id: string): boolean => {
    for (let i = 0; i < 8; i++) limiter.check(`invented-${i}`, 1, LATER);
    return [...limiter.peers(LATER)].some((row) => row.id === id);
  };

  test('making a handle claims the row', () => {
    const limiter = limiterOf();
    limiter.peer('peer', 0);
    assert.is(limiter.peerCount, 1);
    assert.equal(
      [...limiter.peers(0)].map((row) => [row.id, row.allowed]),
      [['peer', 0]],
    );
  });

  test('its methods do what those of the limiter do', () => {
    const limiter = limiterOf();
    const peer = limiter.peer('peer', 0);
    const permit = peer.check(2, 0);
    assert.ok(isAllowed(permit));
    assert.is(limiter.getAvailableTokens('peer', 0), 2);
    peer.refund();
    assert.is(limiter.getAvailableTokens('peer', 0), 3);
    peer.refund(1);
    assert.is(peer.availableTokens, 4);
    assert.ok(peer.recordSuccess(permit, 0));
    assert.ok(peer.recordFailure(permit, 0));
    assert.not(peer.recordIgnored(permit, 0));
    assert.ok(peer.recordFailure(undefined, 0));
    assert.is(peer.circuitState, 'open');
    assert.is(reasonOf(peer.check(1, 0)), 'circuit_open');
    const probe = peer.check(1, 1_000);
    assert.ok(peer.recordIgnored(probe, 1_000));
    assert.ok(isAllowed(peer.check(1, 1_000)));
    assert.ok(limiter.recordSuccess('peer', undefined, 1_000));
    assert.is(peer.circuitState, 'closed');
  });

  test('its properties, and its calls without a time, read the clock', () => {
    let reading = 0;
    const limiter = limiterOf({ clock: () => reading });
    const peer = limiter.peer('peer');
    peer.check(4);
    peer.recordFailure();
    peer.recordFailure();
    assert.equal([peer.availableTokens, peer.circuitState], [0, 'open']);
    reading = 2_000;
    assert.equal([peer.availableTokens, peer.circuitState], [2, 'half_open']);
    assert.ok(isAllowed(peer.check()));
    assert.ok(peer.recordSuccess());
  });

  test('its id is the ID it was made with; bytes are a copy', () => {
    for (const kind of [Uint8Array, Buffer]) {
      const limiter = limiterOf();
      assert.is(limiter.peer('peer', 0).id, 'peer');
      const bytes = kind.from([0xff, 1, 2]);
      const peer = limiter.peer(bytes, 0);
      bytes.fill(7);
      assert.equal([...(peer.id as Uint8Array)], [0xff, 1, 2], kind.name);
      (peer.id as Uint8Array).fill(9);
      limiter.removePeer(new Uint8Array([0xff, 1, 2]));
      peer.check(3, 0);
      assert.is(limiter.getAvailableTokens(new Uint8Array([0xff, 1, 2]), 0), 1, kind.name);
    }
  });

  test('it pins its row: an idle peer keeps its row however many names are invented', () => {
    const limiter = limiterOf();
    limiter.peer('peer', 0);
    assert.ok(isPinned(limiter, 'peer'));
    limiter.check('other', 1, 0);
    const unpinned = limiterOf();
    unpinned.check('peer', 1, 0);
    assert.not(isPinned(unpinned, 'peer'), 'a peer without a handle does not');
  });

  test('release gives the pin back and forgets nothing: a debt and an open circuit stay', () => {
    const limiter = limiterOf();
    const peer = limiter.peer('peer', 0);
    peer.check(4, 0);
    peer.release();
    assert.is(limiter.peerCount, 1);
    const again = limiter.peer('peer', 0);
    assert.is(reasonOf(again.check(1, 0)), 'rate_limited', 'reconnecting buys nothing');
    openCircuit(limiter, 'peer', 0);
    again.release();
    assert.is(reasonOf(limiter.peer('peer', 0).check(1, 0)), 'circuit_open');
  });

  test('a released row can be reclaimed once its debt has been paid back', () => {
    const limiter = limiterOf();
    limiter.peer('peer', 0).release();
    assert.not(isPinned(limiter, 'peer'));
  });

  test('releasing twice gives back one pin', () => {
    const limiter = limiterOf();
    const first = limiter.peer('peer', 0);
    limiter.peer('peer', 0);
    first.release();
    first.release();
    first[Symbol.dispose]();
    assert.ok(isPinned(limiter, 'peer'), 'the other handle still holds its own');
  });

  test('several handles of one peer each hold a pin', () => {
    const limiter = limiterOf();
    const handles = Array.from({ length: 5 }, () => limiter.peer('peer', 0));
    assert.is(limiter.peerCount, 1);
    for (const handle of handles.slice(1)) handle.release();
    assert.ok(isPinned(limiter, 'peer'));
    handles[0]?.release();
    assert.not(isPinned(limiter, 'peer'));
  });

  test('Symbol.dispose releases it, so `using` works', () => {
    const limiter = limiterOf();
    const peer = limiter.peer('peer', 0);
    peer[Symbol.dispose]();
    assert.not(isPinned(limiter, 'peer'));
  });

  test('a handle declared with `using` is released at the end of its block', () => {
    const limiter = limiterOf();
    {
      using peer = limiter.peer('peer', 0);
      peer.check(1, 0);
    }
    assert.not(isPinned(limiter, 'peer'));
  });

  test('a handle used after release finds its row again and pins it again', () => {
    const uses: ((peer: Peer) => unknown)[] = [(peer) => peer.check(1, 0), (peer) => peer.recordFailure(undefined, 0)];
    for (const use of uses) {
      const limiter = limiterOf();
      const peer = limiter.peer('peer', 0);
      peer.check(2, 0);
      peer.release();
      use(peer);
      assert.is(limiter.peerCount, 1);
      assert.ok(limiter.getAvailableTokens('peer', 0) <= 2, 'its debt is there');
      assert.ok(isPinned(limiter, 'peer'));
      peer.release();
      assert.not(isPinned(limiter, 'peer'), 'and can be released again');
    }
  });

  test('a handle whose row was reclaimed after release claims one again', () => {
    const limiter = limiterOf();
    const peer = limiter.peer('peer', 0);
    peer.release();
    assert.not(isPinned(limiter, 'peer'));
    const permit = peer.check(1, 2 * LATER);
    assert.ok(isAllowed(permit));
    assert.ok(peer.recordSuccess(permit, 2 * LATER));
    limiter.check('invented', 1, 3 * LATER);
    limiter.check('invented too', 1, 3 * LATER);
    assert.ok([...limiter.peers(3 * LATER)].some((row) => row.id === 'peer'));
  });

  test('a handle used after removePeer claims a row again and pins it, and no old permit counts', () => {
    const limiter = limiterOf();
    const peer = limiter.peer('peer', 0);
    const permit = peer.check(4, 0);
    assert.ok(limiter.removePeer('peer'), 'a pin does not keep a peer from being removed');
    assert.is(limiter.peerCount, 0);
    assert.not(peer.recordFailure(permit, 0));
    assert.is(limiter.peerCount, 0, 'a late result claims nothing');
    assert.equal([peer.availableTokens, peer.circuitState], [4, 'closed']);
    assert.ok(isAllowed(peer.check(4, 0)), 'its debt was forgotten with it');
    assert.not(peer.recordFailure(permit, 0));
    assert.ok(isPinned(limiter, 'peer'));
    peer.release();
    assert.not(isPinned(limiter, 'peer'));
  });

  test('a handle never touches another peer, even if that peer has the row that was its own', () => {
    const limiter = limiterOf({ maxPeers: 1 });
    const old = limiter.peer('old', 0);
    const permit = old.check(1, 0);
    limiter.removePeer('old');
    limiter.check('new', 2, 0);
    assert.is(reasonOf(old.check(1, 0)), 'table_full');
    for (let i = 0; i < 3; i++) {
      assert.not(old.recordFailure(permit, 0));
      assert.not(old.recordFailure(undefined, 0));
      assert.not(old.recordSuccess(permit, 0));
      assert.not(old.recordIgnored(undefined, 0));
    }
    old.refund(2);
    old.release();
    assert.equal([old.availableTokens, old.circuitState], [4, 'closed']);
    assert.is(limiter.getAvailableTokens('new', 0), 2);
    assert.is(limiter.getCircuitState('new', 0), 'closed');
    assert.ok(isAllowed(limiter.check('newest', 1, LATER)), 'nor did its release leave or take a pin');
  });

  test("releasing a handle of a removed peer leaves the pins of the peer's new row alone", () => {
    const limiter = limiterOf();
    const [old, bystander] = [limiter.peer('peer', 0), limiter.peer('peer', 0)];
    limiter.removePeer('peer');
    const fresh = limiter.peer('peer', 0);
    old.release();
    bystander.release();
    assert.ok(isPinned(limiter, 'peer'));
    fresh.release();
    assert.not(isPinned(limiter, 'peer'));
  });

  test('several handles of a removed peer find the one new row, and each holds a pin', () => {
    const limiter = limiterOf();
    const [a, b] = [limiter.peer('peer', 0), limiter.peer('peer', 0)];
    limiter.removePeer('peer');
    a.check(1, 0);
    b.check(1, 0);
    assert.is(limiter.peerCount, 1);
    assert.is(limiter.getAvailableTokens('peer', 0), 2);
    a.release();
    assert.ok(isPinned(limiter, 'peer'));
    b.release();
    assert.not(isPinned(limiter, 'peer'));
  });

  test('recordSuccess, recordIgnored and refund of a handle without a row claim no row', () => {
    const limiter = limiterOf();
    const peer = limiter.peer('peer', 0);
    limiter.removePeer('peer');
    assert.not(peer.recordSuccess(undefined, 0));
    assert.not(peer.recordIgnored(undefined, 0));
    peer.refund(1);
    assert.is(limiter.peerCount, 0);
  });

  test('a late result after release counts and leaves no pin', () => {
    const limiter = limiterOf();
    const peer = limiter.peer('peer', 0);
    const permit = peer.check(1, 0);
    peer.release();
    assert.ok(peer.recordFailure(permit, 0));
    assert.is(onlyRow(limiter, 0).failures, 1);
    assert.not(isPinned(limiter, 'peer'));
  });

  test('ten thousand connections that come and go leave no pin behind', () => {
    const limiter = limiterOf({ maxPeers: 3 });
    for (let i = 0; i < 10_000; i++) {
      const peer = limiter.peer(`peer-${i % 7}`, i * 10_000);
      peer.check(1, i * 10_000);
      if (i % 5 === 0) limiter.removePeer(peer.id);
      if (i % 3 === 0) peer.check(1, i * 10_000);
      peer.release();
    }
    for (let i = 0; i < 3; i++) assert.ok(isAllowed(limiter.check(`last-${i}`, 1, LATER)));
    assert.equal([...limiter.peers(LATER)].map((row) => row.id).sort(), ['last-0', 'last-1', 'last-2']);
  });

  test.run();
}

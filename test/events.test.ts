/** What a limiter reports to those who listen. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  isAllowed,
  type LimiterEvent,
  type Listener,
  type OnRejection,
  RateLimiter,
  retryAfterMs,
} from '../src/index.js';
import { establish, names, results } from './adaptive/support.js';
import { engines } from './engines.js';
import { withIntervals } from './intervals.js';
import { openCircuit, thrownBy, utf8 } from './support.js';

const LIMITS = { maxPeers: 4, maxRequestsPerSec: 1, burstSize: 2, circuitBreakerThreshold: 2 };

for (const { name, using } of engines) {
  const test = suite(`events (${name})`);
  const limiterOf = (options = {}) => new RateLimiter({ ...LIMITS, clock: () => 0, ...options, ...using });
  /** A limiter's events so far, those in its rings included. */
  const listen = (limiter: RateLimiter) => {
    const events: LimiterEvent[] = [];
    let unsubscribe = limiter.subscribe((event) => events.push(event));
    return () => {
      // Whoever comes or goes reads the rings.
      unsubscribe();
      unsubscribe = limiter.subscribe((event) => events.push(event));
      return events.splice(0);
    };
  };
  const kinds = (events: readonly LimiterEvent[]) => events.map(({ kind }) => kind);

  test('a rejection is reported before the check returns, with its peer, its reason, how long to wait, and when', () => {
    const limiter = limiterOf();
    const events: LimiterEvent[] = [];
    limiter.subscribe((event) => events.push(event));
    assert.ok(isAllowed(limiter.check('a', 2, 5)));
    assert.equal(events, []);
    const decision = limiter.check('a', 1, 5);
    assert.equal(events.splice(0), [
      { kind: 'rejected', peer: 'a', reason: 'rate_limited', retryAfterMs: retryAfterMs(decision), time: 5 },
    ]);
    openCircuit(limiter, 'b', 5);
    limiter.check('b', 1, 6);
    assert.equal(events.at(-1), { kind: 'rejected', peer: 'b', reason: 'circuit_open', retryAfterMs: 29_999, time: 6 });
    limiter.close();
  });

  test('onRejection hears of rejections by their arguments in place of the listener', () => {
    const limiter = limiterOf();
    const heard: Parameters<OnRejection>[] = [];
    const kindsHeard: string[] = [];
    const unsubscribe = limiter.subscribe(({ kind }) => kindsHeard.push(kind), {
      onRejection: (...rejection) => heard.push(rejection),
    });
    limiter.check('a', 2, 5);
    const decision = limiter.check('a', 1, 5);
    limiter.forceOpen('a', 6);
    unsubscribe();
    assert.equal(
      heard.map(([peer, what, time]) => [peer, what, time]),
      [['a', decision, 5]],
    );
    assert.equal(kindsHeard, ['circuit']);
    const error = thrownBy(() => limiter.subscribe(() => {}, { onRejection: 1 as never }));
    assert.is(error.code, 'ERR_PEERGATE_LISTENER');
    limiter.close();
  });

  test('every way to ask reports its rejection once: by ID, in bytes, by handle, many at a time, together', () => {
    const limiter = limiterOf();
    const handles = ['a', 'b'].map((id) => limiter.peer(id));
    for (const handle of handles) handle.check(2);
    const peers: unknown[] = [];
    limiter.subscribe(({ kind, peer }) => kind === 'rejected' && peers.push(peer));
    limiter.check('a');
    limiter.check('a', 2);
    limiter.allows('a');
    limiter.check(utf8('a'));
    assert.equal(peers.splice(0), ['a', 'a', 'a', utf8('a')]);
    handles[1]?.check();
    handles[1]?.check(2);
    assert.equal(peers.splice(0), ['b', 'b']);
    limiter.checkMany(handles, new Int32Array(2));
    assert.equal(peers.splice(0), ['a', 'b']);
    const fresh = limiter.peer('c');
    limiter.checkAll([fresh, handles[1] as never]);
    assert.equal(peers.splice(0), ['b']);
    handles[0]?.release();
    limiter.checkMany(handles, new Int32Array(2));
    assert.equal(peers.splice(0), ['a', 'b'], 'a handle without a row, too');
    limiter.close();
  });

  test('onRejection is given a number for the row: the same for a peer in whatever way it asks, another for others and lives', () => {
    const limiter = limiterOf({ maxPeers: 2 });
    let rows: number[] = [];
    limiter.subscribe(() => {}, { onRejection: (_peer, _decision, _time, row) => rows.push(row) });
    const take = () => {
      const taken = [...new Set(rows)];
      rows = [];
      return taken;
    };
    const handle = limiter.peer('a');
    limiter.check('a', 2);
    for (let i = 0; i < 3; i++) limiter.check('a');
    limiter.check('a', 2);
    limiter.check(utf8('a'));
    handle.check();
    handle.check(2);
    const [a, ...others] = take();
    assert.equal(others, []);
    assert.ok((a as number) >= 0);
    limiter.removePeer('a');
    for (let i = 0; i < 3; i++) handle.check(2);
    limiter.check('b', 3);
    const [again, b, ...more] = take();
    assert.equal(more, []);
    assert.is(new Set([a, again, b]).size, 3);
    limiter.peer('b');
    for (const id of ['c', 'd', utf8('c')]) limiter.check(id, 99);
    assert.equal(take(), [-1], 'who has no row has no number');
    limiter.close();
  });

  test('a peer that finds no row is reported as rejected where that rejects it', () => {
    const limiter = limiterOf({ maxPeers: 1, onFull: 'reject' });
    limiter.peer('a');
    const heard = listen(limiter);
    limiter.check('b', 1, 7);
    const [rejected, full] = heard();
    assert.equal(rejected, { kind: 'rejected', peer: 'b', reason: 'table_full', retryAfterMs: 1_000, time: 7 });
    assert.equal(full, { kind: 'table_full', time: 7 });
    limiter.close();
  });

  test('a circuit is reported each time its state changes: opened, probed, closed', () => {
    const limiter = limiterOf({ burstSize: 100 });
    const heard = listen(limiter);
    openCircuit(limiter, 'a', 1_000);
    const probe = limiter.check('a', 1, 31_000);
    limiter.recordSuccess('a', probe, 31_001);
    assert.equal(heard(), [
      { kind: 'circuit', peer: 'a', from: 'closed', to: 'open', failures: 2, time: 1_000 },
      { kind: 'circuit', peer: 'a', from: 'open', to: 'half_open', failures: 2, time: 31_000 },
      { kind: 'circuit', peer: 'a', from: 'half_open', to: 'closed', failures: 2, time: 31_001 },
    ]);
    assert.is(limiter.stats().circuitHalfOpened, 1);
    limiter.close();
  });

  test('a second probe of a half-open circuit is no transition', () => {
    const limiter = limiterOf({ burstSize: 100, halfOpenProbes: 2 });
    openCircuit(limiter, 'a', 0);
    const heard = listen(limiter);
    limiter.check('a', 1, 40_000);
    limiter.check('a', 1, 40_000);
    assert.is(heard().length, 1);
    assert.is(limiter.stats().circuitHalfOpened, 1);
    limiter.close();
  });

  test('a probe that hangs has opened the circuit when its lease ended, and that is when it is reported', () => {
    const limiter = limiterOf({ burstSize: 100, probeTimeoutMs: 1_000 });
    openCircuit(limiter, 'a', 0);
    limiter.check('a', 1, 40_000);
    const heard = listen(limiter);
    limiter.check('a', 1, 50_000);
    const [, opened] = heard();
    assert.equal(opened, { kind: 'circuit', peer: 'a', from: 'half_open', to: 'open', failures: 2, time: 41_000 });
    limiter.close();
  });

  test('a ramp is reported once when it begins and once when it ends, not with each stage', () => {
    const limiter = limiterOf({ burstSize: 1_000, recovery: { stages: 2, stageMs: 10, minCalls: 1 } });
    openCircuit(limiter, 'a', 0);
    const heard = listen(limiter);
    limiter.recordSuccess('a', limiter.check('a', 1, 40_000), 40_000);
    for (let at = 40_020; at < 41_000; at += 20) limiter.recordSuccess('a', limiter.check('a', 1, at), at);
    const seen = heard().filter(({ kind }) => kind === 'circuit');
    assert.equal(
      seen.map(({ from, to }) => `${from} → ${to}`),
      ['open → half_open', 'half_open → recovering', 'recovering → closed'],
    );
    limiter.close();
  });

  test('what is done by hand is reported, and not where it changes nothing', () => {
    const limiter = limiterOf();
    const heard = listen(limiter);
    limiter.forceOpen('a', 3);
    limiter.forceOpen('a', 4);
    limiter.forceClosed('a', 5);
    limiter.resetCircuit('a', 6);
    limiter.resetCircuit('a', 7);
    assert.equal(
      heard().map(({ from, to, time }) => [from, to, time]),
      [
        ['closed', 'forced_open', 3],
        ['forced_open', 'forced_closed', 5],
        ['forced_closed', 'closed', 6],
      ],
    );
    limiter.close();
  });

  test('a trip that is held back is reported with its peer', () => {
    const limiter = limiterOf({ maxPeers: 64, burstSize: 1e6, maxRequestsPerSec: 1e6, minimumCalls: 5 });
    const peers = names(20);
    establish(limiter, peers, 1_000);
    const heard = listen(limiter);
    for (const peer of peers) results(limiter, peer, 0, 2, 1_000);
    const held = heard().filter(({ kind }) => kind === 'held_back');
    assert.is(held.length, limiter.stats().heldBack);
    assert.equal(held[0], { kind: 'held_back', peer: 'peer 10', failures: 2, time: 1_000 });
    limiter.close();
  });

  test('a row that is taken back is reported; the removal of a peer is not', () => {
    const limiter = limiterOf({ maxPeers: 1 });
    limiter.check('a', 1, 0);
    const heard = listen(limiter);
    limiter.check('b', 1, 10_000);
    limiter.removePeer('b');
    limiter.check('c', 1, 20_000);
    assert.equal(heard(), [{ kind: 'reclaimed', time: 10_000 }]);
    limiter.close();
  });

  test('a circuit whose peer has lost its row since is reported without a name', () => {
    const limiter = limiterOf({ maxPeers: 1 });
    const heard = listen(limiter);
    openCircuit(limiter, 'a', 0);
    limiter.removePeer('a');
    limiter.check('b', 1, 0);
    assert.equal(heard(), [{ kind: 'circuit', from: 'closed', to: 'open', failures: 2, time: 0 }]);
    limiter.close();
  });

  test('an ID that the table keeps only the beginning of is reported as that, and bytes as bytes', () => {
    const limiter = limiterOf();
    const heard = listen(limiter);
    const long = 'x'.repeat(200);
    limiter.forceOpen(long, 0);
    limiter.forceOpen(new Uint8Array([255, 1]), 0);
    const [first, second] = heard();
    assert.equal([first?.truncated, long.startsWith(first?.peer as string)], [true, true]);
    assert.equal(second?.peer, new Uint8Array([255, 1]));
    limiter.close();
  });

  test('what happened before somebody listened is not reported', () => {
    const limiter = limiterOf();
    limiter.forceOpen('a', 0);
    const heard = listen(limiter);
    assert.equal(heard(), []);
    limiter.close();
  });

  test('the rings are read every 100 ms, when the limiter is closed, and by nobody once the last listener is gone', () => {
    withIntervals((intervals) => {
      const limiter = limiterOf();
      const events: LimiterEvent[] = [];
      const unsubscribe = limiter.subscribe((event) => events.push(event));
      assert.equal(
        intervals.map(({ ms }) => ms),
        [100],
      );
      limiter.forceOpen('a', 0);
      assert.is(events.length, 0);
      intervals[0]?.run();
      assert.is(events.length, 1);
      unsubscribe();
      unsubscribe();
      assert.is(intervals.length, 0);
      limiter.subscribe((event) => events.push(event));
      limiter.resetCircuit('a', 0);
      limiter.close();
      assert.is(events.length, 2);
      assert.is(intervals.length, 0);
    });
  });

  test('when more happens than a ring holds, the oldest is lost and counted; a flood of names does not push circuits out', () => {
    const limiter = limiterOf({ maxPeers: 1, onFull: 'reject' });
    limiter.peer('a');
    const heard = listen(limiter);
    for (let i = 0; i < 300; i++) {
      limiter.forceOpen('a', i);
      limiter.resetCircuit('a', i);
    }
    for (let i = 0; i < 1_000; i++) limiter.allows(`minted ${i}`, 1, i);
    const ringed = heard().filter(({ kind }) => kind !== 'rejected');
    const circuits = ringed.filter(({ kind }) => kind === 'circuit');
    const [circuitRing, tableRing] = name === 'shared' ? [32, 8] : [256, 256];
    assert.is(circuits.length, circuitRing);
    assert.equal([circuits[0]?.time, circuits.at(-1)?.time], [300 - circuitRing / 2, 299]);
    assert.is(ringed.length - circuits.length, tableRing);
    assert.is(limiter.lostEvents, 600 - circuitRing + 1_000 - tableRing);
    limiter.close();
  });

  test('a listener that throws stops neither the others nor the check, and its error comes to light', async () => {
    const limiter = limiterOf();
    const seen: string[] = [];
    const faulty: Listener = () => {
      throw new Error('of a listener');
    };
    limiter.subscribe(faulty);
    limiter.subscribe(({ kind }) => seen.push(kind));
    const uncaught: unknown[] = [];
    const others = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => uncaught.push(error));
    try {
      limiter.check('a', 2, 0);
      assert.not(isAllowed(limiter.check('a', 1, 0)));
      assert.equal(seen, ['rejected']);
      limiter.forceOpen('a', 0);
      limiter.close();
      assert.equal(seen, ['rejected', 'circuit']);
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(
        uncaught.map((error) => (error as Error).message),
        ['of a listener', 'of a listener'],
      );
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const other of others) process.on('uncaughtException', other);
    }
  });

  test('a listener may come, go, and use the limiter while an event is reported', () => {
    const limiter = limiterOf();
    const seen: string[] = [];
    const unsubscribe = limiter.subscribe(({ kind }) => {
      seen.push(kind);
      unsubscribe();
      limiter.subscribe((event) => seen.push(`second ${event.kind}`));
      limiter.check('other');
    });
    limiter.check('a', 2, 0);
    limiter.check('a', 1, 0);
    assert.equal(kinds([]), []);
    assert.equal(seen, ['rejected']);
    limiter.check('a', 1, 0);
    assert.equal(seen, ['rejected', 'second rejected']);
    limiter.close();
  });

  test('what is no listener, or an unknown option, is refused; a closed limiter says so', () => {
    const limiter = limiterOf();
    assert.is(thrownBy(() => limiter.subscribe('x' as never)).code, 'ERR_PEERGATE_LISTENER');
    assert.match(thrownBy(() => limiter.subscribe(() => {}, { allThread: true } as never)).message, /allThreads/);
    assert.is(thrownBy(() => limiter.aroundCalls(1 as never)).code, 'ERR_PEERGATE_LISTENER');
    limiter.close();
    assert.is(thrownBy(() => limiter.subscribe(() => {})).code, 'ERR_PEERGATE_CLOSED');
  });

  test('countCircuits says how many peers have their circuit in which state, as the next check would find it', async () => {
    const limiter = limiterOf({ maxPeers: 16 });
    for (const id of ['a', 'b', 'c']) limiter.check(id, 1, 0);
    openCircuit(limiter, 'd', 0);
    openCircuit(limiter, 'e', 20_000);
    limiter.forceOpen('f', 0);
    limiter.forceClosed('g', 0);
    limiter.removePeer('c');
    assert.equal(await limiter.countCircuits(30_000), {
      closed: 2,
      open: 1,
      half_open: 1,
      recovering: 0,
      forced_open: 1,
      forced_closed: 1,
    });
    limiter.close();
    assert.is(await limiter.countCircuits(0).then(String, ({ code }) => code), 'ERR_PEERGATE_CLOSED');
  });

  test('countCircuits lets others go first after each 65 536 rows, and counts every row once', async () => {
    const limiter = limiterOf({ maxPeers: 150_000 });
    for (let i = 0; i < 150_000; i++) limiter.check(`peer ${i}`, 1, 0);
    let turns = 0;
    let counting = true;
    const turn = () => {
      turns++;
      if (counting) setImmediate(turn);
    };
    setImmediate(turn);
    const { closed } = await limiter.countCircuits(0);
    counting = false;
    assert.is(closed, 150_000);
    assert.ok(turns >= 2, `${turns} turns`);
    limiter.close();
  });

  test.run();
}

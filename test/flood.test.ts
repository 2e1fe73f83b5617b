/** The table under two million names: peers that are there keep what they have, and the costs stay bounded. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Decision, isAllowed, RateLimiter, reasonOf } from '../src/index.js';
import { engines } from './engines.js';
import { drain, liveHeapBytes, openCircuit, withMemories } from './support.js';

const ROWS = 65_536;
/** Less than a drained bucket or an open circuit takes to recover here. */
const FLOOD_MS = 50_000;
const HOUR_MS = 3_600_000;
const OVERFLOW = 0 as Decision;
/** Of two million names the cache keeps 65 536 at most, and the heap has its noise. */
const MOST_HEAP_BYTES = 65_536 * 48 + 1_000_000;

for (const { name, using } of engines) {
  const test = suite(`two million names (${name})`);
  // The debug build takes several times as long for each, so it gets a quarter of them, in the same time.
  const NAMES = name === 'debug' ? 500_000 : 2_000_000;
  const NAMES_PER_MS = NAMES / FLOOD_MS;

  test('two million names reset no peer, displace no peer, and leave no trace', () => {
    const options = {
      maxPeers: ROWS,
      maxRequestsPerSec: 10,
      burstSize: 600,
      circuitBreakerTimeoutMs: 60_000,
      clock: () => 0,
      ...using,
    };
    const [limiter, memories] = withMemories(() => new RateLimiter(options));
    const buffers = memories.map((memory) => memory.buffer);
    assert.is(buffers.length, 1);
    const bytes = buffers[0]?.byteLength as number;
    // A shared table has the blocks of 32 threads, however many peers it is for.
    assert.ok(bytes <= (name === 'shared' ? 160 * ROWS + 2 * 65_536 : 158 * ROWS), `${bytes / ROWS} bytes a peer`);

    drain(limiter, 'debtor', 0);
    openCircuit(limiter, 'failing', 0);
    const idle = limiter.peer('idle connection', 0);
    const connected = limiter.peer('working connection', 0);
    limiter.check('working', 50, 0);

    const heapBefore = liveHeapBytes();
    let honestRefused = 0;
    for (let i = 0; i < NAMES; i++) {
      const now = i / NAMES_PER_MS;
      const id = `invented-${i}`;
      const decision = limiter.check(id, 1, now);
      limiter.recordFailure(id, isAllowed(decision) ? decision : undefined, now);
      if (now % 100 === 0) {
        if (!isAllowed(limiter.check('working', 1, now))) honestRefused++;
        if (!isAllowed(connected.check(1, now))) honestRefused++;
      }
      if (i % 100_000 === 99_999) {
        assert.is(reasonOf(limiter.check('debtor', 600, now)), 'rate_limited', `the debtor after ${now} ms`);
        assert.is(
          limiter.getAvailableTokens('debtor', now),
          Math.floor(now / 100),
          'it has what time gave it back, no more',
        );
        assert.is(reasonOf(limiter.check('failing', 1, now)), 'circuit_open', `the open circuit after ${now} ms`);
      }
    }
    const heapAfter = liveHeapBytes();

    assert.is(honestRefused, 0, 'a known honest peer notices nothing');
    assert.is(limiter.peerCount, ROWS);
    const { tableFull, circuitOpened } = limiter.stats();
    assert.ok(tableFull > 0.8 * NAMES, `${tableFull} newcomers found no row`);
    assert.is(circuitOpened, 1, 'and they opened no circuit');
    assert.ok(
      memories.every((memory, i) => memory.buffer === buffers[i]),
      'the memory was not grown',
    );
    assert.is(memories[0]?.buffer.byteLength, bytes, 'by a byte');
    assert.ok(
      heapAfter - heapBefore < MOST_HEAP_BYTES,
      `nor did the heap keep more than the cache has room for: ${heapAfter - heapBefore} bytes`,
    );

    const later = FLOOD_MS + HOUR_MS;
    let newcomers = 0;
    for (; newcomers < ROWS / 2; newcomers++) {
      const decision = limiter.check(`late-${newcomers}`, 1, later);
      if (decision === OVERFLOW) assert.unreachable(`newcomer ${newcomers} got no row an idle hour later`);
    }
    // An attempt sees 64 rows only, so the last rows to spare may take some more of them: one round of the hand at most.
    for (; newcomers < ROWS - 2; newcomers++) {
      let attempts = 1;
      while (limiter.getAvailableTokens(`late-${newcomers}`, later) === 600) {
        limiter.check(`late-${newcomers}`, 1, later);
        assert.ok(attempts++ <= ROWS / 64, `newcomer ${newcomers} got no row in a whole round of the hand`);
      }
    }
    const there = new Set([...limiter.peers(later)].map(({ id }) => id));
    assert.ok(there.has(idle.id) && there.has(connected.id), 'and the connections are still there');
    assert.is(there.size, ROWS);
  });

  // ── the reclaiming hand looks at no more than 64 rows an attempt ─────────────────────────────────────────────────

  const tight = { maxRequestsPerSec: 1, burstSize: 4, onFull: 'reject', clock: () => 0, ...using } as const;
  /** A full table in which the one row at `place`, in the order of claiming, owes nothing at `now` = 1 000. */
  const oneToSpare = (maxPeers: number, place: number): RateLimiter => {
    const limiter = new RateLimiter({ ...tight, maxPeers });
    for (let i = 0; i < maxPeers; i++) limiter.check(`peer-${i}`, i === place ? 1 : 4, 0);
    return limiter;
  };

  test('one attempt looks at 64 rows: if one row of 256 is free to take, it finds it in 64 of the 256 places, two attempts in 128, and so on', () => {
    const attempts: Record<string, (limiter: RateLimiter, i: number) => boolean> = {
      check: (limiter, i) => isAllowed(limiter.check(`newcomer-${i}`, 1, 1_000)),
      recordFailure: (limiter, i) => limiter.recordFailure(`newcomer-${i}`, undefined, 1_000),
    };
    for (const [what, attempt] of Object.entries(attempts)) {
      const found = [0, 0, 0, 0];
      for (let place = 0; place < 256; place++) {
        const limiter = oneToSpare(256, place);
        const needed = found.findIndex((_, i) => attempt(limiter, i));
        assert.ok(needed >= 0, `${what}: the row at ${place} was never found`);
        found[needed] = (found[needed] as number) + 1;
      }
      assert.equal(found, [64, 64, 64, 64], what);
    }
  });

  test('if thousands of rows come before the one that can be taken, single attempts fail and later ones find it', () => {
    const rows = 8_192;
    const limiter = oneToSpare(rows, rows - 1);
    let failed = 0;
    while (reasonOf(limiter.check(`newcomer-${failed}`, 1, 1_000)) === 'table_full') failed++;
    assert.is(failed, rows / 64 - 1);
    assert.is(limiter.stats().reclaimed, 1);
  });

  test('a full table refuses each of many names after looking at no more than 64 rows, wherever the hand is', () => {
    const rows = 1_000;
    const limiter = oneToSpare(rows, 500);
    const takers: number[] = [];
    for (let i = 0; i < 160; i++) {
      if (isAllowed(limiter.check(`newcomer-${i}`, 4, 1_000))) takers.push(i);
    }
    assert.equal(takers, [7], 'rows 448 to 511 are the eighth attempt');
  });

  test('an idle peer with a handle keeps its row however small the table is', () => {
    for (const maxPeers of [1, 2, 3, 15, 16, 17, 100]) {
      const limiter = new RateLimiter({ ...tight, maxPeers });
      const handles = Array.from({ length: maxPeers }, (_, i) => limiter.peer(`connection-${i}`, 0));
      for (let i = 0; i < 1_000; i++) assert.is(reasonOf(limiter.check(`invented-${i}`, 1, i * 1e6)), 'table_full');
      for (const handle of handles) assert.ok(isAllowed(handle.check(1, 2e9)));
    }
  });

  test.run();
}

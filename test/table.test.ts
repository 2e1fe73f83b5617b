/** The table: rows for up to maxPeers peers, what happens when it is full, and which rows may be reclaimed. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, reasonOf } from '../src/index.js';
import { engines } from './engines.js';
import { between, chance, onlyRow, openCircuit } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`table (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({
      maxPeers: 4,
      maxRequestsPerSec: 1,
      burstSize: 4,
      circuitBreakerThreshold: 2,
      circuitBreakerTimeoutMs: 60_000,
      onFull: 'reject',
      clock: () => 0,
      ...options,
      ...using,
    });
  const idsOf = (limiter: RateLimiter, now: number) => [...limiter.peers(now)].map((row) => row.id).sort();

  test('every one of maxPeers rows is usable, and not one more', () => {
    for (const maxPeers of [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 128, 129, 1_000, 4_097]) {
      const limiter = limiterOf({ maxPeers });
      for (let i = 0; i < maxPeers; i++)
        assert.ok(isAllowed(limiter.check(`peer-${i}`, 1, 0)), `row ${i + 1} of ${maxPeers}`);
      assert.is(limiter.peerCount, maxPeers);
      assert.is(reasonOf(limiter.check('one more', 1, 0)), 'table_full');
      for (let i = 0; i < maxPeers; i++)
        assert.is(limiter.getAvailableTokens(`peer-${i}`, 0), 3, `peer ${i} of ${maxPeers}`);
    }
  });

  test('every row stays usable after any number of removals and newcomers', () => {
    const random = chance(0x5eed_0002);
    for (const maxPeers of [1, 2, 3, 15, 16, 17, 100, 1_000]) {
      const limiter = limiterOf({ maxPeers });
      const residents: string[] = [];
      let births = 0;
      const fill = () => {
        while (residents.length < maxPeers) {
          const id = `peer-${births++}`;
          assert.ok(isAllowed(limiter.check(id, 1, 0)), `${id} of ${maxPeers}`);
          residents.push(id);
        }
      };
      fill();
      for (let round = 0; round < 40; round++) {
        for (let leaving = between(random, 1, maxPeers); leaving > 0; leaving--) {
          const [id] = residents.splice(between(random, 0, residents.length - 1), 1);
          assert.ok(limiter.removePeer(id as string));
        }
        fill();
        assert.is(limiter.peerCount, maxPeers);
        assert.is(reasonOf(limiter.check('one more', 1, 0)), 'table_full');
      }
      for (const id of residents) assert.is(limiter.getAvailableTokens(id, 0), 3);
    }
  });

  test('every row stays usable when the tree of free rows has two or three levels', () => {
    const random = chance(0x5eed_0023);
    for (const maxPeers of [5_000, 262_200]) {
      const limiter = limiterOf({ maxPeers });
      const residents = Array.from({ length: maxPeers }, (_, i) => `peer-${i}`);
      for (const id of residents) limiter.check(id, 1, 0);
      assert.is(limiter.peerCount, maxPeers);
      for (const leaving of ['all', 'few', 'a stretch']) {
        const start = between(random, 0, maxPeers - 4_200);
        let left = 0;
        for (let i = 0; i < maxPeers; i++) {
          const goes = leaving === 'few' ? random() < 0.001 : leaving === 'all' || (i >= start && i < start + 4_200);
          if (!goes) continue;
          assert.ok(limiter.removePeer(residents[i] as string));
          residents[i] = `${leaving}-${i}`;
          left++;
        }
        assert.is(limiter.peerCount, maxPeers - left);
        for (const id of residents) if (id.startsWith(leaving)) assert.ok(isAllowed(limiter.check(id, 1, 0)), id);
        assert.is(limiter.peerCount, maxPeers);
        assert.is(reasonOf(limiter.check('one more', 1, 0)), 'table_full');
      }
    }
  });

  test("onFull 'reject': a newcomer that finds no row is rejected as table_full, and the others are not affected", () => {
    const limiter = limiterOf({ maxPeers: 2 });
    limiter.check('a', 1, 0);
    limiter.check('b', 1, 0);
    for (let i = 0; i < 10; i++) assert.is(reasonOf(limiter.check(`c-${i}`, 1, 0)), 'table_full');
    assert.equal(idsOf(limiter, 0), ['a', 'b']);
    assert.is(limiter.getAvailableTokens('a', 0), 3);
    assert.is(limiter.stats().tableFull, 10);
  });

  test("onFull 'overflow': newcomers that find no row share one bucket of the same limits", () => {
    const limiter = limiterOf({ maxPeers: 1, onFull: 'overflow' });
    limiter.check('resident', 1, 0);
    for (let i = 0; i < 4; i++) assert.is(limiter.check(`newcomer-${i}`, 1, 0), 0, 'the overflow permit');
    assert.is(reasonOf(limiter.check('newcomer-4', 1, 0)), 'rate_limited');
    assert.is(reasonOf(limiter.check('newcomer-0', 1, 999)), 'rate_limited');
    limiter.check('resident', 3, 999);
    assert.ok(isAllowed(limiter.check('newcomer-5', 1, 1_000)));
    assert.is(limiter.stats().tableFull, 7);
    assert.is(limiter.peerCount, 1, 'the overflow row is not counted');
    assert.equal(idsOf(limiter, 0), ['resident'], 'nor listed');
  });

  test("onFull 'overflow': the shared row has no circuit", () => {
    const limiter = limiterOf({ maxPeers: 1, onFull: 'overflow' });
    limiter.check('resident', 1, 0);
    const permit = limiter.check('newcomer', 1, 0);
    for (let i = 0; i < 5; i++) limiter.recordFailure('newcomer', permit, 0);
    for (let i = 0; i < 5; i++) limiter.recordFailure('newcomer', undefined, 0);
    assert.is(limiter.getCircuitState('newcomer', 0), 'closed');
    assert.ok(isAllowed(limiter.check('another', 1, 0)));
    assert.is(limiter.stats().circuitOpened, 0);
  });

  test('a peer without a row looks like a new one, even while the table is full', () => {
    const limiter = limiterOf({ maxPeers: 1, onFull: 'overflow' });
    limiter.check('resident', 4, 0);
    for (let i = 0; i < 4; i++) limiter.check('newcomer', 1, 0);
    assert.is(limiter.getAvailableTokens('newcomer', 0), 4);
    assert.is(limiter.getCircuitState('newcomer', 0), 'closed');
  });

  // ── reclaiming ───────────────────────────────────────────────────────────────────────────────────────────────────

  test('a row that owes nothing is reclaimed for a newcomer', () => {
    const limiter = limiterOf({ maxPeers: 2 });
    limiter.check('a', 1, 0);
    limiter.check('b', 2, 0);
    assert.is(reasonOf(limiter.check('c', 1, 999)), 'table_full');
    assert.ok(isAllowed(limiter.check('c', 1, 1_000)));
    assert.equal(idsOf(limiter, 1_000), ['b', 'c']);
    assert.is(limiter.stats().reclaimed, 1);
    assert.is(limiter.peerCount, 2);
  });

  test('a row that owes tokens is never given away, whatever that costs others', () => {
    const limiter = limiterOf({ maxPeers: 1 });
    limiter.check('debtor', 4, 0);
    for (let now = 0; now < 4_000; now += 10) assert.is(reasonOf(limiter.check(`n-${now}`, 1, now)), 'table_full');
    assert.ok(isAllowed(limiter.check('newcomer', 1, 4_000)));
  });

  test('a row with an open circuit is not given away until it has been idle for a timeout after its deadline', () => {
    const limiter = limiterOf({ maxPeers: 1 });
    openCircuit(limiter, 'failing', 0);
    for (const now of [0, 59_999, 60_000, 90_000, 119_999]) {
      assert.is(reasonOf(limiter.check('newcomer', 1, now)), 'table_full', `at ${now}`);
    }
    assert.ok(isAllowed(limiter.check('newcomer', 1, 125_000)));
    assert.equal(idsOf(limiter, 125_000), ['newcomer']);
  });

  test('a row with failures is not given away until it has been idle for a timeout after the last failure', () => {
    const limiter = limiterOf({ maxPeers: 1, circuitBreakerThreshold: 9 });
    for (const now of [0, 970_000, 1_000_000]) limiter.recordFailure('failing', undefined, now);
    for (const past of [0, 1, 30_000, 59_999]) {
      assert.is(reasonOf(limiter.check('newcomer', 1, 1_000_000 + past)), 'table_full', `${past} ms after the last`);
    }
    assert.ok(isAllowed(limiter.check('newcomer', 1, 1_065_000)));
  });

  test('a row whose only failure was at time 0 is free after exactly one timeout', () => {
    const limiter = limiterOf({ maxPeers: 1, circuitBreakerThreshold: 9 });
    limiter.recordFailure('failing', undefined, 0);
    assert.is(reasonOf(limiter.check('newcomer', 1, 59_999)), 'table_full');
    assert.ok(isAllowed(limiter.check('newcomer', 1, 60_000)));
  });

  test('a row with a probe out is not given away, but a probe that hangs does not hold it for ever', () => {
    const limiter = limiterOf({ maxPeers: 1, probeTimeoutMs: 10_000 });
    openCircuit(limiter, 'failing', 0);
    limiter.check('failing', 1, 60_000);
    for (const now of [60_000, 69_999, 70_000, 129_999, 189_999]) {
      assert.is(reasonOf(limiter.check('newcomer', 1, now)), 'table_full', `at ${now}`);
    }
    assert.ok(isAllowed(limiter.check('newcomer', 1, 195_000)));
  });

  test('no name holds a row for ever, in whatever state its circuit was left', () => {
    const leave: Record<string, (limiter: RateLimiter) => void> = {
      'a failure': (limiter) => limiter.recordFailure('gone', undefined, 0),
      'an open circuit': (limiter) => openCircuit(limiter, 'gone', 0),
      'a probe out': (limiter) => {
        openCircuit(limiter, 'gone', 0);
        limiter.check('gone', 1, 60_000);
      },
      'a probe given back': (limiter) => {
        openCircuit(limiter, 'gone', 0);
        limiter.recordIgnored('gone', limiter.check('gone', 1, 60_000), 60_000);
      },
      'an empty bucket': (limiter) => limiter.check('gone', 4, 60_000),
      'a closed circuit that was open once': (limiter) => {
        openCircuit(limiter, 'gone', 0);
        limiter.recordSuccess('gone', limiter.check('gone', 1, 60_000), 60_000);
      },
    };
    for (const [what, act] of Object.entries(leave)) {
      const limiter = limiterOf({ maxPeers: 1 });
      act(limiter);
      assert.is(limiter.peerCount, 1, what);
      assert.ok(isAllowed(limiter.check('newcomer', 1, 3_600_000)), what);
    }
  });

  test('a row without failures is reclaimed before one whose failures are old enough to forget', () => {
    for (const clean of [0, 1, 2, 3]) {
      const limiter = limiterOf();
      for (let i = 0; i < 4; i++) {
        if (i === clean) limiter.check(`peer-${i}`, 1, 0);
        else limiter.recordFailure(`peer-${i}`, undefined, 0);
      }
      assert.ok(isAllowed(limiter.check('newcomer', 1, 1_000_000)));
      assert.not(idsOf(limiter, 1_000_000).includes(`peer-${clean}`), `peer-${clean} went first`);
      assert.is(limiter.peerCount, 4);
    }
  });

  test('a free row is used before one is reclaimed', () => {
    const limiter = limiterOf();
    for (const id of ['a', 'b', 'c', 'd']) limiter.check(id, 1, 0);
    limiter.removePeer('c');
    assert.ok(isAllowed(limiter.check('e', 1, 100_000)));
    assert.equal(idsOf(limiter, 100_000), ['a', 'b', 'd', 'e']);
    assert.is(limiter.stats().reclaimed, 0);
  });

  test('a newcomer whose cost is above the burst takes no row from another', () => {
    const limiter = limiterOf({ maxPeers: 1 });
    limiter.check('resident', 1, 0);
    assert.is(reasonOf(limiter.check('newcomer', 5, 100_000)), 'rate_limited');
    assert.equal(idsOf(limiter, 100_000), ['resident']);
  });

  test('a clock that runs backwards gives away no row that owes something', () => {
    const limiter = limiterOf({ maxPeers: 1 });
    limiter.recordFailure('failing', undefined, 1_000_000);
    for (const now of [999_999, 500_000, 0, -5]) assert.is(reasonOf(limiter.check('newcomer', 1, now)), 'table_full');
  });

  // ── removal ──────────────────────────────────────────────────────────────────────────────────────────────────────

  test('removePeer forgets the peer with its debt and circuit, and returns whether it was there', () => {
    const limiter = limiterOf();
    limiter.check('peer', 4, 0);
    openCircuit(limiter, 'peer', 0);
    assert.is(limiter.removePeer('peer'), true);
    assert.is(limiter.removePeer('peer'), false);
    assert.is(limiter.peerCount, 0);
    assert.is(limiter.getCircuitState('peer', 0), 'closed');
    assert.ok(isAllowed(limiter.check('peer', 4, 0)));
    const row = onlyRow(limiter, 0);
    assert.equal([row.allowed, row.failures], [1, 0], 'its counts begin anew');
  });

  test('removals are not counted as reclaimed', () => {
    const limiter = limiterOf();
    for (let i = 0; i < 20; i++) {
      limiter.check('peer', 1, 0);
      limiter.removePeer('peer');
    }
    assert.is(limiter.stats().reclaimed, 0);
  });

  test('removing one peer leaves the others unchanged', () => {
    const limiter = limiterOf({ maxPeers: 64 });
    for (let i = 0; i < 64; i++) limiter.check(`peer-${i}`, (i % 4) + 1, 0);
    for (let i = 0; i < 64; i += 2) limiter.removePeer(`peer-${i}`);
    for (let i = 1; i < 64; i += 2) assert.is(limiter.getAvailableTokens(`peer-${i}`, 0), 3 - (i % 4));
    assert.is(limiter.peerCount, 32);
  });

  test.run();
}

/** What is logged, and how much of it. Time is virtual. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type PeerId, RateLimiter, reasonOf } from '../../src/index.js';
import { observe } from '../../src/telemetry/index.js';
import { establish, names, results } from '../adaptive/support.js';
import { fakeIntervals } from '../intervals.js';
import { chance, liveHeapBytes, openCircuit } from '../support.js';

const test = suite('logs');

interface Line {
  readonly level: string;
  readonly at: number;
  readonly event: string;
  readonly peer?: string;
  readonly reason?: string;
  readonly retryAfterMs?: number;
  readonly suppressed?: number;
  readonly [field: string]: unknown;
}

/** A limiter with a logger; `pass` lets time go by in steps of 100 ms, as the timers do. */
function scene(limits: object = {}, options: object = {}, debugging = false) {
  let now = 0;
  const { intervals, restore } = fakeIntervals();
  const lines: Line[] = [];
  const log = (level: string) => (fields: object, message: string) => {
    assert.type(message, 'string');
    lines.push({ level, at: now, ...fields } as Line);
  };
  const limiter = new RateLimiter({
    ...{ maxPeers: 64, maxRequestsPerSec: 0.001, burstSize: 1, circuitBreakerThreshold: 2, clock: () => now },
    ...limits,
  });
  const logger = { warn: log('warn'), info: log('info'), debug: log('debug'), isLevelEnabled: () => debugging };
  const observer = observe(limiter, { logger, logEveryMs: 10_000, ...options });
  const pass = (ms: number, each: () => void = () => {}) => {
    for (const end = now + ms; now < end; ) {
      now += Math.min(100, end - now);
      for (const { run } of [...intervals]) run();
      each();
    }
  };
  /** Time goes by in which no timer runs. */
  const stall = (ms: number) => {
    now += ms;
  };
  return { limiter, observer, lines, pass, stall, end: restore };
}

/** How many rejections the lines stand for. A line with a wait is about one itself. */
function toldOf(lines: readonly Line[]): number {
  return lines
    .filter(({ event }) => event === 'peergate.rejected')
    .reduce((sum, { retryAfterMs, suppressed = 0 }) => sum + suppressed + Number(retryAfterMs !== undefined), 0);
}

test('a rejection is a warning with its peer, its reason and how long to wait', () => {
  const { limiter, observer, lines, end } = scene();
  limiter.check('a');
  limiter.check('a');
  const [line] = lines;
  assert.equal(line, {
    ...{ level: 'warn', at: 0, event: 'peergate.rejected', peer: 'a', reason: 'rate_limited' },
    ...{ retryAfterMs: 1_000_000, suppressed: 0 },
  });
  observer.close();
  assert.is(lines.length, 1);
  end();
});

test('of a peer and a reason there is one line at once, then one in logEveryMs with how many were left out', () => {
  const { limiter, observer, lines, pass, end } = scene();
  limiter.check('a');
  pass(30_000, () => limiter.check('a'));
  assert.equal(
    lines.map(({ at, suppressed }) => [at, suppressed]),
    [
      [100, 0],
      [10_100, 99],
      [20_100, 99],
    ],
  );
  observer.close();
  assert.equal([lines.at(-1)?.suppressed, lines.at(-1)?.retryAfterMs], [99, undefined]);
  assert.is(toldOf(lines), limiter.stats().rateLimited);
  end();
});

test('the next line is due after logEveryMs even while a flood lets no timer run', () => {
  const { limiter, observer, lines, stall, end } = scene();
  for (let i = 0; i < 2_500; i++) {
    limiter.check('a');
    stall(10);
  }
  assert.equal(
    lines.map(({ retryAfterMs, suppressed }) => [retryAfterMs, suppressed]),
    [
      [999_990, 0],
      [989_990, 999],
      [979_990, 999],
    ],
  );
  observer.close();
  assert.is(toldOf(lines), limiter.stats().rateLimited);
  end();
});

test('what was left out is written when the peer is quiet', () => {
  const { limiter, observer, lines, pass, end } = scene();
  limiter.check('a');
  for (let i = 0; i < 5; i++) limiter.check('a');
  pass(9_900);
  assert.is(lines.length, 1);
  pass(200);
  assert.equal(lines.at(-1), {
    ...{ level: 'warn', at: 10_000, event: 'peergate.rejected', peer: 'a', reason: 'rate_limited', suppressed: 4 },
  });
  observer.close();
  assert.is(lines.length, 2);
  end();
});

test('a million rejections of 10 000 names: at most ten lines in any second, and each rejection is told of once', () => {
  const { limiter, observer, lines, pass, end } = scene({ maxPeers: 16_384 });
  const ids = names(10_000);
  for (const id of ids) limiter.check(id);
  let next = 0;
  pass(100_000, () => {
    for (let i = 0; i < 1_000; i++) limiter.check(ids[next++ % ids.length] as string);
  });
  const rejections = limiter.stats().rateLimited;
  assert.is(rejections, 1_000_000);
  const times = lines.map(({ at }) => at);
  for (let i = 10; i < times.length; i++) {
    assert.ok((times[i] as number) - (times[i - 10] as number) >= 1_000, `the eleven lines up to ${times[i]}`);
  }
  assert.ok(lines.length >= 790, `${lines.length} lines`);
  const before = lines.length;
  observer.close();
  assert.ok(lines.length - before <= 11, 'ten lines, and one for all others');
  assert.equal([lines.at(-1)?.reason, lines.at(-1)?.peer], ['several', undefined]);
  assert.is(toldOf(lines), rejections);
  end();
});

/** How many rejections the lines tell of, by peer and reason. */
function toldByKey(lines: readonly Line[]): Record<string, number> {
  const told: Record<string, number> = {};
  for (const line of lines.filter(({ event }) => event === 'peergate.rejected')) {
    const key = `${line.peer} ${line.reason}`;
    told[key] = (told[key] ?? 0) + toldOf([line]);
  }
  return told;
}

test('each rejection is told of under its own peer and reason, while rows change hands and in whatever way it was asked', () => {
  for (const onFull of ['overflow', 'reject'] as const) {
    const limits = { maxPeers: 2, maxRequestsPerSec: 100, burstSize: 3, circuitBreakerTimeoutMs: 300, onFull };
    const { limiter, observer, lines, pass, end } = scene(limits, { logEveryMs: 700 });
    const random = chance(20_261_124);
    const ids = ['a', 'b', 'c', 'd', new Uint8Array([255, 1])];
    const handle = limiter.peer('handle');
    const expected: Record<string, number> = {};
    const note = (peer: PeerId, decision: number) => {
      if (decision >= 0) return;
      const key = `${typeof peer === 'string' ? peer : '0xff01'} ${reasonOf(decision)}`;
      expected[key] = (expected[key] ?? 0) + 1;
    };
    const decisions = new Int32Array(2);
    pass(60_000, () => {
      const id = ids[Math.floor(random() * ids.length)] as PeerId;
      for (let i = random() * 20; i > 0; i--) {
        note(id, limiter.check(id));
        note(id, limiter.check(id, 2));
        note('handle', handle.check());
        note('handle', handle.check(3));
        if (random() < 0.02) openCircuit(limiter, id, limiter.config.clock());
        if (random() < 0.02) limiter.removePeer(id);
        if (random() < 0.02) handle.release();
      }
      if (random() < 0.2) {
        limiter.checkMany([handle, handle], decisions);
        for (const decision of decisions) note('handle', decision);
      }
    });
    observer.close();
    assert.equal(toldByKey(lines), expected);
    assert.ok(new Set(Object.keys(expected).map((key) => key.split(' ')[1])).size >= (onFull === 'reject' ? 3 : 2));
    end();
  }
});

test('peers whose rows are counted at the same place are told apart', () => {
  const peers = 16_384 * 2;
  const { limiter, observer, lines, pass, end } = scene({ maxPeers: peers });
  const ids = names(peers);
  for (const id of ids) limiter.check(id);
  // Handed out in the order of the names, the rows of these two are 16 384 apart.
  const pair = [ids[5], ids[5 + 16_384]] as [string, string];
  for (let i = 0; i < 1_000; i++) for (const id of pair) for (let j = 0; j < 3; j++) limiter.check(id);
  pass(100);
  limiter.check(pair[0]);
  observer.close();
  assert.equal(toldByKey(lines), { [`${pair[0]} rate_limited`]: 3_001, [`${pair[1]} rate_limited`]: 3_000 });
  end();
});

test('a clock that is set back, or starts below zero, loses no rejection', () => {
  const { limiter, observer, lines, pass, end } = scene({ maxPeers: 1 });
  limiter.peer('a');
  for (const now of [-5_000, 0, 9e9, 3, -7, 9e9 + 20_000, 0]) {
    for (let i = 0; i < 10; i++) limiter.check('a', 1, now);
    for (let i = 0; i < 10; i++) limiter.check('a', 7, now);
    // Decided by the bucket that all share who have no row.
    for (let i = 0; i < 10; i++) limiter.check('b', 7, now);
  }
  pass(300);
  observer.close();
  const { rateLimited } = limiter.stats();
  assert.is(toldOf(lines), rateLimited);
  end();
});

test('one call with a time from a wrong clock does not silence the log', () => {
  const { limiter, observer, lines, pass, end } = scene();
  limiter.check('astray');
  for (const now of [1.7e12, 2 ** 40]) for (let i = 0; i < 30; i++) limiter.check(`astray ${i}`, 2, now);
  pass(30_000);
  lines.splice(0);
  limiter.check('a');
  limiter.check('a');
  assert.equal(
    lines.map(({ peer }) => peer),
    ['a'],
  );
  observer.close();
  end();
});

test('a flood of names hides neither that the table is full nor that a circuit opened', () => {
  const { limiter, observer, lines, pass, end } = scene({ maxPeers: 4, onFull: 'reject' });
  for (const id of ['a', 'b', 'c', 'd']) limiter.peer(id);
  let minted = 0;
  const flood = () => {
    for (let i = 0; i < 500; i++) limiter.check(`minted ${minted++}`);
  };
  pass(5_000, flood);
  openCircuit(limiter, 'd', limiter.config.clock());
  const openedAt = limiter.config.clock();
  pass(5_000, flood);
  const opened = lines.find(({ event }) => event === 'peergate.circuit');
  assert.equal([opened?.peer, opened?.['to']], ['d', 'open']);
  assert.ok((opened?.at as number) <= openedAt + 1_000, `${opened?.at}`);
  const full = lines.find(({ event }) => event === 'peergate.table_full');
  assert.ok((full?.at as number) <= 1_300, `${full?.at}`);
  const times = lines.map(({ at }) => at);
  for (let i = 10; i < times.length; i++) assert.ok((times[i] as number) - (times[i - 10] as number) >= 1_000);
  observer.close();
  assert.is(
    toldOf(lines),
    limiter.decisions().rate_limited + limiter.decisions().table_full + limiter.decisions().circuit_open,
  );
  end();
});

test('a thousand lines of peers, when debugging, leave room for warnings', () => {
  const { limiter, observer, lines, pass, end } = scene({ maxPeers: 1_024 }, { topK: 1_000 }, true);
  for (const id of names(1_000)) limiter.check(id);
  pass(30_000);
  assert.is(lines.at(-1)?.level, 'debug');
  limiter.check('peer 7');
  assert.equal([lines.at(-1)?.level, lines.at(-1)?.peer], ['warn', 'peer 7']);
  observer.close();
  end();
});

test('a name that was cut out of a frame does not keep the frame alive', () => {
  const { limiter, observer, end } = scene({ maxPeers: 1, onFull: 'reject' });
  limiter.peer('a');
  const before = liveHeapBytes();
  for (let i = 0; i < 200; i++) {
    const frame = `${i} is the name of a peer, ${'x'.repeat(200_000)}`;
    limiter.check(frame.slice(0, 26));
  }
  const kept = liveHeapBytes() - before;
  assert.ok(kept < 10e6, `${kept} bytes`);
  observer.close();
  end();
});

test('circuits are information; one that flaps is told of once a state and a while', () => {
  const { limiter, observer, lines, pass, end } = scene();
  openCircuit(limiter, 'a', 0);
  pass(100);
  assert.equal(lines.splice(0), [
    {
      ...{ level: 'info', at: 100, event: 'peergate.circuit', peer: 'a', from: 'closed', to: 'open', failures: 2 },
      suppressed: 0,
    },
  ]);
  pass(5_000, () => {
    limiter.forceOpen('a');
    limiter.resetCircuit('a');
  });
  assert.is(lines.length, 2);
  observer.close();
  const total = lines.reduce((sum, { from, suppressed = 0 }) => sum + suppressed + Number(from !== undefined), 0);
  assert.is(total, 100);
  end();
});

test('a full table is a warning with its size; trips that are held back are one with the rate of failures', () => {
  const full = scene({ maxPeers: 1, onFull: 'reject' });
  full.limiter.peer('a');
  full.limiter.check('b');
  full.pass(100);
  const [, line] = full.lines;
  assert.equal([line?.event, line?.level, line?.['size'], line?.['reclaimed']], ['peergate.table_full', 'warn', 1, 0]);
  full.observer.close();
  full.end();

  const faulty = scene({ maxRequestsPerSec: 1e6, burstSize: 1e6, minimumCalls: 5 });
  const peers = names(20);
  establish(faulty.limiter, peers, 0);
  for (const peer of peers) results(faulty.limiter, peer, 0, 2, 0);
  faulty.pass(2_000);
  const fault = faulty.lines.find(({ event }) => event === 'peergate.fleet_fault');
  assert.is(fault?.level, 'warn');
  assert.is(fault?.['heldBack'], faulty.limiter.stats().heldBack);
  assert.is(fault?.['failureRate'], faulty.limiter.fleet().failureRate);
  faulty.observer.close();
  faulty.end();
});

test('with the level debug on, the busiest peers are logged every logEveryMs, and otherwise not', () => {
  for (const debugging of [true, false]) {
    const { limiter, observer, lines, pass, end } = scene({}, { topK: 3 }, debugging);
    for (const id of names(8)) limiter.check(id);
    pass(20_050);
    const debug = lines.filter(({ level }) => level === 'debug');
    assert.is(debug.length, debugging ? 6 : 0);
    if (debugging)
      assert.equal([debug[0]?.event, debug[0]?.peer, debug[0]?.['allowed']], ['peergate.peer', 'peer 0', 1]);
    observer.close();
    end();
  }
});

test('a limiter that is closed first has told what there was, and its observer can still be closed', () => {
  const { limiter, observer, lines, pass, end } = scene({}, {}, true);
  limiter.forceOpen('a');
  limiter.close();
  assert.is(lines.at(-1)?.event, 'peergate.circuit');
  pass(20_000);
  observer.close();
  observer.close();
  end();
});

test.run();

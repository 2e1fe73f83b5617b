/**
 * Threads that hammer one table, and threads that are terminated in the middle of it; then the sums have to be right, and
 * nothing may be stuck. `PEERGATE_STRESS_SECONDS=30 PEERGATE_STRESS_TERMINATIONS=1000` makes a night of it.
 */

import { availableParallelism } from 'node:os';
import { isAllowed, RateLimiter } from 'peergate';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chance } from '../support.js';
import { Crew, type Job, totalsOf } from './crew.js';

const test = suite('threads under stress');

const SECONDS = Number(process.env['PEERGATE_STRESS_SECONDS'] ?? 1);
const TERMINATIONS = Number(process.env['PEERGATE_STRESS_TERMINATIONS'] ?? 20);
const SEED = 20_260_411;
const THREADS = Math.max(2, availableParallelism());
const HOUR_MS = 3_600_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const hammer = (peers: number, seed: number): Job => ({ what: 'hammer', peers, seed, outcomes: true });

/** Rows that one check looks at for one to reclaim. */
const LOOKS = 64;

/** An hour later everybody has paid, so as many newcomers as there are rows find one each, and their own tokens. */
function isWhole(limiter: RateLimiter, rows: number): void {
  const later = performance.now() + HOUR_MS;
  for (let i = 0; i < rows; i++) {
    const found = Array.from({ length: rows / LOOKS + 1 }).some(() => isAllowed(limiter.check(`new ${i}`, 1, later)));
    assert.ok(found, `row ${i} of ${rows} cannot be had`);
  }
  assert.is(limiter.peerCount, rows);
  for (let i = 0; i < rows; i++) assert.is(limiter.getAvailableTokens(`new ${i}`, later), limiter.config.burstSize - 1);
}

for (const [what, peers, maxPeers] of [
  ['one peer', 1, 16],
  ['10 000 peers', 10_000, 16_384],
  ['four times as many peers as rows', 4_096, 1_024],
] as const) {
  test(`${what}: the totals are what the threads counted, and nothing is stuck`, async () => {
    console.log(`stress, ${what}: seed ${SEED}`);
    const limits = {
      onFull: 'reject',
      maxRequestsPerSec: 1_000,
      burstSize: 100,
      circuitBreakerThreshold: 3,
      circuitBreakerTimeoutMs: 5,
    } as const;
    const limiter = new RateLimiter({ shared: true, maxPeers, ...limits });
    const crew = new Crew(limiter);
    const started = performance.now();
    for (let i = 1; i <= THREADS; i++) await crew.hire(hammer(peers, SEED + i));
    await pause(1_000 * SECONDS);
    await crew.busy();
    await crew.stop();
    const elapsed = performance.now() - started;

    const { counted } = crew;
    const decisions = counted.reduce((sum, count) => sum + count, 0);
    console.log(`${decisions} decisions in ${Math.round(elapsed)} ms by ${THREADS} threads: ${counted.join(', ')}`);
    assert.equal(totalsOf(limiter), counted);
    assert.ok(decisions >= THREADS);
    const { circuitOpened, circuitClosed } = limiter.stats();
    assert.ok(circuitClosed <= circuitOpened);
    isWhole(limiter, maxPeers);
  });
}

test('of one peer that nobody forgets no thread gets more than all may have together', async () => {
  const limits = { maxRequestsPerSec: 10_000, burstSize: 50 };
  const limiter = new RateLimiter({ shared: true, maxPeers: 16, ...limits });
  const crew = new Crew(limiter);
  const started = performance.now();
  for (let i = 1; i <= THREADS; i++) {
    await crew.hire({ what: 'hammer', peers: 1, seed: SEED + i, outcomes: false });
  }
  await pause(1_000 * SECONDS);
  await crew.busy();
  await crew.stop();
  const most = limits.burstSize + (limits.maxRequestsPerSec * (performance.now() - started)) / 1_000;
  const [allowed = 0] = crew.counted;
  console.log(`${allowed} tokens given of ${Math.floor(most)}`);
  assert.ok(allowed <= most, `${allowed} of ${most}`);
});

test(`${TERMINATIONS} threads terminated wherever they are: all rows are there, and the totals too`, async () => {
  console.log(`terminations: seed ${SEED}`);
  const random = chance(SEED);
  const maxPeers = 64;
  const limiter = new RateLimiter({
    shared: true,
    maxPeers,
    maxRequestsPerSec: 1_000,
    burstSize: 10,
    circuitBreakerTimeoutMs: 5,
    onFull: 'reject',
  });
  const crew = new Crew(limiter);
  for (let i = 1; i <= THREADS; i++) await crew.hire(hammer(256, SEED + i));
  for (let killed = 0; killed < TERMINATIONS; killed++) {
    await pause(random() * 5);
    await crew.kill(crew.hands[Math.floor(random() * crew.hands.length)] as (typeof crew.hands)[number]);
    await crew.hire(hammer(256, SEED + THREADS + killed));
  }
  await crew.stop();
  const totals = totalsOf(limiter);
  const missing = totals.reduce((sum, total, i) => sum + total - (crew.counted[i] as number), 0);
  console.log(`${totals.join(', ')} decisions; ${missing} that a thread did not live to count itself`);
  assert.ok(missing >= 0 && missing <= TERMINATIONS, 'at most the one it was at');
  isWhole(limiter, maxPeers);
});

test.run();

// "What does it cost to save and to restore the table, and for how long does that stop everything else?"

import { type Figures, QUICK } from '../measure.js';
import { waitedNs } from '../pauses.js';
import { Limiter, type RateLimiter } from '../peergate.js';
import type { Case, Question } from '../question.js';
import { nameAt, namesOf } from '../workload.js';

const SIZES = QUICK ? [4_096] : [65_536, 1_000_000];
const TURNS = QUICK ? 1 : 5;

export const TAKE = 'snapshot(), µs of CPU a row';
export const TAKE_MS = 'snapshot(), ms';
export const RESTORE = 'restore(), µs of CPU a row';
export const RESTORE_MS = 'restore(), ms';
export const SLICES = 'snapshotAsync(), µs of CPU a row';
export const PAUSE = 'its longest pause, ms';
export const CHUNKS = 'its chunks';
export const BYTES = 'bytes a row';

function filled(rows: number): RateLimiter {
  const limiter = new Limiter({ maxPeers: rows });
  const names = namesOf('libp2p', rows);
  for (let i = 0; i < rows; i++) {
    limiter.check(nameAt(names, i), 1 + (i % 20));
    if (i % 10 === 0) limiter.recordFailure(nameAt(names, i));
  }
  return limiter;
}

/** The lowest cost of several turns, which is the cost when nothing else disturbs. */
async function least<T>(act: () => T | Promise<T>): Promise<{ cpuMs: number; ms: number; last: T }> {
  let [cpuMs, ms] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  let last: T | undefined;
  for (let turn = 0; turn < TURNS; turn++) {
    last = undefined;
    (globalThis as unknown as { gc(): void }).gc();
    const before = process.cpuUsage();
    const start = performance.now();
    last = await act();
    ms = Math.min(ms, performance.now() - start);
    const { user, system } = process.cpuUsage(before);
    cpuMs = Math.min(cpuMs, (user + system) / 1000);
  }
  return { cpuMs, ms, last: last as T };
}

/** The longest time between two turns of the event loop, without the time that the operating system gave to other processes. */
async function saveInSlices(limiter: RateLimiter, rows: number): Promise<{ pauseMs: number; chunks: number }> {
  let pauseMs = 0;
  let done = false;
  let last = performance.now();
  let waited = waitedNs();
  const turn = () => {
    const [now, waitedNow] = [performance.now(), waitedNs()];
    pauseMs = Math.max(pauseMs, now - last - (waitedNow - waited) / 1e6);
    [last, waited] = [now, waitedNow];
    if (!done) setImmediate(turn);
  };
  setImmediate(turn);
  let [chunks, bytes] = [0, 0];
  for await (const chunk of limiter.snapshotAsync({ sliceMs: 5 })) {
    chunks++;
    bytes += chunk.length;
  }
  done = true;
  if (bytes < rows * 136) throw new Error(`${bytes} bytes are too few for ${rows} rows`);
  return { pauseMs, chunks };
}

async function measure(rows: number): Promise<Figures> {
  const limiter = filled(rows);
  const take = await least(() => limiter.snapshot());
  const restore = await least(() => Limiter.restore(take.last));
  if (restore.last.peerCount !== rows) throw new Error(`${restore.last.peerCount} of ${rows} rows came back`);
  const pauses: number[] = [];
  const slices = await least(async () => {
    const saved = await saveInSlices(limiter, rows);
    pauses.push(saved.pauseMs);
    return saved;
  });
  return {
    [TAKE]: (take.cpuMs * 1000) / rows,
    [TAKE_MS]: take.ms,
    [RESTORE]: (restore.cpuMs * 1000) / rows,
    [RESTORE_MS]: restore.ms,
    [SLICES]: (slices.cpuMs * 1000) / rows,
    [PAUSE]: pauses.sort((a, b) => a - b)[pauses.length >> 1] as number,
    [CHUNKS]: slices.last.chunks,
    [BYTES]: take.last.length / rows,
  };
}

const cases: Case[] = SIZES.map((rows) => ({
  row: `${rows.toLocaleString('en').replaceAll(',', ' ')} rows`,
  column: '',
  flags: ['--expose-gc'],
  measure: () => measure(rows),
}));

export const snapshot: Question = {
  name: 'snapshot',
  title: 'Saving a table and restoring it',
  about:
    'A full table of peers with IDs of 52 characters; each figure is the best of 5 turns, the longest pause the median of 5. CPU is that of the whole process, garbage collection included.',
  cases,
  shown: { as: 'list' },
};

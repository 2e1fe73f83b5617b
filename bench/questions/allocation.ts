// "Does it feed the garbage collector?" Makes ten million calls and measures how many bytes the heap grew. The young generation
// is so large that it fills up, and is collected, only if calls allocate. Each collection counts as one full generation.

import { constants, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Figures, QUICK } from '../measure.js';
import type { Peer } from '../peergate.js';
import type { Case, Question } from '../question.js';
import { handlesOf, peergateOf } from '../subjects.js';
import { idsOf, namesOf } from '../workload.js';

const PEERS = 1_000;
const CALLS = QUICK ? 1_000_000 : 10_000_000;
const YOUNG_MIB = 128;
const FLAGS = ['--expose-gc', `--min-semi-space-size=${YOUNG_MIB}`, `--max-semi-space-size=${YOUNG_MIB}`];

export const COLUMN = 'bytes a call';
export const BYTES = 'bytes a call';

async function bytesPerCall(call: (i: number) => boolean): Promise<Figures> {
  const run = (calls: number) => {
    let sum = 0;
    for (let i = 0; i < calls; i++) sum += +call(i);
    if (sum !== calls) throw new Error(`${calls} calls, ${sum} as expected`);
  };
  // Warms up until the optimising compiler has finished, and then once more.
  for (let i = 0; i < 20; i++) {
    run(CALLS / 20);
    await sleep(20);
  }
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    for (const { detail } of list.getEntries() as unknown as { detail: { kind: number } }[]) {
      if (detail.kind !== constants.NODE_PERFORMANCE_GC_WEAKCB) collections++;
    }
  });
  (globalThis as unknown as { gc(): void }).gc();
  await sleep(50);
  observer.observe({ entryTypes: ['gc'] });
  process.memoryUsage();
  const before = process.memoryUsage().heapUsed;
  run(CALLS);
  const grown = process.memoryUsage().heapUsed - before;
  await sleep(50);
  observer.disconnect();
  const collected = collections * YOUNG_MIB * 2 ** 20;
  return { [BYTES]: Math.max(0, collected > 0 ? collected : grown) / CALLS };
}

const names = () => idsOf(namesOf('libp2p', PEERS));
/**
 * Times that already exist as heap objects. If a call is not inlined, an engine allocates an object for a fraction that the
 * caller computes, and that is not the limiter's allocation. The text in the array stops the engine from storing the times
 * as plain doubles.
 */
const times: readonly unknown[] = [...Array.from({ length: 1_024 }, (_, i) => 1_000 + (i + 0.5) / 1_024), 'no time'];
const timeAt = (i: number) => times[i & 1_023] as number;

const calls: [string, () => (i: number) => boolean][] = [
  [
    'check by handle',
    () => {
      const ids = names();
      const handles = handlesOf(peergateOf(ids, 'allow'), ids);
      return (i) => (handles[i % PEERS] as Peer).check(1, timeAt(i)) >= 0;
    },
  ],
  [
    'rejection by handle',
    () => {
      const ids = names();
      const handles = handlesOf(peergateOf(ids, 'rate'), ids);
      return (i) => (handles[i % PEERS] as Peer).check(1, timeAt(i)) < 0;
    },
  ],
  [
    'check and recordSuccess by handle',
    () => {
      const ids = names();
      const handles = handlesOf(peergateOf(ids, 'allow'), ids);
      return (i) => {
        const now = timeAt(i);
        const peer = handles[i % PEERS] as Peer;
        return peer.recordSuccess(peer.check(1, now), now);
      };
    },
  ],
  [
    'recordFailure, recordSuccess by handle',
    () => {
      const ids = names();
      const handles = handlesOf(peergateOf(ids, 'allow'), ids);
      return (i) => {
        const now = timeAt(i);
        const peer = handles[i % PEERS] as Peer;
        return peer.recordFailure(undefined, now) && peer.recordSuccess(undefined, now);
      };
    },
  ],
  [
    'check by ID',
    () => {
      const ids = names();
      const limiter = peergateOf(ids, 'allow');
      return (i) => limiter.check(ids[i % PEERS] as string, 1, timeAt(i)) >= 0;
    },
  ],
  [
    'rejection by ID',
    () => {
      const ids = names();
      const limiter = peergateOf(ids, 'rate');
      return (i) => limiter.check(ids[i % PEERS] as string, 1, timeAt(i)) < 0;
    },
  ],
  [
    'recordSuccess by ID',
    () => {
      const ids = names();
      const limiter = peergateOf(ids, 'allow');
      return (i) => limiter.recordSuccess(ids[i % PEERS] as string, undefined, timeAt(i));
    },
  ],
];

export const ROWS = calls.map(([row]) => row);

const cases: Case[] = calls.map(([row, make]) => ({
  row,
  column: COLUMN,
  flags: FLAGS,
  measure: () => bytesPerCall(make()),
}));

export const allocation: Question = {
  name: 'allocation',
  title: 'What deciding leaves for the garbage collector',
  about: `Bytes by which the heap grows for each call, over ${CALLS} calls. Time is given, and the IDs were seen before.`,
  cases,
  shown: { as: 'list' },
};

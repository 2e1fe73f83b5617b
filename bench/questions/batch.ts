// "I have many frames: is one call for all of them worth it?"

import { requests } from '../loops.js';
import { type Figures, type Loop, time } from '../measure.js';
import type { Peer } from '../peergate.js';
import type { Case, Question } from '../question.js';
import { handlesOf, peergateOf } from '../subjects.js';
import { idsOf, namesOf, OPS, orderOf } from '../workload.js';

const PEERS = 1_000;
const order = orderOf(PEERS);
const names = () => idsOf(namesOf('libp2p', PEERS));

export const COLUMN = 'ns a check';
export const SINGLE = 'check by handle, one by one';
export const batchRow = (size: number) => `checkMany of ${size}`;
const SIZES = [1, 16, 256, 1024];

function single(): Figures {
  const ids = names();
  const handles = handlesOf(peergateOf(ids, 'allow'), ids);
  return { ns: time(requests(order, true, (pick, now) => (handles[pick] as Peer).check(1, now) >= 0)) };
}

/** The batches exist already, because the caller makes them. All decisions are read. */
function many(size: number): Figures {
  const ids = names();
  const limiter = peergateOf(ids, 'allow');
  const handles = handlesOf(limiter, ids);
  const batches = Array.from({ length: 16 * (OPS / size) }, (_, b) =>
    Array.from({ length: size }, (_, i) => handles[order.picks[b * size + i] as number] as Peer),
  );
  const decisions = new Int32Array(size);
  let next = 0;
  let now = 1_000;
  const loop: Loop = {
    ops: OPS,
    sink: OPS,
    run() {
      let sum = 0;
      for (let done = 0; done < OPS; done += size) {
        now += size * 2 ** -10;
        limiter.checkMany(batches[next] as Peer[], decisions, 1, now);
        for (let i = 0; i < size; i++) sum += +((decisions[i] as number) >= 0);
        next = (next + 1) % batches.length;
      }
      return sum;
    },
  };
  return { ns: time(loop) };
}

const cases: Case[] = [
  { row: SINGLE, column: COLUMN, measure: single },
  ...SIZES.map((size) => ({ row: batchRow(size), column: COLUMN, measure: () => many(size) })),
];

export const batch: Question = {
  name: 'batch',
  title: 'A batch of checks in one call',
  about: `${PEERS} peers at random, all with handles and warm rows, time given.`,
  cases,
  shown: { as: 'grid', unit: 'ns', base: SINGLE },
};

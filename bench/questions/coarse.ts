// "Reading the clock costs more than the decision: what does a coarse clock save?" Each turn of the event loop decides 64
// times. The comparison does the same with time given, so the cost of a turn is in both figures.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { type AsyncLoop, type Figures, timeAsync } from '../measure.js';
import { coarseClock, type Peer } from '../peergate.js';
import { FIGURE, type Question } from '../question.js';
import { handlesOf, peergateOf } from '../subjects.js';
import { idsOf, namesOf, orderOf } from '../workload.js';

const PEERS = 1_000;
const TURNS = 32;
const CHECKS = 64;
export const COLUMN = 'ns a check';
export const GIVEN = 'time given';
export const COARSE = 'coarse clock';
export const REAL = 'real clock';

function turns(handles: readonly Peer[], decide: (peer: Peer, now: number) => number): AsyncLoop {
  const { picks, mask } = orderOf(PEERS);
  let at = 0;
  let now = 1_000;
  return {
    ops: TURNS * CHECKS,
    sink: TURNS * CHECKS,
    async run() {
      let sum = 0;
      for (let turn = 0; turn < TURNS; turn++) {
        now += 1;
        for (let i = at; i < at + CHECKS; i++) sum += +(decide(handles[picks[i & mask] as number] as Peer, now) >= 0);
        at = (at + CHECKS) & mask;
        await nextTurn();
      }
      return sum;
    },
  };
}

/** Each clock runs in its own process. With several clocks in one process the engine could not inline any of them, and few programs have several. */
async function measure(clock: (() => number) | undefined, given: boolean): Promise<Figures> {
  const ids = idsOf(namesOf('libp2p', PEERS));
  const handles = handlesOf(peergateOf(ids, 'allow', clock), ids);
  const loop = turns(handles, given ? (peer, now) => peer.check(1, now) : (peer) => peer.check());
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) best = Math.min(best, await timeAsync(loop));
  return { [FIGURE]: best };
}

export const coarse: Question = {
  name: 'coarse',
  title: 'A clock that is read once in a turn',
  about: `ns a check by handle, with ${CHECKS} checks in one turn of the event loop. The cost of the turn is included.`,
  cases: [
    { row: GIVEN, column: COLUMN, measure: () => measure(undefined, true) },
    { row: COARSE, column: COLUMN, measure: () => measure(coarseClock(), false) },
    { row: REAL, column: COLUMN, measure: () => measure(undefined, false) },
  ],
  shown: { as: 'grid', unit: 'ns', base: GIVEN },
};

// "Reading the clock costs more than the decision: what does a coarse clock save?" A turn of the event loop decides 64
// times; the same with time given is the comparison, so that what a turn costs falls on both.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { type AsyncLoop, type Figures, timeAsync } from '../measure.js';
import { coarseClock, type Peer } from '../peergate.js';
import type { Question } from '../question.js';
import { handlesOf, peergateOf } from '../subjects.js';
import { idsOf, namesOf, orderOf } from '../workload.js';

const PEERS = 1_000;
const TURNS = 32;
export const CHECKS = 64;
export const ROW = `${CHECKS} checks a turn, by handle`;
export const COST = 'the clock’s part';

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

async function measure(): Promise<Figures> {
  const ids = idsOf(namesOf('libp2p', PEERS));
  const handles = (clock?: () => number) => handlesOf(peergateOf(ids, 'allow', clock), ids);
  const loops = [
    turns(handles(), (peer, now) => peer.check(1, now)),
    turns(handles(coarseClock()), (peer) => peer.check()),
    turns(handles(), (peer) => peer.check()),
  ];
  const best = loops.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < 3; round++) {
    for (const [i, loop] of loops.entries()) best[i] = Math.min(best[i] as number, await timeAsync(loop));
  }
  const [given, coarse, real] = best as [number, number, number];
  return { 'time given': given, 'coarse clock': coarse, 'real clock': real, [COST]: coarse - given };
}

export const coarse: Question = {
  name: 'coarse',
  title: 'A clock that is read once a turn',
  about: `ns a check, ${CHECKS} checks in a turn of the event loop, the turn included.`,
  cases: [{ row: ROW, column: 'ns', measure }],
  shown: { as: 'list' },
};

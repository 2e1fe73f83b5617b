// "What does the guard add to a call?"

import { asyncRequests } from '../loops.js';
import { type Figures, timeAsync } from '../measure.js';
import { type Peer, RpcGuard } from '../peergate.js';
import type { Case, Question } from '../question.js';
import { handlesOf, peergateOf } from '../subjects.js';
import { idsOf, namesOf, orderOf } from '../workload.js';
import { byHand } from './guard-price.js';

const PEERS = 1_000;
const order = orderOf(PEERS);
const handler = async () => 1;

async function call(make: (ids: string[]) => (pick: number) => Promise<number>): Promise<Figures> {
  const run = make(idsOf(namesOf('libp2p', PEERS)));
  return { ns: await timeAsync(asyncRequests(order, true, async (pick) => (await run(pick)) === 1)) };
}

const guarded = (timeoutMs: number) => (ids: string[]) => {
  const limiter = peergateOf(ids, 'allow');
  const guard = new RpcGuard(limiter, { timeoutMs });
  const handles = handlesOf(limiter, ids);
  return (pick: number) => guard.run(handles[pick] as Peer, handler);
};

const unguarded = (ids: string[]) => byHand(handlesOf(peergateOf(ids, 'allow'), ids));

const COLUMN = 'ns a call';

const calls: Case[] = [
  { row: 'the handler alone', column: COLUMN, measure: () => call(() => handler) },
  { row: 'check, handler, record by hand', column: COLUMN, measure: () => call(unguarded) },
  { row: 'guard.run', column: COLUMN, measure: () => call(guarded(30_000)) },
  { row: 'guard.run without a time-out', column: COLUMN, measure: () => call(guarded(Number.POSITIVE_INFINITY)) },
];

export const guard: Question = {
  name: 'guard',
  title: 'A call under the guard',
  about: `${PEERS} peers at random by handle. The handler does nothing, and calls come one after the other.`,
  cases: calls,
  shown: { as: 'grid', unit: 'ns', base: 'the handler alone' },
};

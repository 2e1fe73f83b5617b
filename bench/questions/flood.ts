// "How fast can a flood be rejected?" Every request is rejected, by rate or because the circuit is open.

import { limiterAndCockatiel } from '../compare/cockatiel.js';
import type { AsyncLimiter, Protection, SyncLimiter } from '../compare/library.js';
import { limiter } from '../compare/limiter.js';
import { mollitia } from '../compare/mollitia.js';
import { flexibleAndOpossum } from '../compare/opossum.js';
import { GcraMapOfObjects } from '../controls/gcra-map.js';
import { asyncRequests, requests } from '../loops.js';
import { type Figures, time, timeAsync } from '../measure.js';
import type { Peer } from '../peergate.js';
import type { Case, Question } from '../question.js';
import { type Answer, handlesOf, peergateOf, STRICT_GCRA } from '../subjects.js';
import { idsOf, namesOf, orderOf } from '../workload.js';
import { ASYNC_RIVALS, rowOf } from './known.js';

const PEERS = 1_000;
const order = orderOf(PEERS);
const names = () => idsOf(namesOf('libp2p', PEERS));

export const RATE = 'by rate';
export const CIRCUIT = 'by an open circuit';
export const GIVEN = 'peergate, handle, time given';
export const REAL = 'peergate, handle, real clock';
export const BY_ID = 'peergate, by ID, real clock';

const perSecond = (ns: number): Figures => ({ ns, 'M/s': 1000 / ns });

function given(answer: Answer): Figures {
  const ids = names();
  const handles = handlesOf(peergateOf(ids, answer), ids);
  return perSecond(time(requests(order, false, (pick, now) => (handles[pick] as Peer).check(1, now) >= 0)));
}

function clocked(answer: Answer): Figures {
  const ids = names();
  const handles = handlesOf(peergateOf(ids, answer), ids);
  return perSecond(time(requests(order, false, (pick) => (handles[pick] as Peer).check() >= 0)));
}

function byId(answer: Answer): Figures {
  const ids = names();
  const limiter = peergateOf(ids, answer);
  return perSecond(time(requests(order, false, (pick) => limiter.check(ids[pick] as string) >= 0)));
}

function gcra(): Figures {
  const ids = names();
  const control = new GcraMapOfObjects(...STRICT_GCRA);
  for (const id of ids) control.check(id);
  return perSecond(time(requests(order, false, (pick) => control.check(ids[pick] as string))));
}

async function synchronous(library: SyncLimiter): Promise<Figures> {
  const ids = names();
  const allow = await library.make(ids, 'reject');
  return perSecond(time(requests(order, false, (pick) => allow(ids[pick] as string))));
}

async function asynchronous(library: AsyncLimiter | Protection): Promise<Figures> {
  const ids = names();
  const allow = await library.make(ids, 'reject', async () => 1);
  return perSecond(
    await timeAsync(
      asyncRequests(order, false, (pick) => allow(ids[pick] as string), 'atOnce' in library ? library.atOnce : 1),
    ),
  );
}

const answers: [string, Answer][] = [
  [RATE, 'rate'],
  [CIRCUIT, 'circuit'],
];

const cases: Case[] = [
  ...answers.flatMap(([column, answer]) => [
    { row: GIVEN, column, measure: () => given(answer) },
    { row: REAL, column, measure: () => clocked(answer) },
    { row: BY_ID, column, measure: () => byId(answer) },
  ]),
  { row: 'GCRA over a Map of objects (ours)', column: RATE, measure: gcra },
  { row: rowOf(limiter), column: RATE, library: true, measure: () => synchronous(limiter) },
  ...ASYNC_RIVALS.map((library) => ({
    row: rowOf(library),
    column: RATE,
    library: true,
    measure: () => asynchronous(library),
  })),
  ...[limiterAndCockatiel, flexibleAndOpossum, mollitia].map((library) => ({
    row: rowOf(library),
    column: CIRCUIT,
    library: true,
    measure: () => asynchronous(library),
  })),
];

export const flood: Question = {
  name: 'flood',
  title: 'A flood: every request is rejected',
  about: `${PEERS} peers at random, 52-character IDs; ns a rejection, and million rejections a second.`,
  cases,
  shown: { as: 'list' },
};

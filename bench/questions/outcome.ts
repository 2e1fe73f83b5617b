// "What does it cost to limit, run the handler, and report to the breaker?" For the other libraries, each peer has a limiter and
// a breaker, which are found by name. The handler does nothing.

import { limiterAndCockatiel } from '../compare/cockatiel.js';
import type { Protection } from '../compare/library.js';
import { mollitia } from '../compare/mollitia.js';
import { flexibleAndOpossum } from '../compare/opossum.js';
import type { TwinPeer } from '../controls/twin.js';
import { asyncRequests, requests } from '../loops.js';
import { type Figures, time, timeAsync } from '../measure.js';
import type { Peer } from '../peergate.js';
import type { Case, Question } from '../question.js';
import { handlesOf, peergateOf, twinHandlesOf, twinOf } from '../subjects.js';
import { idsOf, namesOf, orderOf } from '../workload.js';
import { rowOf } from './known.js';

const PEERS = 1_000;
const order = orderOf(PEERS);
const names = () => idsOf(namesOf('libp2p', PEERS));
const handler = async () => 1;

export const REAL = 'real clock';
export const GIVEN = 'time given';
export const OURS = 'peergate, handle: check, recordSuccess';
export const OURS_ID = 'peergate, by ID: check, recordSuccess';
export const OURS_AWAITED = 'peergate, handle: check, await handler, recordSuccess';
export const TWIN = 'its twin in plain JS, handle: check, recordSuccess';
export const LIMITER_COCKATIEL = rowOf(limiterAndCockatiel);

function settle(peer: Peer): boolean {
  const decision = peer.check();
  return decision >= 0 && peer.recordSuccess(decision);
}

function settleAt(peer: Peer, now: number): boolean {
  const decision = peer.check(1, now);
  return decision >= 0 && peer.recordSuccess(decision, now);
}

function byHandle(given: boolean): Figures {
  const ids = names();
  const handles = handlesOf(peergateOf(ids, 'allow'), ids);
  const step = given
    ? (pick: number, now: number) => settleAt(handles[pick] as Peer, now)
    : (pick: number) => settle(handles[pick] as Peer);
  return { ns: time(requests(order, true, step)) };
}

function byId(given: boolean): Figures {
  const ids = names();
  const limiter = peergateOf(ids, 'allow');
  const step = given
    ? (pick: number, now: number) => {
        const id = ids[pick] as string;
        const decision = limiter.check(id, 1, now);
        return decision >= 0 && limiter.recordSuccess(id, decision, now);
      }
    : (pick: number) => {
        const id = ids[pick] as string;
        const decision = limiter.check(id);
        return decision >= 0 && limiter.recordSuccess(id, decision);
      };
  return { ns: time(requests(order, true, step)) };
}

function twins(given: boolean): Figures {
  const ids = names();
  const handles = twinHandlesOf(twinOf(ids, 'allow'), ids);
  const step = given
    ? (pick: number, now: number) => {
        const peer = handles[pick] as TwinPeer;
        const decision = peer.check(1, now);
        return decision >= 0 && peer.recordSuccess(decision, now);
      }
    : (pick: number) => {
        const peer = handles[pick] as TwinPeer;
        const decision = peer.check();
        return decision >= 0 && peer.recordSuccess(decision);
      };
  return { ns: time(requests(order, true, step)) };
}

async function awaited(): Promise<Figures> {
  const ids = names();
  const handles = handlesOf(peergateOf(ids, 'allow'), ids);
  const step = async (pick: number) => {
    const peer = handles[pick] as Peer;
    const decision = peer.check();
    if (decision < 0) return false;
    try {
      await handler();
      return peer.recordSuccess(decision);
    } catch {
      peer.recordFailure(decision);
      return false;
    }
  };
  return { ns: await timeAsync(asyncRequests(order, true, step)) };
}

async function bare(): Promise<Figures> {
  return { ns: await timeAsync(asyncRequests(order, true, async () => (await handler()) === 1)) };
}

async function protectedBy(library: Protection): Promise<Figures> {
  const ids = names();
  const run = await library.make(ids, 'allow', handler);
  return { ns: await timeAsync(asyncRequests(order, true, (pick) => run(ids[pick] as string))) };
}

const cases: Case[] = [
  ...[REAL, GIVEN].flatMap((column) => [
    { row: OURS, column, measure: () => byHandle(column === GIVEN) },
    { row: OURS_ID, column, measure: () => byId(column === GIVEN) },
    { row: TWIN, column, measure: () => twins(column === GIVEN) },
  ]),
  { row: OURS_AWAITED, column: REAL, measure: awaited },
  { row: 'the handler alone, awaited', column: REAL, measure: bare },
  ...[limiterAndCockatiel, flexibleAndOpossum, mollitia].map((library) => ({
    row: rowOf(library),
    column: REAL,
    library: true,
    measure: () => protectedBy(library),
  })),
];

export const outcome: Question = {
  name: 'outcome',
  title: 'Decision and outcome',
  about: `${PEERS} peers at random, 52-character IDs, ns a request. cockatiel, opossum and mollitia run the handler themselves. So one row of peergate awaits a handler, too.`,
  cases,
  shown: { as: 'grid', unit: 'ns', base: OURS },
};

// "What if a request carries only a name?" The table has to find the peer's row, as a `Map` would.

import { GcraMap, GcraMapOfObjects } from '../controls/gcra-map.js';
import { requests } from '../loops.js';
import { type Figures, time } from '../measure.js';
import type { Peer } from '../peergate.js';
import { type Case, FIGURE, type Question } from '../question.js';
import { GENEROUS_GCRA, handlesOf, peergateOf, twinOf } from '../subjects.js';
import { idsOf, namesOf, orderOf } from '../workload.js';

export const SIZES = [1_000, 10_000, 100_000, 1_000_000];
export const sizeName = (peers: number) => (peers >= 1e6 ? `${peers / 1e6} M` : `${peers / 1e3} k`);

export const OURS = 'peergate, by ID';
export const MAP = 'Map.get + handle';
export const TWIN = 'its twin in plain JS, by ID';
export const OURS_CLOCK = 'peergate, by ID, real clock';
export const GCRA_NUMBERS = 'GCRA over a Map of numbers (ours, no breaker), real clock';
export const GCRA_OBJECTS = 'GCRA over a Map of objects (ours, no breaker), real clock';

type Distribution = 'uniform' | 'zipf';
type Subject = (peers: number, distribution: Distribution) => Figures;

const namesFor = (peers: number) => idsOf(namesOf('libp2p', peers));

const ours: Subject = (peers, distribution) => {
  const ids = namesFor(peers);
  const limiter = peergateOf(ids, 'allow');
  const step = (pick: number, now: number) => limiter.check(ids[pick] as string, 1, now) >= 0;
  return { [FIGURE]: time(requests(orderOf(peers, distribution), true, step)) };
};

const oursByClock: Subject = (peers, distribution) => {
  const ids = namesFor(peers);
  const limiter = peergateOf(ids, 'allow');
  const step = (pick: number) => limiter.check(ids[pick] as string) >= 0;
  return { [FIGURE]: time(requests(orderOf(peers, distribution), true, step)) };
};

const mapAndHandle: Subject = (peers, distribution) => {
  const ids = namesFor(peers);
  const handles = handlesOf(peergateOf(ids, 'allow'), ids);
  const map = new Map(ids.map((id, i) => [id, handles[i] as Peer]));
  const step = (pick: number, now: number) => (map.get(ids[pick] as string) as Peer).check(1, now) >= 0;
  return { [FIGURE]: time(requests(orderOf(peers, distribution), true, step)) };
};

const twins: Subject = (peers, distribution) => {
  const ids = namesFor(peers);
  const twin = twinOf(ids, 'allow');
  const step = (pick: number, now: number) => twin.check(ids[pick] as string, 1, now) >= 0;
  return { [FIGURE]: time(requests(orderOf(peers, distribution), true, step)) };
};

const gcra =
  (Control: typeof GcraMap | typeof GcraMapOfObjects): Subject =>
  (peers, distribution) => {
    const ids = namesFor(peers);
    const control = new Control(...GENEROUS_GCRA);
    for (const id of ids) control.check(id);
    const step = (pick: number) => control.check(ids[pick] as string);
    return { [FIGURE]: time(requests(orderOf(peers, distribution), true, step)) };
  };

const subjects: [string, Subject][] = [
  [OURS, ours],
  [MAP, mapAndHandle],
  [TWIN, twins],
  [OURS_CLOCK, oursByClock],
  [GCRA_NUMBERS, gcra(GcraMap)],
  [GCRA_OBJECTS, gcra(GcraMapOfObjects)],
];

export const columnOf = (peers: number, distribution: Distribution = 'uniform') =>
  `${sizeName(peers)}${distribution === 'zipf' ? ', Zipf' : ''}`;

const casesOf = (peers: number, distribution: Distribution, asked = subjects): Case[] =>
  asked.map(([row, subject]) => ({
    row,
    column: columnOf(peers, distribution),
    measure: () => subject(peers, distribution),
  }));

const cases: Case[] = [
  ...SIZES.flatMap((peers) => casesOf(peers, 'uniform')),
  ...SIZES.flatMap((peers) => casesOf(peers, 'zipf', subjects.slice(0, 3))),
];

export const byId: Question = {
  name: 'by-id',
  title: 'One decision by ID, the same string object each time',
  about:
    "ns a decision. Peers come at random or by Zipf's law. IDs have 52 characters, and the caller keeps their string objects. Time is given unless the row says otherwise.",
  cases,
  shown: { as: 'grid', unit: 'ns', base: OURS },
};

// "What does one decision cost on a connection I know?"

import { bottleneck } from '../compare/bottleneck.js';
import { expressRateLimit } from '../compare/express-rate-limit.js';
import type { AsyncLimiter, SyncLimiter } from '../compare/library.js';
import { limiter, limiterInHand } from '../compare/limiter.js';
import { rateLimiterFlexible } from '../compare/rate-limiter-flexible.js';
import { GcraMap, GcraMapOfObjects } from '../controls/gcra-map.js';
import type { TwinPeer } from '../controls/twin.js';
import { asyncRequests, requests } from '../loops.js';
import { type Figures, time, timeAsync } from '../measure.js';
import type { Peer } from '../peergate.js';
import type { Case, Question } from '../question.js';
import { type Answer, GENEROUS_GCRA, handlesOf, peergateOf, twinHandlesOf, twinOf } from '../subjects.js';
import { idsOf, namesOf, orderOf } from '../workload.js';

const PEERS = 1_000;
const order = orderOf(PEERS);
const ids = () => idsOf(namesOf('libp2p', PEERS));

export const GIVEN = 'time given';
export const REAL = 'real clock';
export const BY_RATE = 'no token, time given';
export const BY_CIRCUIT = 'circuit open, time given';
export const OURS = 'peergate, handle';
export const TWIN = 'its twin in plain JS, handle';
export const CLOCK = 'performance.now() alone';
export const GCRA_NUMBERS = 'GCRA over a Map of numbers (ours, no breaker)';
export const GCRA_OBJECTS = 'GCRA over a Map of objects (ours, no breaker)';

function ours(answer: Answer, given: boolean): Figures {
  const names = ids();
  const handles = handlesOf(peergateOf(names, answer), names);
  const allowed = answer === 'allow';
  const step = given
    ? (pick: number, now: number) => (handles[pick] as Peer).check(1, now) >= 0
    : (pick: number) => (handles[pick] as Peer).check() >= 0;
  return { ns: time(requests(order, allowed, step)) };
}

function twins(answer: Answer, given: boolean): Figures {
  const names = ids();
  const handles = twinHandlesOf(twinOf(names, answer), names);
  const allowed = answer === 'allow';
  const step = given
    ? (pick: number, now: number) => (handles[pick] as TwinPeer).check(1, now) >= 0
    : (pick: number) => (handles[pick] as TwinPeer).check() >= 0;
  return { ns: time(requests(order, allowed, step)) };
}

function gcra(Control: typeof GcraMap | typeof GcraMapOfObjects): Figures {
  const names = ids();
  const control = new Control(...GENEROUS_GCRA);
  return { ns: time(requests(order, true, (pick) => control.check(names[pick] as string))) };
}

async function synchronous(library: SyncLimiter): Promise<Figures> {
  const names = ids();
  const allow = await library.make(names, 'allow');
  return { ns: time(requests(order, true, (pick) => allow(names[pick] as string))) };
}

async function asynchronous(library: AsyncLimiter): Promise<Figures> {
  const names = ids();
  const allow = await library.make(names, 'allow');
  return { ns: await timeAsync(asyncRequests(order, true, (pick) => allow(names[pick] as string), library.atOnce)) };
}

export function rowOf({ name, how }: { readonly name: string; readonly how: string }): string {
  return `${name}: ${how}`;
}

export const SYNC_RIVALS = [limiter, limiterInHand];
export const ASYNC_RIVALS = [rateLimiterFlexible, expressRateLimit, bottleneck];
/** The libraries that find the peer by its name, as a service has to. */
export const KEYED_RIVALS = [limiter, ...ASYNC_RIVALS].map(rowOf);

const answers: [string, Answer, boolean][] = [
  [GIVEN, 'allow', true],
  [REAL, 'allow', false],
  [BY_RATE, 'rate', true],
  [BY_CIRCUIT, 'circuit', true],
];

const cases: Case[] = [
  ...answers.map(([column, answer, given]) => ({ row: OURS, column, measure: () => ours(answer, given) })),
  ...answers.map(([column, answer, given]) => ({ row: TWIN, column, measure: () => twins(answer, given) })),
  { row: GCRA_NUMBERS, column: REAL, measure: () => gcra(GcraMap) },
  { row: GCRA_OBJECTS, column: REAL, measure: () => gcra(GcraMapOfObjects) },
  ...SYNC_RIVALS.map((rival) => ({
    row: rowOf(rival),
    column: REAL,
    library: true,
    measure: () => synchronous(rival),
  })),
  ...ASYNC_RIVALS.map((rival) => ({
    row: rowOf(rival),
    column: REAL,
    library: true,
    measure: () => asynchronous(rival),
  })),
  { row: CLOCK, column: REAL, measure: () => ({ ns: time(requests(order, true, () => performance.now() > 0)) }) },
  { row: 'Date.now() alone', column: REAL, measure: () => ({ ns: time(requests(order, true, () => Date.now() > 0)) }) },
  { row: 'the loop alone', column: GIVEN, measure: () => ({ ns: time(requests(order, true, (_, now) => now > 0)) }) },
];

export const known: Question = {
  name: 'known',
  title: 'One decision on a known connection',
  about: `${PEERS} peers at random, 52-character IDs, ns a decision. Each library does what it offers: one without a breaker runs without a breaker, and one that returns a promise is awaited.`,
  cases,
  shown: { as: 'grid', unit: 'ns', base: OURS },
};

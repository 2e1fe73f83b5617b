// More honest peers than the server can serve, none of them above its limit.

import { LoadController } from '../../../src/adaptive/index.js';
import { isAllowed, type Peer, type RateLimiter } from '../../../src/index.js';
import { Agenda } from '../agenda.js';
import { Chance } from '../chance.js';
import { limiterOf } from '../limiter.js';
import { QueueServer } from '../queue.js';
import { criterion, Meter, percent, type Scenario, seconds } from '../scenario.js';

const PEERS = 1_000;
const QUIET_PEERS = 50;
const QUIET_PER_SEC = 1;
const CAPACITY = 5_000;
const PATIENCE_MS = 1_000;
const NORMAL_PER_SEC = 4;
const BUSY_PER_SEC = 15;
const [BUSY_FROM, BUSY_UNTIL, END] = [10_000, 70_000, 90_000];
const SETTLED_MS = 10_000;
const STEP_MS = 250;
const LIMIT_PER_SEC = 100;
/** The load factor at which the busy peers are let through as often as the server can serve them. */
const IDEAL = (CAPACITY - QUIET_PEERS * QUIET_PER_SEC) / (PEERS * LIMIT_PER_SEC);

interface Run {
  readonly goodput: number;
  readonly quietLost: number;
  readonly served: readonly (readonly [number, number])[];
  /** The load factor after each step: seconds, factor. */
  readonly factors: readonly (readonly [number, number])[];
  /** The most that a step gave an exhausted peer, in what one of its tokens cost before. */
  readonly freed: number;
}

const isBusy = (now: number) => now >= BUSY_FROM && now < BUSY_UNTIL;

/** How it differs from peers that ask at random, and a server that knows how long each request has waited. */
interface Variant {
  /** Peers keep an exact rhythm. */
  readonly isRegular?: boolean;
  /** The signal is how late a timer is, as with `'event_loop'`. */
  readonly isTimed?: boolean;
  readonly seed?: number;
}

function play(isControlled: boolean, { isRegular = false, isTimed = false, seed = 0 }: Variant = {}): Run {
  const chance = new Chance(20_260_101 + seed);
  const limiter = limiterOf({
    maxRequestsPerSec: LIMIT_PER_SEC,
    burstSize: 200,
    maxPeers: 2_048,
  });
  const load = new LoadController(limiter, { signal: () => 0 });
  const server = new QueueServer(CAPACITY, PATIENCE_MS);
  const good = new Meter(1_000);
  const agenda = new Agenda();
  const peers: Peer[] = Array.from({ length: PEERS + QUIET_PEERS }, (_, i) => limiter.peer(`peer-${i}`, 0));
  const perSec = (actor: number, now: number) => {
    if (actor >= PEERS) return QUIET_PER_SEC;
    return isBusy(now) ? BUSY_PER_SEC : NORMAL_PER_SEC;
  };
  peers.forEach((_, actor) => {
    agenda.push(chance.gapMs(perSec(actor, 0)), actor);
  });
  const factors: [number, number][] = [];
  let [servedWell, quietAsked, quietLost, freed] = [0, 0, 0, 0];
  const refused = new Set<number>();
  const decide = (actor: number, now: number) => {
    const isQuiet = actor >= PEERS && isBusy(now);
    if (isQuiet) quietAsked++;
    if (isAllowed((peers[actor] as Peer).check(1, now))) return true;
    if (isQuiet) quietLost++;
    if (refused.size < 50) refused.add(actor);
    return false;
  };
  const answered = (_: number, now: number, isInTime: boolean) => {
    if (!isInTime) return;
    good.add(now);
    if (isBusy(now)) servedWell++;
  };
  for (let stepAt = STEP_MS; stepAt <= END; stepAt += STEP_MS) {
    while (agenda.nextMs < stepAt) {
      const now = agenda.nextMs;
      const actor = agenda.pop();
      agenda.push(now + (isRegular ? 1_000 / perSec(actor, now) : chance.gapMs(perSec(actor, now))), actor);
      server.arrive(now, actor);
    }
    server.workUntil(stepAt, decide, answered);
    const delayMs = isTimed ? server.timerDelayMs() : server.delayMs();
    if (isControlled) freed = Math.max(freed, freedByStep(limiter, load, refused, delayMs, stepAt));
    refused.clear();
    factors.push([stepAt / 1_000, limiter.loadFactor]);
  }
  return {
    goodput: (servedWell * 1_000) / (BUSY_UNTIL - BUSY_FROM) / CAPACITY,
    quietLost: quietLost / quietAsked,
    served: good.perSec(END),
    factors,
    freed,
  };
}

/**
 * Takes a step. What it gave to peers that were just refused: a whole token that is there afterwards costs what it costs then, so
 * they have what they had before as long as that is less than one token was before.
 */
function freedByStep(
  limiter: RateLimiter,
  load: LoadController,
  refused: ReadonlySet<number>,
  delayMs: number,
  now: number,
): number {
  const before = limiter.loadFactor;
  const empty = [...refused].filter((actor) => limiter.getAvailableTokens(`peer-${actor}`, now) === 0);
  load.step(delayMs, now);
  const tokens = empty.map((actor) => limiter.getAvailableTokens(`peer-${actor}`, now));
  return (Math.max(0, ...tokens) * before) / limiter.loadFactor;
}

const furthest = (values: readonly number[], from: number) =>
  Math.max(...values.map((value) => Math.abs(value / from - 1)));

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

export const overload: Scenario = {
  name: 'overload',
  title: 'More requests than the server can serve',
  about: `${PEERS} peers ask ${BUSY_PER_SEC} times a second for ${(BUSY_UNTIL - BUSY_FROM) / 1_000} s. Their limit is ${LIMIT_PER_SEC}/s, the server's capacity is ${CAPACITY}/s, and clients wait for 1 s. ${QUIET_PEERS} more peers ask once a second.`,
  run() {
    const [without, controlled, regular] = [play(false), play(true), play(true, { isRegular: true })];
    const seeds = [0, 1, 2, 3, 4];
    const others = seeds.map((seed) => play(true, { seed }).goodput);
    const timed = seeds.map((seed) => play(true, { seed, isTimed: true }).goodput);
    const range = (values: readonly number[]) => `${percent(Math.min(...values))} to ${percent(Math.max(...values))}`;
    const busy = controlled.factors
      .filter(([at]) => at * 1_000 > BUSY_FROM + SETTLED_MS && at * 1_000 <= BUSY_UNTIL)
      .map(([, factor]) => factor);
    const settled = median(busy);
    const near = busy.filter((factor) => Math.abs(factor / settled - 1) <= 0.25).length / busy.length;
    const backAt = controlled.factors.find(([at, factor]) => at * 1_000 > BUSY_UNTIL && factor === 1)?.[0];
    const backMs = backAt === undefined ? Number.POSITIVE_INFINITY : backAt * 1_000 - BUSY_UNTIL;
    return {
      criteria: [
        criterion(
          'goodput at least 80 % of the capacity with the controller',
          percent(controlled.goodput),
          controlled.goodput >= 0.8,
        ),
        criterion('goodput at most 5 % without it', percent(without.goodput), without.goodput <= 0.05),
        criterion(
          'from 10 s on the load factor stays within ± 25 % of its median',
          `up to ${percent(furthest(busy, settled))} away`,
          furthest(busy, settled) <= 0.25,
        ),
        criterion('the factor is 1 again within 10 s of the end of the load', seconds(backMs), backMs <= 10_000),
        criterion(
          'no step gives an exhausted peer a token more',
          `${controlled.freed.toFixed(2)} tokens at the price of before`,
          controlled.freed < 1,
        ),
        criterion(
          'peers below the capped rate lose less than 1 %',
          percent(controlled.quietLost, 2),
          controlled.quietLost < 0.01,
        ),
      ],
      notes: [
        `the median of the factor is ${settled.toFixed(4)}, what just fills the server ${IDEAL.toFixed(4)}; ${percent(near)} of the readings are within ± 25 % of the median`,
        `the signal is the mean wait of requests; over ${seeds.length} seeds goodput is ${range(others)}`,
        `with how late a timer of 10 ms is as the signal, which is what 'event_loop' reads, goodput is ${range(timed)}`,
        `peers that begin at the same moment and ask in an exact rhythm: goodput ${percent(regular.goodput)}, because their buckets are empty and full again at the same moments`,
      ],
      chart: {
        title: 'Answers in time, with and without the load controller',
        x: 'seconds',
        y: 'answers in time, a second',
        lines: [
          { name: 'with the controller', points: controlled.served },
          { name: 'without', points: without.served },
          {
            name: 'load factor × 5 000',
            points: controlled.factors.map(([at, factor]) => [at, factor * CAPACITY]),
            quiet: true,
          },
        ],
        marks: [{ y: CAPACITY, name: 'capacity' }],
        shaded: { from: BUSY_FROM / 1_000, to: BUSY_UNTIL / 1_000, name: 'three times the capacity is asked for' },
      },
    };
  },
};

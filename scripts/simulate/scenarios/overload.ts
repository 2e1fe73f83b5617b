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
const INTERVAL_MS = 50;
const DEFAULT_INTERVAL_MS = 250;
const SEEDS = [0, 1, 2, 3, 4];
const LIMIT_PER_SEC = 100;
/** The load factor at which the busy peers are let through as often as the server can serve them. */
const IDEAL = (CAPACITY - QUIET_PEERS * QUIET_PER_SEC) / (PEERS * LIMIT_PER_SEC);

interface Run {
  readonly goodput: number;
  /** What was refused of the requests of peers that asked more seldom than the load factor allowed just then. */
  readonly quietLost: number;
  readonly served: readonly (readonly [number, number])[];
  /** The load factor after each step: seconds, factor. */
  readonly factors: readonly (readonly [number, number])[];
  /** The most that a step gave an exhausted peer, in what one of its tokens cost before. */
  readonly freed: number;
}

const isBusy = (now: number) => now >= BUSY_FROM && now < BUSY_UNTIL;

/** How a run differs from one without a controller, whose peers ask at random. */
interface Variant {
  readonly signal?: 'oldest request' | 'timer';
  readonly intervalMs?: number;
  /** Peers keep an exact rhythm. */
  readonly isRegular?: boolean;
  readonly seed?: number;
}

function play({ signal, intervalMs = INTERVAL_MS, isRegular = false, seed = 0 }: Variant): Run {
  const chance = new Chance(20_260_101 + seed);
  const limiter = limiterOf({
    maxRequestsPerSec: LIMIT_PER_SEC,
    burstSize: 200,
    maxPeers: 2_048,
  });
  const load = new LoadController(limiter, { signal: () => 0, intervalMs });
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
    const isQuiet = actor >= PEERS && isBusy(now) && QUIET_PER_SEC < limiter.loadFactor * LIMIT_PER_SEC;
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
  for (let stepAt = intervalMs; stepAt <= END; stepAt += intervalMs) {
    while (agenda.nextMs < stepAt) {
      const now = agenda.nextMs;
      const actor = agenda.pop();
      agenda.push(now + (isRegular ? 1_000 / perSec(actor, now) : chance.gapMs(perSec(actor, now))), actor);
      server.arrive(now, actor);
    }
    server.workUntil(stepAt, decide, answered);
    const delayMs = signal === 'timer' ? server.timerDelayMs() : server.oldestMs(stepAt);
    if (signal !== undefined) freed = Math.max(freed, freedByStep(limiter, load, refused, delayMs, stepAt));
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

/** The load factor while the peers are busy, once it had 10 s to settle. */
function settledFactors({ factors }: Run): number[] {
  return factors
    .filter(([at]) => at * 1_000 > BUSY_FROM + SETTLED_MS && at * 1_000 <= BUSY_UNTIL)
    .map(([, factor]) => factor);
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** How far the load factor goes from its mean: the mean of each second, and single readings. */
function swing(run: Run, intervalMs: number): { ofSeconds: number; ofReadings: number; near: number } {
  const factors = settledFactors(run);
  const centre = mean(factors);
  const perSecond = 1_000 / intervalMs;
  const averages = Array.from({ length: factors.length / perSecond }, (_, i) =>
    mean(factors.slice(i * perSecond, (i + 1) * perSecond)),
  );
  const away = (values: readonly number[]) => values.map((value) => Math.abs(value / centre - 1));
  return {
    ofSeconds: Math.max(...away(averages)),
    ofReadings: Math.max(...away(factors)),
    near: away(factors).filter((distance) => distance <= 0.25).length / factors.length,
  };
}

/** How long after the end of the load the factor was 1 again. */
function backMs({ factors }: Run): number {
  const back = factors.find(([at, factor]) => at * 1_000 > BUSY_UNTIL && factor === 1);
  return back === undefined ? Number.POSITIVE_INFINITY : back[0] * 1_000 - BUSY_UNTIL;
}

export const overload: Scenario = {
  name: 'overload',
  title: 'More requests than the server can serve',
  about: `${PEERS} peers ask ${BUSY_PER_SEC} times a second for ${(BUSY_UNTIL - BUSY_FROM) / 1_000} s. Their limit is ${LIMIT_PER_SEC}/s, the server's capacity is ${CAPACITY}/s, and clients wait for 1 s. ${QUIET_PEERS} more peers ask once a second. The signal is how long the oldest request has waited, read every ${INTERVAL_MS} ms. The worst of ${SEEDS.length} seeds counts.`,
  run() {
    const over = (variant: Variant) => SEEDS.map((seed) => play({ ...variant, seed }));
    const [without, controlled] = [over({}), over({ signal: 'oldest request' })];
    const least = (runs: readonly Run[], of: (run: Run) => number) => Math.min(...runs.map(of));
    const most = (runs: readonly Run[], of: (run: Run) => number) => Math.max(...runs.map(of));
    const goodput = (run: Run) => run.goodput;
    const swings = controlled.map((run) => swing(run, INTERVAL_MS));
    const ofSeconds = Math.max(...swings.map((s) => s.ofSeconds));
    const slowest = most(controlled, backMs);
    const freed = most(controlled, (run) => run.freed);
    const lost = most(controlled, (run) => run.quietLost);
    const range = (runs: readonly Run[]) => `${percent(least(runs, goodput))} to ${percent(most(runs, goodput))}`;
    const about = (variant: Variant) => `every ${variant.intervalMs ?? INTERVAL_MS} ms ${range(over(variant))}`;
    const shown = { controlled: controlled[0] as Run, without: without[0] as Run };
    return {
      criteria: [
        criterion(
          'goodput at least 80 % of the capacity with the controller',
          range(controlled),
          least(controlled, goodput) >= 0.8,
        ),
        criterion('goodput at most 5 % without it', range(without), most(without, goodput) <= 0.05),
        criterion(
          'from 10 s on the load factor, averaged over each second, stays within ± 25 % of its mean',
          `up to ${percent(ofSeconds)} away`,
          ofSeconds <= 0.25,
        ),
        criterion('the factor is 1 again within 10 s of the end of the load', seconds(slowest), slowest <= 10_000),
        criterion(
          'no step gives an exhausted peer a token more',
          `${freed.toFixed(2)} tokens at the price of before`,
          freed < 1,
        ),
        criterion('peers below the capped rate lose less than 1 %', percent(lost, 2), lost < 0.01),
      ],
      notes: [
        `the mean of the factor is ${mean(settledFactors(shown.controlled)).toFixed(4)}, what just fills the server ${IDEAL.toFixed(4)}; at least ${percent(Math.min(...swings.map((s) => s.near)), 2)} of the single readings are within ± 25 % of the mean, the furthest is ${percent(Math.max(...swings.map((s) => s.ofReadings)))} away`,
        `goodput with the same signal ${[DEFAULT_INTERVAL_MS, 25].map((intervalMs) => about({ signal: 'oldest request', intervalMs })).join(', ')}`,
        `with how late a timer of 10 ms is as the signal, which is what 'event_loop' reads, ${[DEFAULT_INTERVAL_MS, 50, 25].map((intervalMs) => about({ signal: 'timer', intervalMs })).join(', ')}`,
        `peers that begin at the same moment and ask in an exact rhythm: ${about({ signal: 'oldest request', isRegular: true })}, because their buckets are empty and full again at the same moments`,
      ],
      chart: {
        title: 'Answers in time, with and without the load controller',
        x: 'seconds',
        y: 'answers in time, a second',
        lines: [
          { name: 'with the controller', points: shown.controlled.served },
          { name: 'without', points: shown.without.served },
          {
            name: 'load factor × 5 000',
            points: shown.controlled.factors.map(([at, factor]) => [at, factor * CAPACITY]),
            quiet: true,
          },
        ],
        marks: [{ y: CAPACITY, name: 'capacity' }],
        shaded: { from: BUSY_FROM / 1_000, to: BUSY_UNTIL / 1_000, name: 'three times the capacity is asked for' },
      },
    };
  },
};

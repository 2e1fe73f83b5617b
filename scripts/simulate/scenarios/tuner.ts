// The tuner: peers whose demand is known here, and not to it.

import { LimitTuner, type TunerOptions } from '../../../src/adaptive/index.js';
import { isAllowed, type Peer } from '../../../src/index.js';
import { Chance } from '../chance.js';
import { limiterOf } from '../limiter.js';
import { criterion, percent, type Scenario } from '../scenario.js';

const PEERS = 400;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Demand is lognormal: half of the peers ask less than this many times a second, one in a hundred ten times as often. */
const MEDIAN = 0.05;
const SIGMA = 1;
const MARGIN = 1.15;

interface Run {
  /** Hours, and the limit then. */
  readonly limits: readonly (readonly [number, number])[];
  readonly holding: boolean;
  /** The largest change within an hour, as a fraction. */
  readonly fastest: number;
  readonly right: number;
}

/** @param hostile How many of the peers ask for as much as they can get. */
function play(start: number, hours: number, hostile: number, options: TunerOptions): Run {
  const chance = new Chance(20_260_606);
  const demands = Array.from({ length: PEERS }, () => MEDIAN * Math.exp(SIGMA * chance.normal()));
  const sorted = [...demands].sort((a, b) => a - b);
  const right = (sorted[Math.ceil(PEERS * 0.99) - 1] as number) * MARGIN;
  const limiter = limiterOf({
    maxRequestsPerSec: right * start,
    burstSize: 20,
    maxPeers: 512,
  });
  const tuner = new LimitTuner(limiter, { min: right / 10, max: right * 10, apply: true, ...options });
  const peers = demands.map((_, i) => limiter.peer(`peer-${i}`, 0));
  const successes = new Uint32Array(PEERS);
  const due = demands.map((perSec) => chance.gapMs(perSec));
  const limits: [number, number][] = [[0, right * start]];
  let fastest = 0;
  for (let end = MINUTE; end <= hours * HOUR; end += MINUTE) {
    for (let i = 0; i < PEERS; i++) {
      const isHostile = i < hostile;
      while ((due[i] as number) < end) {
        const now = due[i] as number;
        const isThrough = isAllowed((peers[i] as Peer).check(1, now));
        if (isThrough && (successes[i] as number) < 20) {
          successes[i] = (successes[i] as number) + 1;
          (peers[i] as Peer).recordSuccess(undefined, now);
        }
        const perSec = isHostile ? 1.5 * limiter.config.maxRequestsPerSec : (demands[i] as number);
        due[i] = now + chance.gapMs(perSec);
      }
    }
    tuner.step(end);
    const { maxRequestsPerSec } = limiter.config;
    if (end % HOUR === 0) {
      fastest = Math.max(fastest, Math.abs(maxRequestsPerSec / (limits.at(-1)?.[1] as number) - 1));
      limits.push([end / HOUR, maxRequestsPerSec]);
    }
  }
  return { limits, holding: tuner.holding, fastest, right };
}

const last = ({ limits }: Run) => limits.at(-1)?.[1] as number;
const relative = ({ limits, right }: Run) => limits.map(([hour, limit]) => [hour, limit / right] as const);

export const tuner: Scenario = {
  name: 'tuner',
  title: 'A limit that finds itself',
  about: `${PEERS} peers, whose demand is lognormal: one in a hundred asks ten times as often as half of them. The right limit is what 99 % of them stay below, times ${MARGIN}. The tuner begins at a quarter and at four times that.`,
  run() {
    const [low, high] = [play(1 / 4, 30, 0, {}), play(4, 30, 0, {})];
    const within = (run: Run) => Math.abs(last(run) / run.right - 1) <= 0.15;
    return {
      criteria: [
        criterion('from a quarter it ends within 15 %', percent(last(low) / low.right), within(low)),
        criterion('from four times it ends within 15 %', percent(last(high) / high.right), within(high)),
      ],
      chart: {
        title: 'The limit that the tuner sets, relative to the right one',
        x: 'hours',
        y: 'limit / right limit',
        lines: [
          { name: 'from a quarter', points: relative(low) },
          { name: 'from four times', points: relative(high) },
        ],
        marks: [{ y: 1, name: 'right' }],
        logarithmic: true,
      },
    };
  },
};

const MOST = 1.5;

export const tunerHostile: Scenario = {
  name: 'tuner-hostile',
  title: 'Names that want to push the limit up',
  about: `The same peers at the right limit, but some of them always ask for half as much again as the limit allows: 30 % of them, and 15 %. \`max\` is ${MOST} times the right limit.`,
  run() {
    const right = play(1, 0, 0, {}).right;
    const max = right * MOST;
    const [many, some] = [play(1, 12, PEERS * 0.3, { max }), play(1, 12, PEERS * 0.15, { max })];
    return {
      criteria: [
        criterion(
          'with 30 % of the names at the limit it holds, and says so',
          `${percent(last(many) / right)} of the right limit, ${many.holding ? 'holding' : 'not holding'}`,
          many.holding && last(many) === right,
        ),
        criterion(
          'it never goes past `max`',
          `${percent(Math.max(last(many), last(some)) / right)} of ${percent(MOST)}`,
          Math.max(...many.limits.map(([, limit]) => limit), ...some.limits.map(([, limit]) => limit)) <= max,
        ),
        criterion(
          'it goes at most 10 % an hour',
          percent(Math.max(many.fastest, some.fastest)),
          Math.max(many.fastest, some.fastest) <= 0.1 + 1e-9,
        ),
      ],
      notes: [
        `15 % of the names at the limit are taken for honest ones, and get it to ${percent(last(some) / right)} of the right one: that is what \`max\` is for`,
      ],
      chart: {
        title: 'Names that are always at the limit',
        x: 'hours',
        y: 'limit / right limit',
        lines: [
          { name: '30 % of the names', points: relative(many) },
          { name: '15 % of the names', points: relative(some) },
        ],
        marks: [{ y: MOST, name: 'max' }],
      },
    };
  },
};

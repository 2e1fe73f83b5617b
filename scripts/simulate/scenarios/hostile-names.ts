// Names that were made up to fail: what they do to those that are honest.

import { isAllowed } from '../../../src/index.js';
import { Agenda } from '../agenda.js';
import { Chance } from '../chance.js';
import { limiterOf } from '../limiter.js';
import { criterion, percent, type Scenario } from '../scenario.js';

const HONEST = 200;
const HOSTILE = 1_000;
const PER_SEC = 5;
/** The honest fail as often as that, by chance. */
const BASE_ERRORS = 0.01;
const [FROM, UNTIL, END] = [30_000, 90_000, 120_000];
/** This many of the honest really break in the middle of the attack. */
const BROKEN = 20;
const BREAK_AT = 60_000;

interface Run {
  readonly lost: number;
  readonly heldBack: number;
  readonly opened: number;
  readonly background: readonly (readonly [number, number])[];
  readonly hostileTrips: number;
}

/** @param successes How often each hostile name succeeds first. */
function play(hostile: number, successes: number): Run {
  // The honest do the same in each run, whoever else is there.
  const chance = new Chance(20_260_404);
  const hostileChance = new Chance(20_260_405);
  const gap = (actor: number) => (actor < HONEST ? chance : hostileChance).gapMs(PER_SEC);
  const limiter = limiterOf({
    failureRateThreshold: 0.5,
    relativeThreshold: 3,
    maxPeers: 2_048,
  });
  const agenda = new Agenda();
  for (let i = 0; i < HONEST; i++) agenda.push(chance.gapMs(PER_SEC), i);
  for (let i = 0; i < hostile; i++) agenda.push(FROM + gap(HONEST + i), HONEST + i);
  const done = new Uint32Array(HONEST + hostile);
  const background: [number, number][] = [];
  let [asked, rejected] = [0, 0];
  for (let second = 1_000; second <= END; second += 1_000) {
    while (agenda.nextMs < second) {
      const now = agenda.nextMs;
      const actor = agenda.pop();
      if (now < UNTIL || actor < HONEST) agenda.push(now + gap(actor), actor);
      const isBroken = actor < BROKEN && now >= BREAK_AT;
      const name = actor < HONEST ? `honest-${actor}` : `hostile-${actor}`;
      const decision = limiter.check(name, 1, now);
      if (actor < HONEST && !isBroken && now >= FROM) {
        asked++;
        if (!isAllowed(decision)) rejected++;
      }
      if (!isAllowed(decision)) continue;
      done[actor] = (done[actor] as number) + 1;
      const fails = actor < HONEST ? isBroken || chance.next() < BASE_ERRORS : (done[actor] as number) > successes;
      if (fails) limiter.recordFailure(name, decision, now);
      else limiter.recordSuccess(name, decision, now);
    }
    background.push([second / 1_000, limiter.fleet(second).failureRate]);
  }
  const opened = Array.from({ length: BROKEN }, (_, i) => limiter.getCircuitState(`honest-${i}`, END));
  return {
    lost: rejected / asked,
    heldBack: limiter.stats().heldBack,
    opened: opened.filter((state) => state !== 'closed').length,
    background,
    hostileTrips: Array.from({ length: hostile }, (_, i) =>
      limiter.getCircuitState(`hostile-${HONEST + i}`, UNTIL),
    ).filter((state) => state !== 'closed').length,
  };
}

export const hostileNames: Scenario = {
  name: 'hostile-names',
  title: 'A thousand names that fail on purpose',
  about: `${HONEST} established peers ask ${PER_SEC} times a second. ${HOSTILE} new names do so, too, for a minute, and fail each time. ${BROKEN} of the established break halfway.`,
  run() {
    const [quiet, attacked, patient] = [play(0, 0), play(HOSTILE, 0), play(HOSTILE, 20)];
    const moved = Math.max(
      ...attacked.background.map(([, rate], i) => Math.abs(rate - (quiet.background[i]?.[1] ?? Number.NaN))),
    );
    return {
      criteria: [
        criterion(
          'no trip is held back',
          `${attacked.heldBack} held back; ${attacked.hostileTrips} of the hostile and ${attacked.opened} of the ${BROKEN} broken circuits opened`,
          attacked.heldBack === 0 && attacked.opened === BROKEN && attacked.hostileTrips === HOSTILE,
        ),
        criterion('the honest lose less than 1 % of their requests', percent(attacked.lost, 2), attacked.lost < 0.01),
        criterion('the background moves by less than 0.01', moved.toFixed(4), moved < 0.01),
      ],
      notes: [
        `names that succeed 20 times before they fail are established, and count: ${patient.heldBack} trips held back, ${patient.opened} of the ${BROKEN} broken circuits opened, the honest lose ${percent(patient.lost, 2)}`,
      ],
      chart: {
        title: 'The background: failures / results of the established peers',
        x: 'seconds',
        y: 'failure rate',
        lines: [
          { name: 'with 1 000 new names that fail', points: attacked.background },
          { name: 'without', points: quiet.background },
          { name: 'names that succeed 20 times first', points: patient.background, quiet: true },
        ],
        shaded: { from: FROM / 1_000, to: UNTIL / 1_000, name: 'the attack' },
      },
    };
  },
};

// New names by the thousand, beside peers that are known.

import { isAllowed, type RateLimiterConfig } from '../../../src/index.js';
import { Agenda } from '../agenda.js';
import { Chance } from '../chance.js';
import { limiterOf } from '../limiter.js';
import { QueueServer } from '../queue.js';
import { criterion, Meter, percent, type Scenario } from '../scenario.js';

const ESTABLISHED = 100;
const ESTABLISHED_PER_SEC = 10;
const NEW = 10_000;
const CAPACITY = 2_000;
const PATIENCE_MS = 1_000;
const NEWCOMERS = { maxRequestsPerSec: 200, burstSize: 400 };
const [FROM, UNTIL] = [10_000, 40_000];

interface Run {
  readonly lost: number;
  /** Requests of new names that were let through. */
  readonly admitted: number;
  readonly answered: readonly (readonly [number, number])[];
}

function play(newcomers: RateLimiterConfig['newcomers']): Run {
  const chance = new Chance(20_260_505);
  const limiter = limiterOf({ newcomers, maxPeers: 16_384 });
  const server = new QueueServer(CAPACITY, PATIENCE_MS);
  const agenda = new Agenda();
  for (let i = 0; i < ESTABLISHED; i++) {
    // While a handle holds them they are no newcomers.
    const peer = limiter.peer(`known-${i}`, 0);
    for (let success = 0; success < 20; success++) peer.recordSuccess(undefined, 0);
    peer.release();
    agenda.push(chance.gapMs(ESTABLISHED_PER_SEC), i);
  }
  for (let i = 0; i < NEW; i++) agenda.push(FROM + chance.gapMs(1), ESTABLISHED + i);
  const good = new Meter(1_000);
  let [asked, inTime, admitted] = [0, 0, 0];
  const name = (actor: number) => (actor < ESTABLISHED ? `known-${actor}` : `new-${actor}`);
  const decide = (actor: number, now: number) => {
    const isLetThrough = isAllowed(limiter.check(name(actor), 1, now));
    if (isLetThrough && actor >= ESTABLISHED) admitted++;
    return isLetThrough;
  };
  const answered = (actor: number, now: number, isInTime: boolean) => {
    limiter.recordSuccess(name(actor), undefined, now);
    if (actor >= ESTABLISHED || !isInTime) return;
    good.add(now);
    if (now >= FROM) inTime++;
  };
  while (agenda.nextMs < UNTIL) {
    const now = agenda.nextMs;
    const actor = agenda.pop();
    agenda.push(now + chance.gapMs(actor < ESTABLISHED ? ESTABLISHED_PER_SEC : 1), actor);
    if (actor < ESTABLISHED && now >= FROM) asked++;
    server.arrive(now, actor);
  }
  server.workUntil(UNTIL, decide, answered);
  return { lost: 1 - inTime / asked, admitted, answered: good.perSec(UNTIL - 1_000) };
}

export const newcomers: Scenario = {
  name: 'newcomers',
  title: 'Ten thousand new names',
  about: `${ESTABLISHED} established peers ask ${ESTABLISHED_PER_SEC} times a second. ${NEW} new names come and ask once a second each. The server can serve ${CAPACITY}/s; newcomers share ${NEWCOMERS.maxRequestsPerSec}/s.`,
  run() {
    const [shared, without] = [play(NEWCOMERS), play(false)];
    const most = NEWCOMERS.burstSize + (NEWCOMERS.maxRequestsPerSec * (UNTIL - FROM)) / 1_000;
    return {
      criteria: [
        criterion(
          'established peers lose less than 2 %',
          `${percent(shared.lost, 2)} (without \`newcomers\` ${percent(without.lost)})`,
          shared.lost < 0.02,
        ),
        criterion(
          'the newcomers together get what `newcomers` says',
          `${shared.admitted} of ${most} (without ${without.admitted})`,
          shared.admitted <= most && shared.admitted >= most * 0.98,
        ),
      ],
      chart: {
        title: 'Answers in time to established peers',
        x: 'seconds',
        y: 'answers a second',
        lines: [
          { name: 'newcomers share 200/s', points: shared.answered },
          { name: 'without `newcomers`', points: without.answered },
        ],
        shaded: { from: FROM / 1_000, to: (UNTIL - 1_000) / 1_000, name: '10 000 new names' },
      },
    };
  },
};

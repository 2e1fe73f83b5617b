// A fault of everyone's backend: which circuits open, and who is blamed.

import { isAllowed, type RateLimiterConfig } from '../../../src/index.js';
import { Agenda } from '../agenda.js';
import { Chance } from '../chance.js';
import { limiterOf } from '../limiter.js';
import { criterion, percent, type Scenario, seconds } from '../scenario.js';

const PEERS = 200;
const PER_SEC = 5;
const WINDOW_MS = 10_000;
const [FAULT_FROM, FAULT_UNTIL, END] = [30_000, 90_000, 150_000];

interface Run {
  /** The largest share of peers that were cut off at any time. */
  readonly cutOff: number;
  readonly backMs: number;
  readonly worstReputation: number;
  readonly heldBack: number;
  readonly cut: readonly (readonly [number, number])[];
  /** Requests that were rejected after the fault was over. */
  readonly lostAfter: number;
}

function play(options: RateLimiterConfig): Run {
  const chance = new Chance(20_260_303);
  const limiter = limiterOf({
    failureRateThreshold: 0.5,
    circuitBreakerTimeoutMs: 5_000,
    windowMs: WINDOW_MS,
    recovery: { stageMs: 1_000 },
    reputation: {},
    maxPeers: PEERS,
    ...options,
  });
  const names = Array.from({ length: PEERS }, (_, i) => `peer-${i}`);
  const agenda = new Agenda();
  for (let i = 0; i < PEERS; i++) agenda.push(chance.gapMs(PER_SEC), i);
  const cut: [number, number][] = [];
  let [cutOff, notClosedAt, worstReputation, lostAfter] = [0, 0, 0, 0];
  for (let second = 1_000; second <= END; second += 500) {
    while (agenda.nextMs < second) {
      const now = agenda.nextMs;
      const actor = agenda.pop();
      agenda.push(now + chance.gapMs(PER_SEC), actor);
      const name = names[actor] as string;
      const decision = limiter.check(name, 1, now);
      if (!isAllowed(decision)) {
        if (now >= FAULT_UNTIL) lostAfter++;
        continue;
      }
      if (now >= FAULT_FROM && now < FAULT_UNTIL) limiter.recordFailure(name, decision, now);
      else limiter.recordSuccess(name, decision, now);
    }
    const notClosed = names.filter((name) => limiter.getCircuitState(name, second) !== 'closed').length;
    cutOff = Math.max(cutOff, notClosed / PEERS);
    cut.push([second / 1_000, notClosed]);
    if (notClosed > 0) notClosedAt = second;
    worstReputation = Math.min(worstReputation, ...names.map((name) => limiter.getReputation(name, second)));
  }
  const backMs = notClosedAt === END ? Number.POSITIVE_INFINITY : notClosedAt - FAULT_UNTIL;
  return { cutOff, backMs, worstReputation, heldBack: limiter.stats().heldBack, cut, lostAfter };
}

export const fleetFault: Scenario = {
  name: 'fleet-fault',
  title: 'A fault of your own',
  about: `${PEERS} established peers ask ${PER_SEC} times a second. Everything fails for ${(FAULT_UNTIL - FAULT_FROM) / 1_000} s; a circuit stays open for 5 s and recovers in four stages of 1 s.`,
  run() {
    const [held, without, spec] = [
      play({}),
      play({ maxOpenFraction: 1 }),
      play({ circuitBreakerTimeoutMs: 30_000, failureRateThreshold: false, recovery: false, reputation: false }),
    ];
    const specWithout = play({
      circuitBreakerTimeoutMs: 30_000,
      failureRateThreshold: false,
      recovery: false,
      reputation: false,
      maxOpenFraction: 1,
    });
    return {
      criteria: [
        criterion(
          'at most half of the peers are cut off at any time',
          `${percent(held.cutOff)} (without maxOpenFraction ${percent(without.cutOff)})`,
          held.cutOff <= 0.5,
        ),
        criterion(
          'all are back within two windows after the fault',
          `${seconds(held.backMs)} (without ${seconds(without.backMs)})`,
          held.backMs <= 2 * WINDOW_MS,
        ),
        criterion(
          'no honest peer falls below a reputation of −20',
          `${held.worstReputation.toFixed(1)} (without ${without.worstReputation.toFixed(1)})`,
          held.worstReputation >= -20,
        ),
      ],
      notes: [
        `trips that were held back: ${held.heldBack}`,
        `requests lost after the fault: ${held.lostAfter}, without ${without.lostAfter}`,
        `with the default configuration: ${percent(spec.cutOff)} cut off, ${spec.lostAfter} requests lost after the fault; without maxOpenFraction ${percent(specWithout.cutOff)} and ${specWithout.lostAfter}`,
      ],
      chart: {
        title: 'Circuits that are not closed while everything fails',
        x: 'seconds',
        y: `of ${PEERS} peers`,
        lines: [
          { name: 'maxOpenFraction 0.5', points: held.cut },
          { name: 'maxOpenFraction 1 (off)', points: without.cut },
        ],
        marks: [{ y: PEERS / 2, name: 'half' }],
        shaded: { from: FAULT_FROM / 1_000, to: FAULT_UNTIL / 1_000, name: 'everything fails' },
      },
    };
  },
};

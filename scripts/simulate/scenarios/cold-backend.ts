// A backend that comes back cold, while all circuits are opened at the same moment.

import { isAllowed, type RateLimiterConfig } from '../../../src/index.js';
import { Agenda } from '../agenda.js';
import { Backend } from '../backend.js';
import { Chance } from '../chance.js';
import { limiterOf } from '../limiter.js';
import { criterion, Meter, percent, type Scenario, seconds } from '../scenario.js';

const PEERS = 200;
const PER_SEC = 10;
const FAULT = { fromMs: 10_000, untilMs: 20_000 };
const END = 240_000;
const BASE_ERRORS = [0, 0.05, 0.1];

interface Run {
  /** When the last circuit was closed for good, counted from the end of the fault; Infinity where one never was. */
  readonly backMs: number;
  /** Failures after the fault, without those that would happen in any case. */
  readonly failures: number;
  readonly failed: readonly (readonly [number, number])[];
}

function play(baseErrors: number, recovery: RateLimiterConfig['recovery']): Run {
  const chance = new Chance(20_260_202);
  const limiter = limiterOf({
    failureRateThreshold: 0.5,
    // Only the ramp is to be compared: every circuit trips, as if nothing held one back.
    maxOpenFraction: 1,
    recovery,
    maxPeers: PEERS,
  });
  const backend = new Backend({ warmPerSec: 4_000, coldPerSec: 400, warmUp: 10_000, baseErrors, fault: FAULT }, chance);
  const peers = Array.from({ length: PEERS }, (_, i) => limiter.peer(`peer-${i}`, 0));
  const agenda = new Agenda();
  for (let i = 0; i < PEERS; i++) agenda.push(chance.gapMs(PER_SEC), i);
  const failed = new Meter(1_000);
  let [failures, notClosedAt] = [0, 0];
  while (agenda.nextMs < END) {
    const now = agenda.nextMs;
    const actor = agenda.pop();
    const peer = peers[actor];
    agenda.push(now + chance.gapMs(PER_SEC), actor);
    if (peer === undefined) continue;
    const decision = peer.check(1, now);
    if (isAllowed(decision)) {
      const came = backend.ask(now);
      if (came === 'answered') peer.recordSuccess(decision, now);
      else peer.recordFailure(decision, now);
      if (came === 'overloaded') failed.add(now);
      if (came === 'overloaded' && now >= FAULT.untilMs) failures++;
    }
    if (now >= FAULT.untilMs && limiter.getCircuitState(`peer-${actor}`, now) !== 'closed') notClosedAt = now;
  }
  const isBack = peers.every((_, i) => limiter.getCircuitState(`peer-${i}`, END) === 'closed');
  return {
    backMs: isBack ? notClosedAt - FAULT.untilMs : Number.POSITIVE_INFINITY,
    failures,
    failed: failed.perSec(90_000),
  };
}

export const coldBackend: Scenario = {
  name: 'cold-backend',
  title: 'A backend that comes back cold',
  about: `${PEERS} peers ask ${PER_SEC} times a second. The backend fails for 10 s, then answers 400/s and warms up to 4 000/s while it answers; circuits are open for 30 s; ${BASE_ERRORS.map((rate) => percent(rate, 0)).join(', ')} of the answers are errors in any case.`,
  run() {
    const runs = BASE_ERRORS.map((rate) => ({ rate, instant: play(rate, false), ramp: play(rate, {}) }));
    return {
      criteria: runs.flatMap(({ rate, instant, ramp }) => [
        criterion(
          `with ${percent(rate, 0)} base errors all circuits are closed again with recovery`,
          seconds(ramp.backMs),
          Number.isFinite(ramp.backMs),
        ),
        criterion(
          `with ${percent(rate, 0)} base errors failures above these are at most ⅔ of those without recovery`,
          `${ramp.failures.toFixed(0)} of ${instant.failures.toFixed(0)}`,
          ramp.failures <= (instant.failures * 2) / 3,
        ),
        criterion(
          `with ${percent(rate, 0)} base errors it takes at most 1.6 × as long`,
          `${seconds(ramp.backMs)} and ${seconds(instant.backMs)}`,
          ramp.backMs <= instant.backMs * 1.6,
        ),
      ]),
      chart: {
        title: 'Requests that a cold backend cannot answer',
        x: 'seconds',
        y: 'failures a second',
        lines: [
          { name: 'closing at once', points: runs[1]?.instant.failed ?? [] },
          { name: 'with recovery', points: runs[1]?.ramp.failed ?? [] },
        ],
        shaded: { from: FAULT.fromMs / 1_000, to: FAULT.untilMs / 1_000, name: 'the backend fails' },
      },
    };
  },
};

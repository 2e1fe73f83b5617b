// A peer that collects reputation, and then spends it.

import { isAllowed } from '../../../src/index.js';
import { limiterOf } from '../limiter.js';
import { criterion, type Scenario } from '../scenario.js';

const MINUTE = 60_000;
const PUMPED_MS = 120 * MINUTE;
const ABUSE_MS = MINUTE;
const GAP_MS = 2;

type Abuse = 'floods' | 'floods under load' | 'fails on purpose';

interface Run {
  readonly gain: number;
  readonly reputation: number;
  /** Requests let through so far, of both: seconds, count. */
  readonly pumped: readonly (readonly [number, number])[];
  readonly neutral: readonly (readonly [number, number])[];
}

function play(abuse: Abuse): Run {
  const limiter = limiterOf({ reputation: {}, failureRateThreshold: 0.5, maxPeers: 4 });
  for (let now = 0; now < PUMPED_MS; now += 2_000) {
    limiter.recordSuccess('pumped', limiter.check('pumped', 1, now), now);
  }
  // As well known as the other, but not for long.
  for (let i = 0; i < 20; i++) {
    limiter.recordSuccess('neutral', limiter.check('neutral', 1, PUMPED_MS - 5_000), PUMPED_MS - 5_000);
  }
  const reputation = limiter.getReputation('pumped', PUMPED_MS);
  if (abuse === 'floods under load') limiter.setLoadFactor(1 / 4, PUMPED_MS);
  const got = { pumped: 0, neutral: 0 };
  const points: Record<keyof typeof got, [number, number][]> = { pumped: [], neutral: [] };
  for (let at = 0; at < ABUSE_MS; at += GAP_MS) {
    const now = PUMPED_MS + at;
    for (const name of ['pumped', 'neutral'] as const) {
      const decision = limiter.check(name, 1, now);
      if (!isAllowed(decision)) continue;
      got[name]++;
      if (abuse === 'fails on purpose') limiter.recordFailure(name, decision, now);
      else limiter.recordSuccess(name, decision, now);
    }
    if (at % 500 === 0) for (const name of ['pumped', 'neutral'] as const) points[name].push([at / 1_000, got[name]]);
  }
  return { gain: got.pumped - got.neutral, reputation, ...points };
}

export const pumping: Scenario = {
  name: 'pumping',
  title: 'Collecting reputation to abuse it',
  about: `A peer behaves for ${PUMPED_MS / MINUTE} minutes and earns what automatic reputation gives. Then it and a neutral peer abuse the server for a minute in the same way.`,
  run() {
    const kinds: readonly Abuse[] = ['floods', 'floods under load', 'fails on purpose'];
    const runs = kinds.map((abuse) => ({ abuse, ...play(abuse) }));
    const burst = 200;
    const shown = runs[1];
    return {
      criteria: runs.map(({ abuse, gain, reputation }) =>
        criterion(
          `a peer that ${abuse} gains at most one burst (${burst}) over a neutral one`,
          `${gain} requests, with a reputation of ${reputation.toFixed(1)}`,
          gain <= burst,
        ),
      ),
      chart: {
        title: 'Requests let through under load',
        x: 'seconds of abuse',
        y: 'requests let through so far',
        lines: [
          { name: 'two good hours before', points: shown?.pumped ?? [] },
          { name: 'neutral', points: shown?.neutral ?? [] },
        ],
      },
    };
  },
};

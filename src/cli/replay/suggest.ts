// Which rate and burst would have spared nearly everybody. For each of a row of rates it measures how large a burst every
// peer would have needed, and takes the burst that is enough for all but the few who may be touched. Of these pairs it
// suggests the one that lets the least through in a minute.

import { decide } from './decide.js';
import type { RequestLog } from './log.js';

export interface Pair {
  readonly ratePerSec: number;
  readonly burst: number;
}

export interface Suggestion extends Pair {
  /** Peers that the core would have limited with it, and how many that may be at most. */
  readonly peersLimited: number;
  readonly peersSpared: number;
  /** The share of all requests that it would have limited. */
  readonly share: number;
  /** Pairs that spare as many peers, by rate: each has a higher rate than the one before, and a smaller burst. */
  readonly pairs: readonly Pair[];
}

const RATES = [
  ...[0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000],
];

/**
 * Looks for the pair, and makes sure of it with the real core.
 *
 * @param spare Percent of the peers; fewer than that may be touched.
 */
export function suggest(log: RequestLog, spare: number, said: (share: number) => void = () => {}): Suggestion {
  const touchable = Math.max(Math.ceil((log.peers.length * spare) / 100) - 1, 0);
  const pairs: Pair[] = [];
  for (const [i, ratePerSec] of RATES.entries()) {
    const needed = burstsNeeded(log, ratePerSec).sort();
    const burst = Math.max(Math.ceil((needed[needed.length - 1 - touchable] ?? 1) - 1e-9), 1);
    if (burst < (pairs.at(-1)?.burst ?? Number.POSITIVE_INFINITY)) pairs.push({ ratePerSec, burst });
    said(i / RATES.length);
  }
  const best = pairs.reduce((least, pair) => (inAMinute(pair) < inAMinute(least) ? pair : least));
  // The core keeps time in steps of its own, so a burst that is enough by a hair may not be enough for it.
  for (let burst = best.burst; ; burst++) {
    const { peersLimited, totalLimited } = decide(log, { maxRequestsPerSec: best.ratePerSec, burstSize: burst });
    if (peersLimited <= touchable) {
      const share = log.length === 0 ? 0 : totalLimited / log.length;
      return { ratePerSec: best.ratePerSec, burst, peersLimited, peersSpared: touchable, share, pairs };
    }
  }
}

function inAMinute({ ratePerSec, burst }: Pair): number {
  return 60 * ratePerSec + burst;
}

/** For each peer the highest level of a bucket that leaks at this rate: the least burst with which nothing is rejected. */
function burstsNeeded({ at, peer, length, peers }: RequestLog, ratePerSec: number): Float64Array {
  const perMs = ratePerSec / 1_000;
  const [level, since, most] = [0, 1, 2].map(() => new Float64Array(peers.length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let i = 0; i < length; i++) {
    const who = peer[i] as number;
    const now = at[i] as number;
    const left = (level[who] as number) - (now - (since[who] as number)) * perMs;
    const filled = (left > 0 ? left : 0) + 1;
    level[who] = filled;
    since[who] = now;
    if (filled > (most[who] as number)) most[who] = filled;
  }
  return most;
}

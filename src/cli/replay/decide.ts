// What a limiter would have decided: each request with the real core, in the log's own time.

import { type Decision, isAllowed, type Limits, RateLimiter } from '../../index.js';
import type { RequestLog } from './log.js';

export interface Verdicts {
  /** By the number of the peer. */
  readonly requests: Uint32Array;
  readonly limited: Uint32Array;
  /** When a peer was first and last limited; NaN if it was not. */
  readonly first: Float64Array;
  readonly last: Float64Array;
  readonly totalLimited: number;
  readonly peersLimited: number;
  /** How many requests came, and were limited, in each interval from `from`. */
  readonly timeline: Timeline;
}

export interface Timeline {
  /** Milliseconds since 1970; a multiple of the interval. */
  readonly from: number;
  readonly intervalMs: number;
  readonly requests: Uint32Array;
  readonly limited: Uint32Array;
}

const MOST_INTERVALS = 60;
const SECOND = 1_000;
const [MINUTE, HOUR, DAY] = [60 * SECOND, 3_600 * SECOND, 86_400 * SECOND];
const INTERVALS = [
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 28, 91, 365, 3_652].map((days) => days * DAY),
];

/** Rows that a table can have. */
const MOST_PEERS = 2 ** 24;

/** How often `said` is called. */
const STEP = 2 ** 16;

/** Decides all requests of a sorted log. `said` is told from time to time how many have been decided. */
export function decide(
  log: RequestLog,
  limits: Pick<Limits, 'maxRequestsPerSec' | 'burstSize'>,
  said: (done: number) => void = () => {},
): Verdicts {
  const { at, peer, length, peers } = log;
  const origin = at[0] ?? 0;
  const limiter = new RateLimiter({ ...limits, maxPeers: Math.min(Math.max(peers.length, 1), MOST_PEERS) });
  const handles = peers.map((id) => limiter.peer(id, 0));
  const [requests, limited] = [new Uint32Array(peers.length), new Uint32Array(peers.length)];
  const [first, last] = [
    new Float64Array(peers.length).fill(Number.NaN),
    new Float64Array(peers.length).fill(Number.NaN),
  ];
  const timeline = timelineOf(origin, at[length - 1] ?? 0);
  let totalLimited = 0;
  for (let i = 0; i < length; i++) {
    if (i % STEP === 0) said(i);
    const who = peer[i] as number;
    const now = at[i] as number;
    const interval = Math.floor((now - timeline.from) / timeline.intervalMs);
    const decision = handles[who]?.check(1, now - origin) as Decision;
    count(requests, who);
    count(timeline.requests, interval);
    if (isAllowed(decision)) continue;
    totalLimited++;
    count(limited, who);
    count(timeline.limited, interval);
    if (Number.isNaN(first[who])) first[who] = now;
    last[who] = now;
  }
  limiter.close();
  const peersLimited = limited.reduce((sum, own) => sum + Math.sign(own), 0);
  return { requests, limited, first, last, totalLimited, peersLimited, timeline };
}

function count(counts: Uint32Array, index: number): void {
  counts[index] = (counts[index] as number) + 1;
}

function timelineOf(from: number, to: number): Timeline {
  const span = (ms: number) => Math.floor(to / ms) - Math.floor(from / ms) + 1;
  const intervalMs = INTERVALS.find((ms) => span(ms) <= MOST_INTERVALS) ?? (INTERVALS.at(-1) as number);
  const intervals = span(intervalMs);
  return {
    from: Math.floor(from / intervalMs) * intervalMs,
    intervalMs,
    requests: new Uint32Array(intervals),
    limited: new Uint32Array(intervals),
  };
}

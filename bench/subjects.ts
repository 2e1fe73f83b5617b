// Limiters that always answer in the same way: allowed, rejected for lack of tokens, or rejected because the circuit is open.
// There is one of peergate and one of the twin, with a row for every peer of a question.

import type { TwinPeer } from './controls/twin.js';
import { Twin } from './controls/twin.js';
import { Limiter, type Peer, type RateLimiter } from './peergate.js';

export type Answer = 'allow' | 'rate' | 'circuit';

const LONGEST_TIMEOUT = 2 ** 31 - 1;

const GENEROUS = { maxRequestsPerSec: 1e6, burstSize: 1e9, circuitBreakerThreshold: 10 };
const LIMITS = {
  allow: GENEROUS,
  rate: { ...GENEROUS, maxRequestsPerSec: 0.001, burstSize: 1 },
  circuit: { ...GENEROUS, circuitBreakerThreshold: 1 },
} as const;
const BREAKER = { circuitBreakerTimeoutMs: LONGEST_TIMEOUT, halfOpenProbes: 1, probeTimeoutMs: LONGEST_TIMEOUT };

/** A limiter in which every peer has a row that leads to this answer. */
export function peergateOf(ids: readonly (string | Uint8Array)[], answer: Answer, clock?: () => number): RateLimiter {
  const limiter = new Limiter({ ...LIMITS[answer], ...BREAKER, maxPeers: ids.length, clock });
  for (const id of ids) {
    limiter.check(id, 1, 0);
    if (answer === 'circuit') limiter.recordFailure(id, undefined, 0);
  }
  return limiter;
}

export function handlesOf(limiter: RateLimiter, ids: readonly (string | Uint8Array)[]): Peer[] {
  return ids.map((id) => limiter.peer(id, 0));
}

export function twinOf(ids: readonly string[], answer: Answer): Twin {
  const twin = new Twin(ids.length, { ...LIMITS[answer], ...BREAKER });
  for (const id of ids) {
    const permit = twin.check(id, 1, 0);
    if (answer === 'circuit') twin.recordFailure(id, permit, 0);
  }
  return twin;
}

export function twinHandlesOf(twin: Twin, ids: readonly string[]): TwinPeer[] {
  return ids.map((id) => twin.peer(id));
}

export const GENEROUS_GCRA = [GENEROUS.maxRequestsPerSec, GENEROUS.burstSize] as const;
/** Limits that reject everything after the first request. */
export const STRICT_GCRA = [LIMITS.rate.maxRequestsPerSec, LIMITS.rate.burstSize] as const;

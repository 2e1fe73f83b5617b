/** What the suites about moving limits and recovering breakers share. */

import { type Decision, isAllowed, type RateLimiter, reasonOf } from '../../src/index.js';

/** How many of so many checks at one instant are allowed. */
export function admitted(limiter: RateLimiter, peer: string, checks: number, nowMs: number, cost = 1): number {
  let count = 0;
  for (let i = 0; i < checks; i++) count += Number(isAllowed(limiter.check(peer, cost, nowMs)));
  return count;
}

/** Records so many results without a permit, for a peer that gets a row if it has none; whether the last one counted. */
export function results(
  limiter: RateLimiter,
  peer: string,
  successes: number,
  failures: number,
  nowMs: number,
): boolean {
  let counted = false;
  limiter.peer(peer, nowMs).release();
  for (let i = 0; i < successes; i++) counted = limiter.recordSuccess(peer, undefined, nowMs);
  for (let i = 0; i < failures; i++) counted = limiter.recordFailure(peer, undefined, nowMs);
  return counted;
}

/** Makes the peers established: each gets a row and as many successes as that takes. */
export function establish(limiter: RateLimiter, peers: readonly string[], nowMs: number): void {
  for (const peer of peers) {
    limiter.check(peer, 1, nowMs);
    results(limiter, peer, limiter.config.minimumCalls, 0, nowMs);
  }
}

export function names(count: number, prefix = 'peer'): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix} ${i}`);
}

/** Opens the circuit and lets a probe succeed at the first instant at which one may go out; that instant. */
export function probed(limiter: RateLimiter, peer: string, nowMs: number): number {
  results(limiter, peer, 0, limiter.config.circuitBreakerThreshold, nowMs);
  const at = nowMs + limiter.config.circuitBreakerTimeoutMs;
  const probe = limiter.check(peer, 1, at);
  limiter.recordSuccess(peer, probe, at);
  return at;
}

/** The pattern of a stage: for each request whether the ramp let it through. Nothing else may refuse them. */
export function pattern(limiter: RateLimiter, peer: string, requests: number, nowMs: number): boolean[] {
  return Array.from({ length: requests }, () => {
    const decision: Decision = limiter.check(peer, 1, nowMs);
    if (!isAllowed(decision) && reasonOf(decision) !== 'circuit_open') throw new Error(reasonOf(decision));
    return isAllowed(decision);
  });
}

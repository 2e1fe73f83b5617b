/** The oracle's circuit breaker: pure functions from one state to the next, as of an instant in ticks. */

import { deadlineAfter, leaseAfter, tickOfDeadline, tickOfLease, untilDeadline, untilLease } from './oracle-time.js';

export interface BreakerLimits {
  readonly circuitBreakerThreshold: number;
  readonly circuitBreakerTimeoutMs: number;
  readonly halfOpenProbes: number;
  readonly probeTimeoutMs: number;
}

export type Breaker =
  | { readonly state: 'closed'; readonly failures: number }
  | { readonly state: 'open'; readonly deadline: bigint }
  | { readonly state: 'half_open'; readonly probes: number; readonly lease: bigint };

export type Result = 'success' | 'failure' | 'ignored';

export const CLOSED: Breaker = { state: 'closed', failures: 0 };

function opened(at: bigint, limits: BreakerLimits): Breaker {
  return { state: 'open', deadline: deadlineAfter(at, limits.circuitBreakerTimeoutMs) };
}

/** The breaker as of `now`. If a lease ended without a result, the circuit opened at that instant. */
export function byThen(breaker: Breaker, limits: BreakerLimits, now: bigint): Breaker {
  if (breaker.state !== 'half_open' || breaker.probes === 0 || untilLease(breaker.lease, now) > 0) return breaker;
  return opened(tickOfLease(breaker.lease), limits);
}

/** Milliseconds for which it rejects every request. */
export function shutFor(breaker: Breaker, limits: BreakerLimits, now: bigint): number {
  if (breaker.state === 'open') return untilDeadline(breaker.deadline, now);
  if (breaker.state === 'closed' || breaker.probes < limits.halfOpenProbes) return 0;
  return untilLease(breaker.lease, now);
}

/** The breaker after it lets one more request through. */
export function letThrough(breaker: Breaker, limits: BreakerLimits, now: bigint): Breaker {
  if (breaker.state === 'closed') return breaker;
  const out = breaker.state === 'half_open' ? breaker.probes : 0;
  return { state: 'half_open', probes: out + 1, lease: leaseAfter(now, limits.probeTimeoutMs) };
}

/** The breaker after a result of its current period; undefined if the result does not count. */
export function settled(breaker: Breaker, result: Result, limits: BreakerLimits, now: bigint): Breaker | undefined {
  if (breaker.state === 'open') return undefined;
  if (result === 'success') return CLOSED;
  if (result === 'ignored') {
    if (breaker.state === 'closed' || breaker.probes === 0) return undefined;
    return { ...breaker, probes: breaker.probes - 1 };
  }
  if (breaker.state === 'half_open' || breaker.failures + 1 >= limits.circuitBreakerThreshold)
    return opened(now, limits);
  return { state: 'closed', failures: breaker.failures + 1 };
}

/** The state that the next check would find. */
export function seen(breaker: Breaker, limits: BreakerLimits, now: bigint): Breaker['state'] {
  const { state } = byThen(breaker, limits, now);
  return state === 'open' && shutFor(byThen(breaker, limits, now), limits, now) === 0 ? 'half_open' : state;
}

/** The tick since which it has been idle. Not meant for a closed breaker without failures. */
export function idleSince(breaker: Breaker, lastFailure: bigint, limits: BreakerLimits): bigint {
  if (breaker.state === 'closed') return lastFailure;
  if (breaker.state === 'open') return tickOfDeadline(breaker.deadline);
  const lease = tickOfLease(breaker.lease);
  return breaker.probes === 0 ? lease : tickOfDeadline(deadlineAfter(lease, limits.circuitBreakerTimeoutMs));
}

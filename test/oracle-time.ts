/**
 * The time arithmetic of the oracle. It is exact, in BigInt. Values that do not fit the words of the table saturate, as the
 * contract says:
 *
 *   tick       2⁻²⁰ ms. The time of a bucket has 61 bits of ticks; it stops one burst before they end.
 *   step       2⁻⁷ ms. A deadline has 48 bits of steps; a deadline after the end of the clock is never reached.
 *   ms         A lease has 41 bits of ms; a lease after the end of the clock is never reached.
 */

const TICKS_PER_MS = 1n << 20n;
const TICKS_PER_STEP = TICKS_PER_MS / 128n;
const STEPS_PER_MS = 128n;
const TICKS_BEFORE_ZERO = 1n << 30n;
export const LAST_TICK = (1n << 61n) - 1n - TICKS_BEFORE_ZERO;
const LAST_STEP = (1n << 48n) - 1n;
const LAST_MS = (1n << 41n) - 1n;
export const LONGEST_RETRY_MS = 2 ** 28 - 2;

export const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
export const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);
export const ceilDiv = (a: bigint, b: bigint): bigint => (a + b - 1n) / b;

/** Ticks from milliseconds, which must be a whole number of ticks. Negative milliseconds count as 0. */
export function ticks(ms: number): bigint {
  const scaled = Math.max(0, ms) * 2 ** 20;
  if (!Number.isInteger(scaled)) throw new Error(`the oracle wants whole ticks, not ${ms} ms`);
  return BigInt(scaled);
}

/** The price of a token in ticks: 1000 · 2²⁰ / rate, rounded up, from the exact value of the double. */
export function ticksPerToken(ratePerSec: number): bigint {
  let numerator = ratePerSec;
  let shift = 0n;
  while (!Number.isInteger(numerator)) {
    numerator *= 2;
    shift += 1n;
  }
  return ceilDiv((1_000n * TICKS_PER_MS) << shift, BigInt(numerator));
}

/** The time of the bucket, which stops one burst before the last tick. */
export function bucketTime(now: bigint, burst: bigint): bigint {
  return min(now, LAST_TICK - burst);
}

export function toRetryMs(wait: bigint): number {
  return Math.min(Number(ceilDiv(wait, TICKS_PER_MS)), LONGEST_RETRY_MS);
}

/** The step at which a circuit that opened at this tick may be probed. */
export function deadlineAfter(opened: bigint, timeoutMs: number): bigint {
  return min(ceilDiv(opened + ticks(timeoutMs), TICKS_PER_STEP), LAST_STEP);
}

/** Milliseconds until the deadline; 0 if it has passed. */
export function untilDeadline(deadline: bigint, now: bigint): number {
  const wait = deadline - min(now / TICKS_PER_STEP, LAST_STEP - 1n);
  return wait > 0n ? Number(ceilDiv(wait, STEPS_PER_MS)) : 0;
}

export function tickOfDeadline(deadline: bigint): bigint {
  return deadline * TICKS_PER_STEP;
}

/** The millisecond at which the lease of a probe let through at this tick ends. */
export function leaseAfter(now: bigint, timeoutMs: number): bigint {
  return min(ceilDiv(now + ticks(timeoutMs), TICKS_PER_MS), LAST_MS);
}

/** Milliseconds until the lease ends; 0 if it has ended. */
export function untilLease(lease: bigint, now: bigint): number {
  const wait = lease - min(now / TICKS_PER_MS, LAST_MS - 1n);
  return Number(max(wait, 0n));
}

export function tickOfLease(lease: bigint): bigint {
  return lease * TICKS_PER_MS;
}

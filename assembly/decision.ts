// The one integer that a check returns.
//
//      allowed    29 ─ epoch's low 16 ─ 14 ─ generation 14 ─ 0        the permit
//      rejected   ~(29 ─ reason 2 ─ 28 ─ retry-after 28 ─ 0), ms      all ones: waiting cannot help
//
// Both fit 31 bits with sign. So a decision is a small integer in every engine and never allocates.

import { GENERATION_BITS, REASON_SHIFT, RETRY_MAX, RETRY_NEVER } from './layout';

/** Longer than any wait. */
export const NEVER: u64 = 1 << 62;

export function permitOf(epoch: u32, generation: u32): i32 {
  return ((epoch & 0xffff) << GENERATION_BITS) | generation;
}

/** A rejection. `retry` is a result of `retryAfter`. */
export function rejected(reason: i32, retry: i32): i32 {
  return ~((reason << REASON_SHIFT) | retry);
}

/** Whole milliseconds; NEVER where waiting cannot help. */
export function retryAfter(ms: u64): i32 {
  return ms == NEVER ? RETRY_NEVER : <i32>min<u64>(ms, RETRY_MAX);
}

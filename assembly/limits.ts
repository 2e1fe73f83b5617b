// What the table enforces. A record of limits is written once, in the block of the thread that configures, and then put
// in force with one compare-and-swap; it knows what it needs of its predecessor.
//
//      byte 0      8       16      24       32           40          48               56          60       61
//           ┌──────┬───────┬───────┬────────┬────────────┬───────────┬────────────────┬───────────┬────────┬────────┐
//           │ T    │ burst │ tau   │ latest │ changed at │ timeoutMs │ probeTimeoutMs │ threshold │ probes │ onFull │
//           ├──────┴───┬───┴───────┴┬───────┴────┬───────┴───────────┴───┬────────────┴───────────┴─┬──────┴────────┘
//           │ T before │ ratePerSec │ tau before │ longest timeoutMs     │ longest probeTimeoutMs   │
//           └──────────┴────────────┴────────────┴───────────────────────┴──────────────────────────┘
//      byte 64         72           80           88                      96
//
// T is the ticks one token takes to come back, tau = burst · T the ticks of a whole burst. The longest timeouts are those of
// all limits so far: deadlines stay as they were set.

import {
  AT_FORCE,
  LIMITS_BEFORE,
  LIMITS_BURST,
  LIMITS_BYTES,
  LIMITS_CHANGED_AT,
  LIMITS_LATEST,
  LIMITS_LONGEST_PROBE_TIMEOUT_MS,
  LIMITS_LONGEST_TIMEOUT_MS,
  LIMITS_ON_FULL,
  LIMITS_PROBE_TIMEOUT_MS,
  LIMITS_PROBES,
  LIMITS_RATE_PER_SEC,
  LIMITS_TAU,
  LIMITS_TAU_BEFORE,
  LIMITS_THRESHOLD,
  LIMITS_TICKS_PER_TOKEN,
  LIMITS_TIMEOUT_MS,
  THREAD_LIMITS,
} from './layout';
import { cas64, load64 } from './memory';
import { block } from './place';

/** The TAT has 61 bits. Time stands still one burst before they end, so that a full bucket can still be spent. */
const END: u64 = (1 << 61) - 1;
/** Ten years in ticks, and a little more: the longest burst the configuration may ask for. */
const MAX_TAU: u64 = 1 << 59;
const TICKS_PER_SECOND: f64 = 1048576000;

/** The limits in force: version 32 ─ 32 ─ address of the record ─ 0. */
export function inForce(): u64 {
  return load64(AT_FORCE);
}

export function limitsOf(force: u64): usize {
  return <usize>force;
}

export function versionOf(force: u64): u32 {
  return <u32>(force >> 32);
}

export function currentLimits(): usize {
  return limitsOf(inForce());
}

/** A record of this thread that is not in force. */
export function spareRecord(force: u64): usize {
  const first = block + THREAD_LIMITS;
  return limitsOf(force) == first ? first + LIMITS_BYTES : first;
}

/** Puts a record in force after `force`; false if another came before it. */
export function enforce(force: u64, limits: usize): bool {
  return cas64(AT_FORCE, force, ((<u64>(versionOf(force) + 1)) << 32) | <u64>limits);
}

export function ticksPerToken(limits: usize): u64 {
  return load<u64>(limits, LIMITS_TICKS_PER_TOKEN);
}

export function burst(limits: usize): u64 {
  return load<u64>(limits, LIMITS_BURST);
}

export function tau(limits: usize): u64 {
  return load<u64>(limits, LIMITS_TAU);
}

export function latest(limits: usize): u64 {
  return load<u64>(limits, LIMITS_LATEST);
}

export function changedAt(limits: usize): u64 {
  return load<u64>(limits, LIMITS_CHANGED_AT);
}

export function timeoutMs(limits: usize): f64 {
  return load<f64>(limits, LIMITS_TIMEOUT_MS);
}

export function probeTimeoutMs(limits: usize): f64 {
  return load<f64>(limits, LIMITS_PROBE_TIMEOUT_MS);
}

export function threshold(limits: usize): u32 {
  return load<u32>(limits, LIMITS_THRESHOLD);
}

export function maxProbes(limits: usize): u32 {
  return load<u8>(limits, LIMITS_PROBES);
}

export function onFull(limits: usize): u32 {
  return load<u8>(limits, LIMITS_ON_FULL);
}

export function ticksPerTokenBefore(limits: usize): u64 {
  return load<u64>(limits, LIMITS_BEFORE);
}

export function tauBefore(limits: usize): u64 {
  return load<u64>(limits, LIMITS_TAU_BEFORE);
}

/** Whether buckets are what they were before: then their words mean the same in both limits. */
export function keepsBuckets(limits: usize): bool {
  return ticksPerToken(limits) == ticksPerTokenBefore(limits) && tau(limits) == tauBefore(limits);
}

export function ratePerSecond(limits: usize): f64 {
  return load<f64>(limits, LIMITS_RATE_PER_SEC);
}

/** Writes a record. Whatever numbers come, the record is one that can be computed with. */
export function writeLimits(
  limits: usize,
  ratePerSec: f64,
  burstSize: f64,
  failures: u32,
  openMs: f64,
  probes: u32,
  leaseMs: f64,
  full: u32,
): void {
  const perToken = clamp(<u64>ceil(TICKS_PER_SECOND / ratePerSec), MAX_TAU);
  const tokens = clamp(<u64>burstSize, MAX_TAU / perToken);
  store<u64>(limits, perToken, LIMITS_TICKS_PER_TOKEN);
  store<u64>(limits, tokens, LIMITS_BURST);
  store<u64>(limits, tokens * perToken, LIMITS_TAU);
  store<u64>(limits, END - tokens * perToken, LIMITS_LATEST);
  store<f64>(limits, openMs, LIMITS_TIMEOUT_MS);
  store<f64>(limits, leaseMs, LIMITS_PROBE_TIMEOUT_MS);
  store<u32>(limits, failures, LIMITS_THRESHOLD);
  store<u8>(limits, <u8>min<u32>(max<u32>(probes, 1), 127), LIMITS_PROBES);
  store<u8>(limits, <u8>full, LIMITS_ON_FULL);
  store<f64>(limits, ratePerSec, LIMITS_RATE_PER_SEC);
  if (!ASC_NO_ASSERT) assert(tau(limits) + latest(limits) == END);
}

/** The longest timeout that any circuit can have been opened with. */
export function longestTimeoutMs(limits: usize): f64 {
  return load<f64>(limits, LIMITS_LONGEST_TIMEOUT_MS);
}

/** The longest lease that any probe can have got. */
export function longestProbeTimeoutMs(limits: usize): f64 {
  return load<f64>(limits, LIMITS_LONGEST_PROBE_TIMEOUT_MS);
}

/** What a record keeps of its predecessors: when it took over, what a token and a burst took before, the longest timeouts. */
export function writeBefore(limits: usize, changed: u64, before: usize): void {
  store<u64>(limits, changed, LIMITS_CHANGED_AT);
  store<u64>(limits, ticksPerToken(before), LIMITS_BEFORE);
  store<u64>(limits, tau(before), LIMITS_TAU_BEFORE);
  store<f64>(limits, max<f64>(timeoutMs(limits), longestTimeoutMs(before)), LIMITS_LONGEST_TIMEOUT_MS);
  const lease = max<f64>(probeTimeoutMs(limits), longestProbeTimeoutMs(before));
  store<f64>(limits, lease, LIMITS_LONGEST_PROBE_TIMEOUT_MS);
}

function clamp(value: u64, most: u64): u64 {
  return min<u64>(max<u64>(value, 1), most);
}

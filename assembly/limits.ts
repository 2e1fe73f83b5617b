// What the table enforces. A record of limits is written once, in the block of the thread that configures, and then put
// in force with one compare-and-swap; it knows what it needs of its predecessor.
//
//      byte 0      8       16      24       32           40          48               56          60       61
//           ┌──────┬───────┬───────┬────────┬────────────┬───────────┬────────────────┬───────────┬────────┬────────┐
//           │ T    │ burst │ tau   │ latest │ changed at │ timeoutMs │ probeTimeoutMs │ threshold │ probes │ onFull │
//           ├──────┴───┬───┴───────┴┬───────┴────┬───────┴───────────┼────────────────┴──┬────────┴──────┬─┴────────┘
//           │ T before │ credit     │ tau before │ longest timeoutMs │ longest           │ slice         │
//           │          │            │            │                   │ probeTimeoutMs    │ in ticks      │
//           ├──────────┴─┬──────────┴────────────┴───────────────────┴───────────────────┴───────────────┘
//      byte 64           72           80           88                  96                  104
//           │ quantum in │ classes
//           │ ticks      │
//      byte 112          120           128: T, burst … tau before of the bucket that newcomers share
//                                      256: the settings it was made from
//
// T is the ticks one token takes to come back, tau = burst · T the ticks of a whole burst. The longest timeouts are those of
// all limits so far: deadlines stay as they were set.

import {
  AT_CREDIT,
  AT_FORCE,
  AT_NODES,
  CLASS_TABLES,
  CLASSES_BYTES,
  LIMITS_BEFORE,
  LIMITS_BURST,
  LIMITS_BYTES,
  LIMITS_CHANGED_AT,
  LIMITS_CLASSES,
  LIMITS_COUNTS_ALL,
  LIMITS_CREDIT,
  LIMITS_LATEST,
  LIMITS_LONGEST_PROBE_TIMEOUT_MS,
  LIMITS_LONGEST_TIMEOUT_MS,
  LIMITS_MINIMUM_CALLS,
  LIMITS_NEWCOMERS,
  LIMITS_ON_FULL,
  LIMITS_PROBE_TIMEOUT_MS,
  LIMITS_PROBES,
  LIMITS_QUANTUM_TICKS,
  LIMITS_SLICE_TICKS,
  LIMITS_TAU,
  LIMITS_TAU_BEFORE,
  LIMITS_THRESHOLD,
  LIMITS_TICKS_PER_TOKEN,
  LIMITS_TIMEOUT_MS,
  THREAD_LIMITS,
} from './layout';
import { cas64, load32, load64 } from './memory';
import { block } from './place';
import {
  SET_BURST,
  SET_HALF_LIFE_MS,
  SET_MAX_TIMEOUT_MS,
  SET_MINIMUM_CALLS,
  SET_NEWCOMERS_BURST,
  SET_NEWCOMERS_RATE,
  SET_ON_FULL,
  SET_PROBE_TIMEOUT_MS,
  SET_PROBES,
  SET_RATE_PER_SEC,
  SET_THRESHOLD,
  SET_TIMEOUT_MS,
  SET_WINDOW_MS,
} from './setting-layout';
import { failureRate, isAutomatic, setting } from './settings';

/** The TAT has 61 bits. Time stands still one burst before they end, so that a full bucket can still be spent. */
const END: u64 = (1 << 61) - 1;
/** Ten years in ticks, and a little more: the longest burst the configuration may ask for. */
const MAX_TAU: u64 = 1 << 59;
const TICKS_PER_SECOND: f64 = 1048576000;
const TICKS_PER_MS: f64 = 1048576;

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

/** A record of this thread that is not in force, with the classes that are not. */
export function spareRecord(force: u64): usize {
  const first = block + THREAD_LIMITS;
  const spare = limitsOf(force) == first ? first + LIMITS_BYTES : first;
  const used = force ? classesOf(limitsOf(force)) : 0;
  store<u32>(spare, used == CLASS_TABLES ? CLASS_TABLES + CLASSES_BYTES : CLASS_TABLES, LIMITS_CLASSES);
  return spare;
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

/** How many tokens a peer may owe the other machines, where the limit holds across several. */
export function credit(limits: usize): u64 {
  return load<u64>(limits, LIMITS_CREDIT);
}

/** The credit that was asked for, or the default: half of a burst, divided among the nodes. */
export function writeCredit(limits: usize): void {
  const asked = load64(AT_CREDIT);
  const most = burst(limits);
  const granted = asked ? asked : most / max<u64>((<u64>load32(AT_NODES)) << 1, 1);
  store<u64>(limits, min<u64>(clamp(granted, most), u32.MAX_VALUE), LIMITS_CREDIT);
}

export function classesOf(limits: usize): usize {
  return load<u32>(limits, LIMITS_CLASSES);
}

/** The bucket that newcomers share, as a record of limits of which only the bucket's fields mean something; T is 0 if there is none. */
export function newcomersOf(limits: usize): usize {
  return limits + LIMITS_NEWCOMERS;
}

/** Results without which a failure rate says nothing; as many successes make a peer established. */
export function minimumCalls(limits: usize): u32 {
  return load<u32>(limits, LIMITS_MINIMUM_CALLS);
}

/** Whether somebody wants to know every result of a window, and not only as many as one peer adds to the fleet. */
export function countsAll(limits: usize): bool {
  return load<u8>(limits, LIMITS_COUNTS_ALL) != 0;
}

/** How long a slice of the window is. */
export function sliceTicks(limits: usize): u64 {
  return load<u64>(limits, LIMITS_SLICE_TICKS);
}

/** How long a quantum is, a sixteenth of the half-life of reputations. */
export function quantumTicks(limits: usize): u64 {
  return load<u64>(limits, LIMITS_QUANTUM_TICKS);
}

/** Writes a record from the settings in it. Whatever numbers come, the record is one that can be computed with. */
export function deriveLimits(limits: usize): void {
  writeBucket(limits, setting(limits, SET_RATE_PER_SEC), setting(limits, SET_BURST));
  writeCredit(limits);
  store<f64>(limits, setting(limits, SET_TIMEOUT_MS), LIMITS_TIMEOUT_MS);
  store<f64>(limits, setting(limits, SET_PROBE_TIMEOUT_MS), LIMITS_PROBE_TIMEOUT_MS);
  store<u32>(limits, <u32>setting(limits, SET_THRESHOLD), LIMITS_THRESHOLD);
  store<u8>(limits, <u8>min<f64>(max<f64>(setting(limits, SET_PROBES), 1), 127), LIMITS_PROBES);
  store<u8>(limits, <u8>(setting(limits, SET_ON_FULL) == 1), LIMITS_ON_FULL);
  store<u8>(limits, <u8>(failureRate(limits) > 0 || isAutomatic(limits)), LIMITS_COUNTS_ALL);
  store<u32>(limits, <u32>max<f64>(min<f64>(setting(limits, SET_MINIMUM_CALLS), 1000), 1), LIMITS_MINIMUM_CALLS);
  store<u64>(limits, periodTicks(setting(limits, SET_WINDOW_MS) / 2), LIMITS_SLICE_TICKS);
  store<u64>(limits, periodTicks(setting(limits, SET_HALF_LIFE_MS) / 16), LIMITS_QUANTUM_TICKS);
  const rate = setting(limits, SET_NEWCOMERS_RATE);
  if (rate > 0) writeBucket(newcomersOf(limits), rate, setting(limits, SET_NEWCOMERS_BURST));
  else store<u64>(newcomersOf(limits), 0, LIMITS_TICKS_PER_TOKEN);
}

/** T, burst, tau and latest of a bucket. */
function writeBucket(at: usize, ratePerSec: f64, burstSize: f64): void {
  const perToken = clamp(<u64>ceil(TICKS_PER_SECOND / ratePerSec), MAX_TAU);
  const tokens = clamp(<u64>burstSize, MAX_TAU / perToken);
  store<u64>(at, perToken, LIMITS_TICKS_PER_TOKEN);
  store<u64>(at, tokens, LIMITS_BURST);
  store<u64>(at, tokens * perToken, LIMITS_TAU);
  store<u64>(at, END - tokens * perToken, LIMITS_LATEST);
  if (!ASC_NO_ASSERT) assert(tau(at) + latest(at) == END);
}

function periodTicks(ms: f64): u64 {
  return clamp(<u64>(ms * TICKS_PER_MS), END);
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
  writeBucketBefore(limits, changed, before);
  writeBucketBefore(newcomersOf(limits), changed, newcomersOf(before));
  const open = max<f64>(timeoutMs(limits), setting(limits, SET_MAX_TIMEOUT_MS));
  store<f64>(limits, max<f64>(open, longestTimeoutMs(before)), LIMITS_LONGEST_TIMEOUT_MS);
  const lease = max<f64>(probeTimeoutMs(limits), longestProbeTimeoutMs(before));
  store<f64>(limits, lease, LIMITS_LONGEST_PROBE_TIMEOUT_MS);
}

function writeBucketBefore(at: usize, changed: u64, before: usize): void {
  store<u64>(at, changed, LIMITS_CHANGED_AT);
  store<u64>(at, ticksPerToken(before), LIMITS_BEFORE);
  store<u64>(at, tau(before), LIMITS_TAU_BEFORE);
}

function clamp(value: u64, most: u64): u64 {
  return min<u64>(max<u64>(value, 1), most);
}

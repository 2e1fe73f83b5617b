// What the table enforces: one 64-byte record of limits, and the record before it.
//
//      byte 0      8       16      24       32           40          48               56          60       61
//           ┌──────┬───────┬───────┬────────┬────────────┬───────────┬────────────────┬───────────┬────────┬────────┐
//           │ T    │ burst │ tau   │ latest │ changed at │ timeoutMs │ probeTimeoutMs │ threshold │ probes │ onFull │
//           └──────┴───────┴───────┴────────┴────────────┴───────────┴────────────────┴───────────┴────────┴────────┘
//
// T is the ticks one token takes to come back, tau = burst · T the ticks of a whole burst.

import { AT_VERSION, LIMITS, LIMITS_BITS } from './layout';
import { load32 } from './memory';

/** The TAT has 61 bits. Time stands still one burst before they end, so that a full bucket can still be spent. */
const END: u64 = (1 << 61) - 1;
/** Ten years in ticks, and a little more: the longest burst the configuration may ask for. */
const MAX_TAU: u64 = 1 << 59;
const TICKS_PER_SECOND: f64 = 1048576000;

export function limitsOf(version: u32): usize {
  return <usize>LIMITS + (<usize>(version & 1) << LIMITS_BITS);
}

export function currentVersion(): u32 {
  return load32(AT_VERSION);
}

export function ticksPerToken(limits: usize): u64 {
  return load<u64>(limits);
}

export function burst(limits: usize): u64 {
  return load<u64>(limits, 8);
}

export function tau(limits: usize): u64 {
  return load<u64>(limits, 16);
}

export function latest(limits: usize): u64 {
  return load<u64>(limits, 24);
}

export function changedAt(limits: usize): u64 {
  return load<u64>(limits, 32);
}

export function timeoutMs(limits: usize): f64 {
  return load<f64>(limits, 40);
}

export function probeTimeoutMs(limits: usize): f64 {
  return load<f64>(limits, 48);
}

export function threshold(limits: usize): u32 {
  return load<u32>(limits, 56);
}

export function maxProbes(limits: usize): u32 {
  return load<u8>(limits, 60);
}

export function onFull(limits: usize): u32 {
  return load<u8>(limits, 61);
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
  store<u64>(limits, perToken);
  store<u64>(limits, tokens, 8);
  store<u64>(limits, tokens * perToken, 16);
  store<u64>(limits, END - tokens * perToken, 24);
  store<f64>(limits, openMs, 40);
  store<f64>(limits, leaseMs, 48);
  store<u32>(limits, failures, 56);
  store<u8>(limits, <u8>min<u32>(max<u32>(probes, 1), 127), 60);
  store<u8>(limits, <u8>full, 61);
}

export function writeChangedAt(limits: usize, at: u64): void {
  store<u64>(limits, at, 32);
}

function clamp(value: u64, most: u64): u64 {
  return min<u64>(max<u64>(value, 1), most);
}

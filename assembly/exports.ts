// What crosses the boundary: numbers only, every parameter always given, and no number that could make it trap. Slots
// and lengths are checked here; whatever is not the table's finds nothing.

import { adopt as adoptRow } from './adopt';
import { instantOf, tokensFrom } from './bucket';
import { checkFingerprint, check as decide, checkOverflow as decideOverflow } from './check';

import { remove as forget } from './claim';
import { configure as reconfigure, sweep } from './configure';
import { create } from './create';
import { rejected } from './decision';
import { find as findRef } from './index';
import {
  AT_MAGIC,
  MAX_ID_BYTES,
  MAX_PEERS,
  MAX_THREADS,
  OUTCOME_IGNORED,
  REASON_TABLE_FULL,
  STALE,
  STATE_CLOSED,
} from './layout';
import { inForce } from './limits';
import { fullBurst, circuitState as stateOf, availableTokens as tokensOf } from './look';
import { pinned, unpin } from './pin';
import { capacity } from './place';
import { refund as giveBack, settleFingerprint, settle as settleRow } from './settle';
import { fingerprint } from './siphash';

/** Makes an empty table for `rows` peers; false where memory is too small for it or already holds one. */
export function init(rows: u32, threads: u32): bool {
  if (rows == 0 || rows > <u32>MAX_PEERS || threads == 0 || threads > <u32>MAX_THREADS) return false;
  return load<u32>(AT_MAGIC) == 0 && create(rows, threads);
}

export function configure(
  ratePerSec: f64,
  burstSize: f64,
  threshold: u32,
  timeoutMs: f64,
  probes: u32,
  probeTimeoutMs: f64,
  full: u32,
  now: f64,
): void {
  if (capacity == 0) return;
  reconfigure(ratePerSec, burstSize, threshold, timeoutMs, probes, probeTimeoutMs, full, now);
}

export { checkBatch } from './batch';
export { checkOne, succeedOne } from './one';

// ── by slot ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export function check(slot: u32, epoch: u32, cost: f64, now: f64): i32 {
  return slot < capacity ? decide(slot, epoch, tokensFrom(cost), now, instantOf(now)) : STALE;
}

export function settle(slot: u32, epoch: u32, outcome: i32, permit: i32, now: f64): i32 {
  return slot < capacity ? settleRow(slot, epoch, min<i32>(outcome, OUTCOME_IGNORED), permit, now) : STALE;
}

export function refund(slot: u32, epoch: u32, cost: f64): i32 {
  return slot < capacity ? giveBack(slot, epoch, tokensFrom(cost)) : STALE;
}

export function release(slot: u32, epoch: u32): void {
  if (slot < capacity) unpin(slot, epoch);
}

// A row that is no longer that life's looks like a new peer's.

export function circuitState(slot: u32, epoch: u32, now: f64): u32 {
  return slot < capacity ? stateOf(slot, epoch, now) : STATE_CLOSED;
}

export function availableTokens(slot: u32, epoch: u32, now: f64): f64 {
  if (capacity == 0) return 0;
  return slot < capacity ? tokensOf(slot, epoch, now) : fullBurst();
}

// ── by the ID in this thread's room ──────────────────────────────────────────────────────────────────────────────────

export function checkId(length: u32, cost: f64, now: f64): i32 {
  if (!isId(length)) return rejected(REASON_TABLE_FULL, 0);
  return checkFingerprint(fingerprint(length), length, tokensFrom(cost), now);
}

export function settleId(length: u32, outcome: i32, permit: i32, now: f64): i32 {
  if (!isId(length)) return 0;
  return settleFingerprint(fingerprint(length), length, min<i32>(outcome, OUTCOME_IGNORED), permit, now);
}

/** slot + epoch · 2²⁴, or -1. */
export function find(length: u32): f64 {
  return isId(length) ? <f64>findRef(fingerprint(length)) : -1;
}

/** The same of a row that is claimed if there was none, and pinned. */
export function acquire(length: u32, now: f64): f64 {
  return isId(length) ? <f64>pinned(fingerprint(length), length, now) : -1;
}

export function remove(length: u32): bool {
  return isId(length) && forget(fingerprint(length));
}

// ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────────

export function checkOverflow(cost: f64, now: f64): i32 {
  return capacity ? decideOverflow(tokensFrom(cost), now) : rejected(REASON_TABLE_FULL, 0);
}

/** Brings every row into the limits in force, so that their words can be copied. */
export function settleLimits(): void {
  if (capacity) sweep(inForce());
}

/**
 * Gives the row whose bytes stand in this thread's batch room a place here, as time has made it by `asOf`, with all its
 * instants moved by `shift` ms; false where there is no room for it, or its peer is here already. `shared` takes the
 * bytes for those of the overflow row.
 */
export function adopt(shared: bool, asOf: f64, shift: f64): bool {
  return capacity != 0 && adoptRow(shared, asOf, shift);
}

function isId(length: u32): bool {
  return capacity != 0 && length != 0 && length <= <u32>MAX_ID_BYTES;
}

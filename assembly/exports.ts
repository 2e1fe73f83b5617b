// What crosses the boundary: numbers only, every parameter always given, and no number that could make it trap. Slots
// and lengths are checked here; whatever is not the table's finds nothing.

import { adopt as adoptRecords, age as ageRows } from './adopt';
import { instantOf, tokensFrom } from './bucket';
import { adjust as adjustRow, setClass as classify, force as forceRow } from './byhand';
import { census as censusOf } from './census';
import { check as decide } from './check';
import { checkFingerprint, checkOverflow as decideOverflow } from './checkid';
import { remove as forget } from './claim';
import { debtMs as debtOf, drainOwed as drain, learn as learnDebt, share as shareAcross } from './cluster';
import { configure as reconfigure } from './configure';
import { create } from './create';
import { rejected } from './decision';
import { digestOf, keepDigest, setSecret as takeSecret } from './digest';
import { find as findRef, NONE, slotOf } from './index';
import {
  AT_MAGIC,
  MAX_ID_BYTES,
  MAX_PEERS,
  MAX_THREADS,
  MOST_TOGETHER,
  OUTCOME_IGNORED,
  REASON_TABLE_FULL,
  SAVE_CLOSED,
  STALE,
  STATE_CLOSED,
} from './layout';
import {
  classNumber as classOf,
  fleet as fleetOf,
  fullBurst,
  reputation as reputationOf,
  circuitState as stateOf,
  availableTokens as tokensOf,
} from './look';
import { setApart } from './owed';
import { pinned, seated, unpin } from './pin';
import { isOpen, isOpenAt } from './place';
import { setLoad as setLoadTo } from './price';
import { save as saveRows } from './save';
import { refund as giveBack, settleFingerprint, settle as settleRow } from './settle';
import { fingerprint } from './siphash';
import { checkAll as checkTogether } from './together';

export { leave } from './threads';

/** Makes an empty table for `rows` peers; false where memory is too small for it or already holds one. */
export function init(rows: u32, threads: u32): bool {
  if (rows == 0 || rows > <u32>MAX_PEERS || threads == 0 || threads > <u32>MAX_THREADS) return false;
  return load<u32>(AT_MAGIC) == 0 && create(rows, threads);
}

/** Puts the settings in this thread's batch room in force. */
export function configure(now: f64): void {
  if (isOpen()) reconfigure(now);
}

export { checkBatch } from './batch';
export { checkOne } from './one';
export { succeedAt, succeedOne } from './succeed';

// ── by slot ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export function check(slot: u32, epoch: u32, cost: f64, now: f64): i32 {
  return isOpenAt(slot) ? decide(slot, epoch, tokensFrom(cost), now, instantOf(now), false) : STALE;
}

/**
 * Decides for so many pairs (slot, epoch) in this thread's batch room together, and leaves the number of the first that
 * refused, or that is stale, where calls by ID leave their row. A slot that the table has not stands for the overflow row.
 */
export function checkAll(pairs: u32, cost: f64, now: f64): i32 {
  if (!isOpen() || pairs == 0) return STALE;
  return checkTogether(min<u32>(pairs, MOST_TOGETHER), tokensFrom(cost), now);
}

export function settle(slot: u32, epoch: u32, outcome: i32, permit: i32, now: f64, durationMs: f64): i32 {
  return isOpenAt(slot) ? settleRow(slot, epoch, min<i32>(outcome, OUTCOME_IGNORED), permit, now, durationMs) : STALE;
}

// What the operator does by hand.

export function force(slot: u32, epoch: u32, state: u32, now: f64): i32 {
  return isOpenAt(slot) ? forceRow(slot, epoch, state, now) : STALE;
}

export function setClass(slot: u32, epoch: u32, number: u32): i32 {
  return isOpenAt(slot) ? classify(slot, epoch, number) : STALE;
}

/** The new reputation, or NaN where the row is no longer that life's. */
export function adjust(slot: u32, epoch: u32, points: f64, now: f64): f64 {
  return isOpenAt(slot) ? adjustRow(slot, epoch, points, now) : Number.NaN;
}

export function refund(slot: u32, epoch: u32, cost: f64): i32 {
  return isOpenAt(slot) ? giveBack(slot, epoch, tokensFrom(cost)) : STALE;
}

export function release(slot: u32, epoch: u32): void {
  if (isOpenAt(slot)) unpin(slot, epoch);
}

// A row that is no longer that life's looks like a new peer's.

export function circuitState(slot: u32, epoch: u32, now: f64): u32 {
  return isOpenAt(slot) ? stateOf(slot, epoch, now) : STATE_CLOSED;
}

export function availableTokens(slot: u32, epoch: u32, now: f64): f64 {
  if (!isOpen()) return 0;
  return isOpenAt(slot) ? tokensOf(slot, epoch, now) : fullBurst(now);
}

export function classNumber(slot: u32, epoch: u32): u32 {
  return isOpenAt(slot) ? classOf(slot, epoch) : 0;
}

export function reputation(slot: u32, epoch: u32, now: f64): f64 {
  return isOpenAt(slot) ? reputationOf(slot, epoch, now) : 0;
}

// ── by the ID in this thread's room ──────────────────────────────────────────────────────────────────────────────────

export function checkId(length: u32, cost: f64, now: f64): i32 {
  if (!isId(length)) return rejected(REASON_TABLE_FULL, 0);
  return checkFingerprint(fingerprint(length), length, tokensFrom(cost), now);
}

export function settleId(length: u32, outcome: i32, permit: i32, now: f64, durationMs: f64): i32 {
  if (!isId(length)) return 0;
  return settleFingerprint(fingerprint(length), length, min<i32>(outcome, OUTCOME_IGNORED), permit, now, durationMs);
}

/** slot + epoch · 2²⁴, or -1. */
export function find(length: u32): f64 {
  if (!isId(length)) return -1;
  const ref = findRef(fingerprint(length));
  if (ref != NONE) keepDigest(slotOf(ref), length);
  return <f64>ref;
}

/** The same of a row that is claimed if there was none. */
export function seat(length: u32, now: f64): f64 {
  return isId(length) ? <f64>seated(fingerprint(length), length, now) : -1;
}

/** The same, and pinned. */
export function acquire(length: u32, now: f64): f64 {
  return isId(length) ? <f64>pinned(fingerprint(length), length, now) : -1;
}

export function remove(length: u32): bool {
  return isId(length) && forget(fingerprint(length));
}

// ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────────

export function overflow(cost: f64, now: f64): i32 {
  return isOpen() ? decideOverflow(tokensFrom(cost), now, false) : rejected(REASON_TABLE_FULL, 0);
}

/** The load as an exponent of the price, 0 … 128. */
export function setLoad(exponent: u32): void {
  if (isOpen()) setLoadTo(min<u32>(exponent, 128));
}

/** Of the fleet: 0 its rate of failures, 1 its active peers, 2 how many tripped, 3 whether a fault of our own is suspected. */
export function fleet(what: u32, now: f64): f64 {
  return isOpen() ? fleetOf(what, now) : 0;
}

/** Counts the peers on the slots from `from` to before `to` by their circuits, in this thread's batch room: the slot to go on with, or 0. */
export function census(from: u32, to: u32, now: f64): u32 {
  return isOpen() ? censusOf(from, to, now) : 0;
}

/** Copies rows into this thread's batch room, from slot `from` on: where to go on · 64 + how many, or SAVE_CHANGED or SAVE_CLOSED. */
export function save(from: u32, version: u32): f64 {
  return isOpen() ? saveRows(from, version) : SAVE_CLOSED;
}

/** Gives the first `count` records in this thread's batch room rows here; how many found one. */
export function adopt(count: u32): u32 {
  return isOpen() ? adoptRecords(count) : 0;
}

/** Moves all instants by `shift` ms, once time has made the rows what they are by `asOf`. */
export function age(asOf: f64, shift: f64): void {
  if (isOpen()) ageRows(asOf, shift);
}

// ── one limit across machines ────────────────────────────────────────────────────────────────────────────────────────

/** Says how the limit holds across machines: one of CLUSTER_…, how many they are, the credit or 0. */
export function share(mode: u32, nodes: u32, credit: f64): void {
  if (isOpen()) shareAcross(mode, nodes, tokensFrom(credit));
}

/** Takes the secret in this thread's ID room, so many bytes, with which peers are named outside. */
export function setSecret(length: u32): void {
  if (isOpen() && length <= <u32>MAX_ID_BYTES) takeSecret(length);
}

/** Where the name outside of the peer in this thread's room stands: 16 bytes; 0 where there is none. */
export function digest(length: u32): usize {
  return isId(length) ? digestOf(length) : 0;
}

/** Tells in the batch room of debts of at least `least` tokens: where to go on · 1024 + how many. */
export function drainOwed(from: u32, least: f64): f64 {
  return isOpen() ? drain(from, tokensFrom(least)) : 0;
}

/** Takes what an exchange said of a row's life: what is owed still, or -1. */
export function learn(slot: u32, epoch: u32, debtMs: f64, acked: f64, now: f64): f64 {
  return isOpenAt(slot) ? learnDebt(slot, epoch, debtMs, tokensFrom(acked), now) : -1;
}

export function debtMs(slot: u32, epoch: u32, now: f64): f64 {
  return isOpenAt(slot) ? debtOf(slot, epoch, now) : 0;
}

/** While it is on, what this thread's checks take and refunds give back is not counted as owed: whoever asks pays at once. */
export function apart(on: bool): void {
  setApart(on);
}

function isId(length: u32): bool {
  return length != 0 && length <= <u32>MAX_ID_BYTES && isOpen();
}

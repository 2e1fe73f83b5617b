// Copying rows into this thread's batch room as records, while other threads may go on writing. A record is a row's 64 bytes
// and its cold record's 72 behind them. The overflow row is the last one. It has no cold record, so zeros stand there.
//
// Each record is of one instant: META, the words, then META, bucket and breaker again, until they agree.

import { converted } from './bucket';
import {
  COLD_BYTES,
  RECORD_BYTES,
  RECORDS,
  ROW_BREAKER,
  ROW_BUCKET,
  ROW_BYTES,
  ROW_OWED,
  SAVE_CHANGED,
} from './layout';
import { inForce, versionOf } from './limits';
import { load32, load64, SHARED } from './memory';
import { batchRoom, capacity, coldOf, rowAt, usedSlots } from './place';
import { getBreaker, getBucket, getMeta, LIMBO, lifeOf } from './row';

/** Slots that a call looks at, so that a table with few rows does not make one call long. */
const LOOKS: u32 = 4096;
/** A row whose words changed during so many looks is copied as the last look saw it. */
const ROW_LOOKS: u32 = 1000;

/**
 * Copies the rows from slot `from` on, as many as the room holds, with their buckets in the limits of this version.
 *
 * @returns where to go on · 64 + how many records were copied; the end is `capacity` + 1. Or SAVE_CHANGED.
 */
export function save(from: u32, version: u32): f64 {
  const force = inForce();
  if (versionOf(force) != version) return SAVE_CHANGED;
  const used = usedSlots();
  let slot = from;
  let count: u32 = 0;
  for (let looks = LOOKS; looks > 0 && count < <u32>RECORDS && slot <= capacity; looks--) {
    if (slot >= used) slot = capacity;
    count += <u32>copied(slot, batchRoom + <usize>count * RECORD_BYTES, force);
    slot++;
  }
  // Words that were converted while the limits changed may be in either.
  return inForce() == force ? <f64>slot * 64 + <f64>count : SAVE_CHANGED;
}

/** Whether the slot's row is somebody's; then its record stands at `record`. */
function copied(slot: u32, record: usize, force: u64): bool {
  const row = rowAt(slot);
  for (let looks = ROW_LOOKS; looks > 0; looks--) {
    const owner = getMeta(row);
    // A row in CLOSING is still its peer's, who may ask for it again.
    if (lifeOf(owner) == LIMBO) return false;
    copyRow(row, record);
    if (slot < capacity) copyCold(coldOf(slot), record + ROW_BYTES);
    else memory.fill(record + ROW_BYTES, 0, COLD_BYTES);
    const bucket = load<u64>(record, ROW_BUCKET);
    const heldStill = !SHARED || (getBucket(row) == bucket && getBreaker(row) == load<u64>(record, ROW_BREAKER));
    // Pins may come and go.
    const changedHands = SHARED && (getMeta(row) ^ owner) >> 32 != 0;
    if (changedHands || (!heldStill && looks > 1)) continue;
    store<u64>(record, converted(bucket, force), ROW_BUCKET);
    return true;
  }
  return false;
}

function copyRow(from: usize, to: usize): void {
  if (!SHARED) memory.copy(to, from, ROW_BYTES);
  else {
    for (let at: usize = 0; at < <usize>ROW_BYTES; at += 8) if (at != ROW_OWED) store<u64>(to + at, load64(from + at));
  }
  // What is owed is not saved: it is paid when the limiter's membership ends.
  store<u64>(to, 0, ROW_OWED);
}

/** A cold record begins at a multiple of four bytes. */
function copyCold(from: usize, to: usize): void {
  if (SHARED) for (let at: usize = 0; at < <usize>COLD_BYTES; at += 4) store<u32>(to + at, load32(from + at));
  else memory.copy(to, from, COLD_BYTES);
}

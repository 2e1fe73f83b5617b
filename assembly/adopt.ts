// Taking over the rows of another table from their records, which `save` made. Fingerprints mean the same there and here,
// because the key came along.
//
// Records are adopted in the time and the limits of the table they come from. Once all are here, `age` moves everything to
// this table's time. What a word of a row means is known in two places here: `write` and `ageRow`.

import { moved as movedBackoff } from './backoff';
import { movedCoarse } from './breaker';
import { converted, instantOf, moved as movedBucket } from './bucket';
import { acquire, giveUp, publish } from './claim';
import { clear, find, NONE, place, slotOf } from './index';
import {
  AT_PRICED,
  COLD_BYTES,
  COLD_CIRCUIT_REJECTED,
  COLD_POSITION,
  RECORD_BYTES,
  RECORDS,
  ROW_ALLOWED,
  ROW_BREAKER,
  ROW_BUCKET,
  ROW_BYTES,
  ROW_FINGERPRINT,
  ROW_META,
  ROW_PEER,
  ROW_RATE_LIMITED,
  ROW_WINDOW,
} from './layout';
import { inForce, limitsOf } from './limits';
import { load32, store32 } from './memory';
import { newborn as newbornOwed } from './owed';
import { batchRoom, capacity, coldOf, me, rowAt, usedSlots } from './place';
import { PRICED } from './price';
import { moved as movedBreaker } from './recovery';
import { moved as movedPeer } from './reputation';
import {
  epochOf,
  getBackoff,
  getBreaker,
  getBucket,
  getLastFailure,
  getMeta,
  getOwed,
  getPeer,
  getWindow,
  OVERFLOW_EPOCH,
  setBackoff,
  setBreaker,
  setBucket,
  setCounters,
  setFingerprint,
  setLastFailure,
  setOwed,
  setPeer,
  setWindow,
} from './row';
import { sliceAt } from './slices';
import { due, dueMs, noteTurn } from './turn';
import { moved as movedWindow } from './window';

/** Adopts the first `count` records in this thread's batch room; how many found a place, up to the first that did not. */
export function adopt(count: u32): u32 {
  const end = min<u32>(count, <u32>RECORDS);
  const force = inForce();
  for (let i: u32 = 0; i < end; i++) if (!adoptRecord(batchRoom + <usize>i * RECORD_BYTES, force)) return i;
  return end;
}

/** A peer that has a row here already gets what this record says: it was copied later. */
function adoptRecord(record: usize, force: u64): bool {
  if (epochOf(load<u64>(record, ROW_META)) == OVERFLOW_EPOCH) {
    setBucket(rowAt(capacity), movedBucket(load<u64>(record, ROW_BUCKET), 0, force));
    return true;
  }
  const fingerprint = load<u64>(record, ROW_FINGERPRINT);
  const known = find(fingerprint);
  const ref = known == NONE ? acquire(0) : known;
  if (ref == NONE) return false;
  const slot = slotOf(ref);
  const position = coldOf(slot) + COLD_POSITION;
  if (known == NONE) clear(slot, position);
  write(slot, record, force);
  if (known != NONE) return true;
  if (!place(fingerprint, slot, position)) {
    giveUp(ref);
    return false;
  }
  publish(ref, me, 0);
  return true;
}

/** Writes a record over a row and its cold record. Whatever numbers come, the words are ones that can be computed with. */
function write(slot: u32, record: usize, force: u64): void {
  const row = rowAt(slot);
  const cold = coldOf(slot);
  const position = load32(cold + COLD_POSITION);
  memory.copy(cold + COLD_CIRCUIT_REJECTED, record + ROW_BYTES, COLD_BYTES);
  store32(cold + COLD_POSITION, position);
  setFingerprint(row, load<u64>(record, ROW_FINGERPRINT));
  setBucket(row, movedBucket(load<u64>(record, ROW_BUCKET), 0, force));
  setBreaker(row, movedBreaker(load<u64>(record, ROW_BREAKER), 0));
  setWindow(row, load<u64>(record, ROW_WINDOW));
  setPeer(row, load<u64>(record, ROW_PEER));
  setOwed(row, newbornOwed(getOwed(row), 0));
  // Somebody may have a class, or a reputation.
  if (<u32>load<u64>(record, ROW_PEER) & PRICED) store32(AT_PRICED, 1);
  setCounters(row, load<u32>(record, ROW_ALLOWED), load<u32>(record, ROW_RATE_LIMITED));
}

/** Brings all rows to what time has made of them by `asOf`, and moves their instants by `shift` ms. */
export function age(asOf: f64, shift: f64): void {
  const force = inForce();
  const used = usedSlots();
  for (let slot: u32 = 0; slot < used; slot++) ageRow(slot, asOf, shift, limitsOf(force));
  for (let slot: u32 = 0; slot < used; slot++) ageBucket(rowAt(slot), shift, force);
  ageBucket(rowAt(capacity), shift, force);
}

function ageBucket(row: usize, shift: f64, force: u64): void {
  setBucket(row, movedBucket(converted(getBucket(row), force), shift, force));
}

function ageRow(slot: u32, asOf: f64, shift: f64, limits: usize): void {
  const row = rowAt(slot);
  const epoch = epochOf(getMeta(row));
  let breaker = getBreaker(row);
  for (let by = due(slot, breaker, asOf, limits); by != breaker; by = due(slot, breaker, asOf, limits)) {
    noteTurn(slot, epoch, breaker, by, dueMs(breaker, asOf), limits);
    breaker = by;
  }
  const from = instantOf(asOf);
  const to = instantOf(asOf + shift);
  setBreaker(row, movedBreaker(breaker, shift));
  setWindow(row, movedWindow(getWindow(row), sliceAt(from, limits), sliceAt(to, limits)));
  setPeer(row, movedPeer(getPeer(row), from, to, limits));
  setBackoff(slot, movedBackoff(getBackoff(slot), shift, limits));
  setLastFailure(slot, movedCoarse(getLastFailure(slot), shift));
}

// What happened, for readers outside: two rings in each thread's block, one for circuits and one for the table, so that a
// flood of names cannot push the news of circuits out. Appending takes the same time however full a ring is; the oldest event
// is overwritten. Only the thread itself writes here. Others may read meanwhile, so each event has its number beside it:
//
//      SEQUENCE   number + 1 of the event that stands here; another one while it is being written
//      WHAT       kind 2 ─ 30 ─ circuit state after 3 ─ 27 ─ circuit state before 3 ─ 24 ─ slot 24 ─ 0
//      EPOCH      with the slot: whose it was        FAILURES   of the peer so far        TIME   f64, ms, in two words
//
// A reader takes an event if the sequence is the right one both before and after it has read the words between.

import { shownState } from './breaker';
import { tally } from './counters';
import {
  EVENT_BYTES,
  EVENT_CIRCUIT,
  EVENT_EPOCH,
  EVENT_HELD_BACK,
  EVENT_RECLAIMED,
  EVENT_TABLE_FULL,
  EVENT_TIME,
  EVENT_WHAT,
  FROM_SHIFT,
  KIND_SHIFT,
  RING_CIRCUITS,
  RING_TABLE,
  ringEvents,
  ringStart,
  TO_SHIFT,
} from './event-layout';
import { COLD_FAILURES, COUNT_CIRCUIT_HALF_OPENED, THREAD_APPENDED, THREAD_RINGS } from './layout';
import { loadAside, SHARED, storeAside, storeAside64 } from './memory';
import { block, coldOf } from './place';

/** The state of a circuit is another one than before. */
export function noteCircuit(slot: u32, epoch: u32, before: u64, after: u64, ms: f64): void {
  const from = shownState(before);
  const to = shownState(after);
  if (from != to)
    append(RING_CIRCUITS, (EVENT_CIRCUIT << KIND_SHIFT) | (to << TO_SHIFT) | (from << FROM_SHIFT), slot, epoch, ms);
}

/** An open circuit let its first probe through. */
export function noteHalfOpened(slot: u32, epoch: u32, before: u64, after: u64, ms: f64): void {
  tally(COUNT_CIRCUIT_HALF_OPENED);
  noteCircuit(slot, epoch, before, after, ms);
}

export function noteHeldBack(slot: u32, epoch: u32, ms: f64): void {
  append(RING_CIRCUITS, EVENT_HELD_BACK << KIND_SHIFT, slot, epoch, ms);
}

/** The life with this epoch is over, because its row was wanted. */
export function noteReclaimed(slot: u32, epoch: u32, ms: f64): void {
  append(RING_TABLE, EVENT_RECLAIMED << KIND_SHIFT, slot, epoch, ms);
}

/** A check found no row. */
export function noteTableFull(ms: f64): void {
  append(RING_TABLE, EVENT_TABLE_FULL << KIND_SHIFT, 0, 0, ms);
}

function append(ring: u32, what: u32, slot: u32, epoch: u32, ms: f64): void {
  const counter = block + THREAD_APPENDED + (ring << 2);
  const number = loadAside(counter);
  const place = number & (<u32>ringEvents(ring, SHARED) - 1);
  const at = block + THREAD_RINGS + <usize>ringStart(ring, SHARED) + <usize>place * EVENT_BYTES;
  const failures = ring == RING_CIRCUITS ? loadAside(coldOf(slot) + COLD_FAILURES) : 0;
  // No event in this place has the number after the next one, so until the end no reader takes what it finds here.
  storeAside(at, number + 2);
  storeAside(at + EVENT_WHAT, what | slot);
  storeAside64(at + EVENT_EPOCH, ((<u64>failures) << 32) | <u64>epoch);
  storeAside64(at + EVENT_TIME, reinterpret<u64>(ms));
  storeAside(at, number + 1);
  storeAside(counter, number + 1);
}

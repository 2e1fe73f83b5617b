// What happened, for readers outside: two rings in each thread's block, one for circuits and one for the table, so that a
// flood of names cannot push the news of circuits out. Appending takes the same time however full a ring is; the oldest event
// is overwritten. Only the thread itself writes here. Others may read meanwhile, so each event has its number beside it:
//
//      SEQUENCE   number + 1 of the event that stands here; another one while it is being written
//      WHAT       23 ─ kind 8 ─ 16 ─ circuit state after 8 ─ 8 ─ circuit state before 8 ─ 0
//      SLOT, EPOCH   whose it was        FAILURES   of the peer so far        TIME   f64, ms, in two words
//
// A reader takes an event if the sequence is the right one both before and after it has read the words between.

import { shownState } from './breaker';
import { tally } from './counters';
import {
  EVENT_BYTES,
  EVENT_CIRCUIT,
  EVENT_FAILURES,
  EVENT_HELD_BACK,
  EVENT_RECLAIMED,
  EVENT_SLOT,
  EVENT_TABLE_FULL,
  EVENT_TIME,
  EVENT_WHAT,
  RING_BYTES,
  RING_CIRCUITS,
  RING_EVENTS,
  RING_TABLE,
} from './event-layout';
import { COLD_FAILURES, COUNT_CIRCUIT_HALF_OPENED, THREAD_APPENDED, THREAD_RINGS } from './layout';
import { loadAside, storeAside, storeAside64 } from './memory';
import { block, coldOf } from './place';

/** The state of a circuit is another one than before. */
export function noteCircuit(slot: u32, epoch: u32, before: u64, after: u64, ms: f64): void {
  const from = shownState(before);
  const to = shownState(after);
  if (from != to) append(RING_CIRCUITS, (EVENT_CIRCUIT << 16) | (to << 8) | from, slot, epoch, ms);
}

/** An open circuit let its first probe through. */
export function noteHalfOpened(slot: u32, epoch: u32, before: u64, after: u64, ms: f64): void {
  tally(COUNT_CIRCUIT_HALF_OPENED);
  noteCircuit(slot, epoch, before, after, ms);
}

export function noteHeldBack(slot: u32, epoch: u32, ms: f64): void {
  append(RING_CIRCUITS, EVENT_HELD_BACK << 16, slot, epoch, ms);
}

/** The life with this epoch is over, because its row was wanted. */
export function noteReclaimed(slot: u32, epoch: u32, ms: f64): void {
  append(RING_TABLE, EVENT_RECLAIMED << 16, slot, epoch, ms);
}

/** A check found no row. */
export function noteTableFull(ms: f64): void {
  append(RING_TABLE, EVENT_TABLE_FULL << 16, 0, 0, ms);
}

function append(ring: usize, what: u32, slot: u32, epoch: u32, ms: f64): void {
  const counter = block + THREAD_APPENDED + (ring << 2);
  const number = loadAside(counter);
  const at = block + THREAD_RINGS + ring * RING_BYTES + <usize>(number & (RING_EVENTS - 1)) * EVENT_BYTES;
  // No event in this place has the number after the next one, so until the end no reader takes what it finds here.
  storeAside(at, number + 2);
  storeAside(at + EVENT_WHAT, what);
  storeAside64(at + EVENT_SLOT, ((<u64>epoch) << 32) | <u64>slot);
  storeAside(at + EVENT_FAILURES, ring == RING_CIRCUITS ? loadAside(coldOf(slot) + COLD_FAILURES) : 0);
  storeAside64(at + EVENT_TIME, reinterpret<u64>(ms));
  storeAside(at, number + 1);
  storeAside(counter, number + 1);
}

// The rings of events in each thread's block, number by number: how one is written is in events.ts. Two compilers read this
// file, like layout.ts, so it imports nothing.

export const RINGS = 2;
export const RING_CIRCUITS = 0;
export const RING_TABLE = 1;

/** How many events a ring keeps, powers of two. A shared table has the rings of 32 threads, so there they are short. */
export const PLAIN_EVENTS = 256;
export const SHARED_CIRCUITS = 32;
export const SHARED_TABLE = 8;
export const PLAIN_RINGS_BYTES = 12288; // RINGS * PLAIN_EVENTS * EVENT_BYTES
export const SHARED_RINGS_BYTES = 960; // (SHARED_CIRCUITS + SHARED_TABLE) * EVENT_BYTES

export function ringEvents(ring: number, shared: boolean): number {
  if (!shared) return PLAIN_EVENTS;
  return ring == RING_CIRCUITS ? SHARED_CIRCUITS : SHARED_TABLE;
}

/** Where a ring begins behind THREAD_RINGS: the one for the table stands behind the one for circuits. */
export function ringStart(ring: number, shared: boolean): number {
  return ring == RING_CIRCUITS ? 0 : ringEvents(RING_CIRCUITS, shared) * EVENT_BYTES;
}

export const EVENT_BYTES = 24;
// Behind its sequence, u32 each but the time.
export const EVENT_WHAT = 4;
export const EVENT_EPOCH = 8;
export const EVENT_FAILURES = 12;
export const EVENT_TIME = 16;

// What: kind 2 ─ 30 ─ circuit state after 3 ─ 27 ─ circuit state before 3 ─ 24 ─ slot 24 ─ 0
export const FROM_SHIFT = 24;
export const TO_SHIFT = 27;
export const KIND_SHIFT = 30;
export const STATE_MASK = 7;

export const EVENT_CIRCUIT = 0;
export const EVENT_HELD_BACK = 1;
export const EVENT_RECLAIMED = 2;
export const EVENT_TABLE_FULL = 3;

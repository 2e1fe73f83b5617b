// The rings of events in each thread's block, number by number: how one is written is in events.ts. Two compilers read this
// file, like layout.ts, so it imports nothing.

export const RINGS = 2;
export const RING_CIRCUITS = 0;
export const RING_TABLE = 1;
/** A power of two. */
export const RING_EVENTS = 256;
export const EVENT_BYTES = 32;
export const RING_BYTES = 8192; // RING_EVENTS * EVENT_BYTES

// An event's words, u32 each behind its sequence.
export const EVENT_WHAT = 4;
export const EVENT_SLOT = 8;
export const EVENT_EPOCH = 12;
export const EVENT_FAILURES = 16;
export const EVENT_TIME = 24;

export const EVENT_CIRCUIT = 0;
export const EVENT_HELD_BACK = 1;
export const EVENT_RECLAIMED = 2;
export const EVENT_TABLE_FULL = 3;

// The table, byte by byte. Everything here is a plain number, so that the AssemblyScript compiler and the TypeScript
// compiler read the same file; it imports nothing.
//
//      0                1024              4096
//      ┌────────────────┬────────┬────────┬──────────────┬──────────┬────────────────┬────────────┬──────────────┐
//      │ left to the    │ header │stripes │ rows         │ index    │ cold records   │ free slots │ thread       │
//      │ compiler       │        │        │ 64 B a peer  │ 16 B     │ 72 B a peer    │ 1 bit      │ blocks       │
//      └────────────────┴────────┴────────┴──────────────┴──────────┴────────────────┴────────────┴──────────────┘
//                                          maxPeers + 1: the last row is the overflow row, a bucket and nothing else
//
// A row is one cache line:
//
//      byte 0        8        16         24         32          40           48                 56        60
//           ┌────────┬────────┬──────────┬──────────┬───────────┬────────────┬──────────────────┬─────────┬─────────┐
//           │ META   │ FP     │ BUCKET   │ BREAKER  │ (window)  │ (bucket 2) │ class·flags·rep· │ allowed │ rate-   │
//           │        │        │          │          │           │            │ last failure     │         │ limited │
//           └────────┴────────┴──────────┴──────────┴───────────┴────────────┴──────────────────┴─────────┴─────────┘
//
//      META     63 ─ epoch 29 ─ 35 ─ life 3 ─ 32 ─ pins 32 ─ 0          whose row this is, and who holds it
//      FP       64-bit keyed fingerprint of the peer's ID
//      BUCKET   63 ─ TAT 61, ticks of 2⁻²⁰ ms ─ 3 ─ tag 3 ─ 0           tag bit 0: parity of the limits the TAT is in
//      BREAKER  63 ─ payload 48 ─ 16 ─ generation 14 ─ 2 ─ state 2 ─ 0
//                 closed:     63 ─ nonce 16 ─ 48 ─ failures 32 ─ 16
//                 open:       63 ─ deadline 48, 1/128 ms ─ 16
//                 half-open:  63 ─ lease 41, ms ─ 23 ─ probes 7 ─ 16
//      index entry   63 ─ tag 40, nonzero ─ 24 ─ slot 24 ─ 0            0: empty
//
// The window, the second bucket, class, flags and reputation are room kept for what a limiter may learn to do later;
// nothing reads them.

/** 'PGAT', the first word of every table. */
export const MAGIC = 0x54414750;
/** Changes whenever a byte of the table changes its meaning. */
export const ABI_VERSION = 2;

// ── header ───────────────────────────────────────────────────────────────────────────────────────────────────────────
// One cache line each for what never changes, for what claims change, and for what `configure` changes.

export const HEADER = 1024;
export const AT_MAGIC = HEADER;
export const AT_ABI = HEADER + 4;
export const AT_CAPACITY = HEADER + 8;
export const AT_THREADS = HEADER + 12;
export const AT_KEY = HEADER + 16; // two u64
export const AT_ORIGIN = HEADER + 32; // f64: what the clock of the table's maker read at now = 0

export const AT_BIRTHS = HEADER + 64; // lives so far: the source of epochs
export const AT_FRESH = HEADER + 68; // slots below this one have been used
export const AT_HAND = HEADER + 72; // the reclaiming hand

export const AT_FORCE = HEADER + 128; // u64, the limits in force: their version 32 ─ 32 ─ where their record is 32 ─ 0
export const AT_SWEPT = HEADER + 136; // every bucket word is in the limits of this version or a later one
export const AT_ERA = HEADER + 140; // how often half of all epochs were used up
export const AT_MEMBERS = HEADER + 144; // u64: how often it changed 32 ─ 32 ─ one bit for each thread that takes part ─ 0
export const AT_TENANTS = HEADER + 192; // u32 a thread: how often it was reserved or given back; odd while it is reserved

/** One word per stripe of fingerprints: the last row published in it. */
export const STRIPES = HEADER + 512;
export const STRIPE_COUNT = 256;

// ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

export const ROW_META = 0;
export const ROW_FINGERPRINT = 8;
export const ROW_BUCKET = 16;
export const ROW_BREAKER = 24;
export const ROW_LAST_FAILURE = 52;
export const ROW_ALLOWED = 56;
export const ROW_RATE_LIMITED = 60;

export const LIFE_BITS = 3;
export const LIFE_LIMBO = 0; // nobody's; free when nobody pins it
export const LIFE_LIVE = 1;
export const LIFE_CLOSING = 2; // being reclaimed; whoever finds it may take it back. Shared build only

export const ROWS = 4096;
export const ROW_BITS = 6;
export const ROW_BYTES = 64; // 1 << ROW_BITS

export const SLOT_BITS = 24;
export const EPOCH_BITS = 29;
export const MAX_PEERS = 16777216; // 1 << SLOT_BITS

// ── index: sets of eight entries, two candidate sets for every fingerprint ───────────────────────────────────────────

export const ENTRY_BYTES = 8;
export const SET_ENTRIES = 8;
export const SET_BITS = 6;
export const SET_BYTES = 64; // 1 << SET_BITS: a set is one cache line

/** Two entries a peer; up to 16 peers both sets are everyone's, so that all of them always fit. */
export function setCount(capacity: number): number {
  return capacity <= 16 ? 2 : Math.ceil(capacity / 4);
}

// ── cold records: what only listings and claims read ─────────────────────────────────────────────────────────────────

export const COLD_BYTES = 72;
export const COLD_CIRCUIT_REJECTED = 0; // u32
export const COLD_FAILURES = 4; // u32
export const COLD_POSITION = 8; // u32: 1 + the position of the row's index entry, 0: none
export const COLD_ID_LENGTH = 12; // u16: of the whole ID
export const COLD_ID = 14;
/** How many bytes of an ID the table keeps for listings. */
export const ID_KEPT = 58; // COLD_BYTES - COLD_ID

// ── records: a row and its cold record behind it, on the way out of a table or into one ─────────────────────────────

export const RECORD_BYTES = 136; // ROW_BYTES + COLD_BYTES
/** How many records fit into a batch room. */
export const RECORDS = 60;

// ── thread blocks: counters, limits, and room through which a thread passes IDs and batches ──────────────────────────

export const COUNTER_COUNT = 11;
export const COUNT_ALLOWED = 0;
export const COUNT_RATE_LIMITED = 1;
export const COUNT_CIRCUIT_REJECTED = 2;
export const COUNT_TABLE_FULL = 3;
export const COUNT_CIRCUIT_OPENED = 4;
export const COUNT_CIRCUIT_CLOSED = 5;
export const COUNT_STALE_RESULTS = 6;
export const COUNT_RECLAIMED = 7;
export const COUNT_CLAIMED = 8;
export const COUNT_FREED = 9;
export const COUNT_CLOCK_ANOMALIES = 10;

export const MAX_THREADS = 32;
export const MAX_ID_BYTES = 1024;
export const BATCH = 1024;

/** Slot and epoch of the row that the last call by ID found, u32 each; a slot that no row has where it found none. */
export const THREAD_FOUND = 120; // the counters stand before it: there is room for 15
/** Two records of limits, so that one can be written while the other is in force. */
export const THREAD_LIMITS = 128;
export const LIMITS_BYTES = 128;
export const LIMITS_TICKS_PER_TOKEN = 0; // u64
export const LIMITS_BURST = 8; // u64
export const LIMITS_TAU = 16; // u64
export const LIMITS_LATEST = 24; // u64
export const LIMITS_CHANGED_AT = 32; // u64
export const LIMITS_TIMEOUT_MS = 40; // f64
export const LIMITS_PROBE_TIMEOUT_MS = 48; // f64
export const LIMITS_THRESHOLD = 56; // u32
export const LIMITS_PROBES = 60; // u8
export const LIMITS_ON_FULL = 61; // u8
export const LIMITS_BEFORE = 64; // u64, ticks per token before
export const LIMITS_RATE_PER_SEC = 72; // f64
export const LIMITS_TAU_BEFORE = 80; // u64
export const LIMITS_LONGEST_TIMEOUT_MS = 88; // f64
export const LIMITS_LONGEST_PROBE_TIMEOUT_MS = 96; // f64
export const THREAD_ID = 384; // 64 bytes of slack behind the longest ID
export const THREAD_BATCH = 1472; // THREAD_ID + MAX_ID_BYTES + 64
export const THREAD_BYTES = 9664; // THREAD_BATCH + BATCH * 8, a multiple of 64

// ── where each section starts, given where the one before it does ────────────────────────────────────────────────────

export function indexAt(capacity: number): number {
  return ROWS + (capacity + 1) * ROW_BYTES;
}

export function coldAt(index: number, capacity: number): number {
  return index + setCount(capacity) * SET_BYTES;
}

export function freeAt(cold: number, capacity: number): number {
  return cold + capacity * COLD_BYTES;
}

/** The free slots are a tree of 64-bit words, 64 children a word: how many words stand above the leaves. */
export function freeInner(capacity: number): number {
  if (capacity <= 64) return 0;
  if (capacity <= 4096) return 1;
  return capacity <= 262144 ? 65 : 4161;
}

export function threadsAt(free: number, inner: number, capacity: number): number {
  const end = free + (inner + Math.ceil(capacity / 64)) * 8;
  return Math.ceil(end / 64) * 64;
}

export function tableEnd(threadBlocks: number, threads: number): number {
  return threadBlocks + threads * THREAD_BYTES;
}

// ── time: ticks of 2⁻²⁰ ms ───────────────────────────────────────────────────────────────────────────────────────────

export const TICKS_PER_MS = 1048576;
export const TICKS_START = 1073741824; // now = 0 in ticks

// ── codes that cross the boundary ────────────────────────────────────────────────────────────────────────────────────

/** What a check by slot returns when the row is no longer that peer's; above every permit. */
export const STALE = 0x40000000;
/** What a result without a time gives where one is needed: the circuit is not closed. */
export const NEEDS_TIME = 0x40000001;
/** "No permit was given" among permits. */
export const NO_PERMIT = -0x80000000;

/** What copying rows returns instead of a count: the limits changed meanwhile, or this instance has no open table. */
export const SAVE_CHANGED = -1;
export const SAVE_CLOSED = -2;

export const REASON_RATE_LIMITED = 0;
export const REASON_CIRCUIT_OPEN = 1;
export const REASON_TABLE_FULL = 2;
export const REASON_SHIFT = 28;
export const RETRY_NEVER = 0xfffffff;
export const RETRY_MAX = 0xffffffe;

export const STATE_CLOSED = 0;
export const STATE_OPEN = 1;
export const STATE_HALF_OPEN = 2;

export const OUTCOME_SUCCESS = 0;
export const OUTCOME_FAILURE = 1;
export const OUTCOME_IGNORED = 2;

export const ON_FULL_OVERFLOW = 0;
export const ON_FULL_REJECT = 1;

export const GENERATION_BITS = 14;

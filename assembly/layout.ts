// The table, byte by byte. Everything here is a plain number, so that the AssemblyScript compiler and the TypeScript
// compiler read the same file; it imports nothing.
//
//      0                1024              4096        11264
//      ┌────────────────┬────────┬────────┬───────────┬──────────────┬──────────┬────────────────┬────────────┬──────────┐
//      │ left to the    │ header │stripes │ classes   │ rows         │ index    │ cold records   │ free, owes │ thread   │
//      │ compiler       │        │        │ two times │ 64 B a peer  │ 16 B     │ 76 B a peer    │ 1 bit, ½   │ blocks   │
//      └────────────────┴────────┴────────┴───────────┴──────────────┴──────────┴────────────────┴────────────┴──────────┘
//                                                      maxPeers + 1: the last row is the overflow row, a bucket and nothing else
//
// A row is one cache line:
//
//      byte 0        8        16         24         32         40         48       56        60
//           ┌────────┬────────┬──────────┬──────────┬──────────┬──────────┬────────┬─────────┬─────────┐
//           │ META   │ FP     │ BUCKET   │ BREAKER  │ WINDOW   │ OWED     │ PEER   │ allowed │ rate-   │
//           │        │        │          │          │          │          │        │         │ limited │
//           └────────┴────────┴──────────┴──────────┴──────────┴──────────┴────────┴─────────┴─────────┘
//
//      META     63 ─ epoch 29 ─ 35 ─ life 3 ─ 32 ─ pins 32 ─ 0          whose row this is, and who holds it
//      FP       64-bit keyed fingerprint of the peer's ID
//      BUCKET   63 ─ TAT 61, ticks of 2⁻²⁰ ms ─ 3 ─ tag 3 ─ 0           tag bit 0: parity of the limits the TAT is in
//      BREAKER  63 ─ payload 48 ─ 16 ─ generation 14 ─ 2 ─ state 2 ─ 0
//                 closed:       63 ─ nonce 16 ─ 48 ─ failures 32 ─ 16                    all ones: forced closed
//                 open:         63 ─ deadline 48, 1/128 ms ─ 16                          0: forced open
//                 half-open:    63 ─ lease 41, ms ─ 23 ─ probes 7 ─ 16
//                 recovering:   63 ─ end of the stage 38, ms ─ 26 ─ stage 3 ─ 23 ─ requests 7 ─ 16
//      WINDOW   63 ─ slice 13 ─ 51 ─ quiet 1 ─ 50 ─ marks 2 · 2 ─ 46 ─ generation 2 ─ 44 ─ results 11 · failures 11 of the slice before
//                 ─ 22 ─ results 11 · failures 11 of this slice ─ 0
//      OWED     63 ─ life 32, changes at handover ─ 32 ─ tokens 32 ─ 0      what other machines are to be told of
//      PEER     63 ─ quantum 27 ─ 37 ─ penalties 5 ─ 32 ─ successes 10 ─ 22 ─ score 16, Q8.8 ─ 6 ─ class 6 ─ 0
//
//      index entry   63 ─ tag 40, nonzero ─ 24 ─ slot 24 ─ 0            0: empty
//      BACKOFF       31 ─ doublings 5 ─ 27 ─ closed since 27, 1/32 windows ─ 0          in the cold record

/** 'PGAT', the first word of every table. */
export const MAGIC = 0x54414750;
/** Changes whenever a byte of the table changes its meaning. */
export const ABI_VERSION = 5;

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

// Words of the whole table that moving limits and the cascade rule use.
// EXTRAS   31 ─ nodes 20 ─ 12 ─ SHUT 1 · CREDIT 1 · COUNTED 1 · NEWCOMERS 1 ─ 8 ─ load exponent 8 ─ 0
export const AT_EXTRAS = HEADER + 152; // u32, what every check has to look at
export const AT_PRICED = HEADER + 156; // u32: 1 once a token of anybody's may have cost something else than T
export const AT_NEWCOMERS = HEADER + 320; // BUCKET word of what newcomers share

export const AT_NODES = HEADER + 40; // u32: how many machines share the limit
export const AT_CREDIT = HEADER + 48; // u64: the credit that was asked for; 0: half of a burst, divided among the nodes
export const AT_INNER = HEADER + 160; // 32 bytes: what SHA-256 makes of the secret for the inner hash of an HMAC
export const AT_OUTER = HEADER + 464; // 32 bytes: the same for the outer hash
export const AT_HINT = HEADER + 328; // u32, ms: the retry-after of a rejection for lack of credit
export const AT_URGENT = HEADER + 332; // u32: 1 once a peer owes half of its credit, until somebody pays
export const AT_FLEET = HEADER + 384; // two slices of FLEET_COUNTS words: slice 32 ─ 32 ─ count 32

export const EXTRAS_LOAD = 255;
export const EXTRAS_NEWCOMERS = 256;
export const EXTRAS_COUNTED = 512; // what peers are given is counted as owed
export const EXTRAS_CREDIT = 1024; // a peer that owes its credit waits
export const EXTRAS_SHUT = 2048; // nobody is let through
export const EXTRAS_NODES_SHIFT = 12; // a token costs so many times its price; 0: once

export const FLEET_ACTIVE = 0;
export const FLEET_TRIPPED = 1;
export const FLEET_HELD = 2;
export const FLEET_RESULTS = 3;
export const FLEET_FAILURES = 4;
export const FLEET_COUNTS = 5;

/** One word per stripe of fingerprints: the last row published in it. */
export const STRIPES = HEADER + 512;
export const STRIPE_COUNT = 256;

/** Sixteen u64: 2^(i / 16) in units of 2⁻³¹. */
export const AT_OCTAVE = STRIPES + 2048; // STRIPE_COUNT * 8
/** The constants of SHA-256, 64 + 8 u32. They are written when a limit is to hold across machines. */
export const AT_SHA = AT_OCTAVE + 128;

// ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

export const ROW_META = 0;
export const ROW_FINGERPRINT = 8;
export const ROW_BUCKET = 16;
export const ROW_BREAKER = 24;
export const ROW_WINDOW = 32;
export const ROW_OWED = 40;
export const ROW_PEER = 48;
export const ROW_ALLOWED = 56;
export const ROW_RATE_LIMITED = 60;

export const SUCCESSES_SHIFT = 22; // in the PEER word
export const SUCCESSES_ALL = 1023; // the peer is established

export const LIFE_BITS = 3;
export const LIFE_LIMBO = 0; // nobody's; free when nobody pins it
export const LIFE_LIVE = 1;
export const LIFE_CLOSING = 2; // being reclaimed; whoever finds it may take it back. Shared build only

/** Two tables of classes: one can be written while the other is in force. */
export const CLASS_TABLES = 4096;
export const CLASSES_BYTES = 3584; // CLASSES * (CLASS_BYTES + CLASS_NAME_BYTES)

export const ROWS = 11264; // CLASS_TABLES + 2 * CLASSES_BYTES, a multiple of 64
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

export const COLD_BYTES = 76;
export const COLD_CIRCUIT_REJECTED = 0; // u32
export const COLD_FAILURES = 4; // u32
export const COLD_LAST_FAILURE = 8; // u32
export const COLD_BACKOFF = 12; // u32
export const COLD_POSITION = 16; // u32: 1 + the position of the row's index entry, 0: none
export const COLD_ID_LENGTH = 20; // u16: of the whole ID
export const COLD_ID = 22;
/** How many bytes of an ID the table keeps for listings. */
export const ID_KEPT = 54; // COLD_BYTES - COLD_ID

// ── records: a row and its cold record behind it, on the way out of a table or into one ─────────────────────────────

export const RECORD_BYTES = 140; // ROW_BYTES + COLD_BYTES
/** How many records fit into a batch room. */
export const RECORDS = 58;

// ── thread blocks: counters, limits, and room through which a thread passes IDs and batches ──────────────────────────

export const COUNTER_COUNT = 16;
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
export const COUNT_HELD_BACK = 11;
export const COUNT_SHADOWED = 12;
export const COUNT_RECOVERED = 13;
export const COUNT_CIRCUIT_HALF_OPENED = 14;
export const COUNT_TABLE_FULL_REJECTED = 15; // COUNT_TABLE_FULL counts those that were let through as well

export const MAX_THREADS = 32;
export const MAX_ID_BYTES = 1024;
export const BATCH = 1024;
/** How many limits can be asked together. */
export const MOST_TOGETHER = 8;

/** The counters stand before it: there is room for 16. What the thread worked out last: the instant of its last check; what a quiet WINDOW word has above bit 50; the slice and the quantum: start, length, number; u64 each. */
export const THREAD_INSTANT = 128;
export const THREAD_QUIET = 184;
export const THREAD_SLICE = 136;
export const THREAD_QUANTUM = 160;
/** Two records of limits, so that one can be written while the other is in force. */
export const THREAD_LIMITS = 192;
export const LIMITS_BYTES = 512;
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
export const LIMITS_CREDIT = 72; // u64
export const LIMITS_TAU_BEFORE = 80; // u64
export const LIMITS_LONGEST_TIMEOUT_MS = 88; // f64
export const LIMITS_LONGEST_PROBE_TIMEOUT_MS = 96; // f64
export const LIMITS_SLICE_TICKS = 104; // u64
export const LIMITS_QUANTUM_TICKS = 112; // u64
export const LIMITS_COUNTS_ALL = 62; // u8
export const LIMITS_MINIMUM_CALLS = 124; // u32
export const LIMITS_CLASSES = 120; // u32, the address of the classes
/** The bucket that newcomers share: its fields stand where those of a peer's bucket do. */
export const LIMITS_NEWCOMERS = 128;
/** What the configuration says, an f64 each, in the order below. */
export const LIMITS_SETTINGS = 256;
export const THREAD_ID = 1216; // 64 bytes of slack behind the longest ID
export const THREAD_BATCH = 2304; // THREAD_ID + MAX_ID_BYTES + 64
/** Slot and epoch of the row that the last call by ID found, u32 each; a slot that no row has where it found none. */
export const THREAD_FOUND = 10496; // THREAD_BATCH + BATCH * 8
export const THREAD_APPENDED = 10504; // how many events each ring got so far, u32 each, modulo 2³²
export const THREAD_CREDIT_REJECTED = 10512; // u64: rejections for lack of credit
export const THREAD_RINGS = 10560; // a multiple of 64
export const THREAD_BYTES = 11520; // THREAD_RINGS + SHARED_RINGS_BYTES, a multiple of 64
/** The only block of a plain table has longer rings, and behind them what a token costs on some slots: the time, and the limits and load, for which these prices hold (u64 each), and the entries. */
export const PLAIN_PRICES_START = 22848; // THREAD_RINGS + PLAIN_RINGS_BYTES
export const PLAIN_PRICES_TICKS = 22856;
export const PLAIN_PRICES_UNDER = 22864;
export const PLAIN_PRICES = 22912;
/** A power of two. An entry is a PEER word and a price, u64 each. */
export const PRICES = 1024;
export const PLAIN_THREAD_BYTES = 39296; // PLAIN_PRICES + PRICES * 16

/** Class 0 is that of peers without a class. */
export const CLASSES = 64;
export const CLASS_BYTES = 24; // most tokens at once u64, exponent i32, mask of the load u32, factor f64 (0: nobody's number)
export const CLASS_NAME_BYTES = 32; // UTF-8, zeros behind it
export const CLASS_NAMES = 1536; // CLASSES * CLASS_BYTES

// ── where each section starts, given where the one before it does ────────────────────────────────────────────────────

export function indexAt(capacity: number): number {
  return ROWS + (capacity + 1) * ROW_BYTES;
}

export function coldAt(index: number, capacity: number): number {
  return index + setCount(capacity) * SET_BYTES;
}

export function freeAt(cold: number, capacity: number): number {
  return Math.ceil((cold + capacity * COLD_BYTES) / 8) * 8;
}

/** The free slots are a tree of 64-bit words, 64 children a word: how many words stand above the leaves. */
export function freeInner(capacity: number): number {
  if (capacity <= 64) return 0;
  if (capacity <= 4096) return 1;
  return capacity <= 262144 ? 65 : 4161;
}

/** Behind the leaves of that tree: a bit for each pair of rows of which one owes. */
export function owingAt(free: number, inner: number, capacity: number): number {
  return free + (inner + Math.ceil(capacity / 64)) * 8;
}

export function threadsAt(free: number, inner: number, capacity: number): number {
  const end = owingAt(free, inner, capacity) + Math.ceil(capacity / 128) * 8;
  return Math.ceil(end / 64) * 64;
}

export function tableEnd(threadBlocks: number, threads: number): number {
  return threadBlocks + (threads == 1 ? PLAIN_THREAD_BYTES : threads * THREAD_BYTES);
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

/** The permit of a rejection that shadow mode lets through: no row's life has the number 0. */
export const SHADOW_PERMIT = 1;

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
export const STATE_RECOVERING = 3;
/** Only looks tell them apart from open and closed. */
export const STATE_FORCED_OPEN = 4;
export const STATE_FORCED_CLOSED = 5;

export const OUTCOME_SUCCESS = 0;
export const OUTCOME_FAILURE = 1;
export const OUTCOME_IGNORED = 2;

export const ON_FULL_OVERFLOW = 0;
export const ON_FULL_REJECT = 1;

export const GENERATION_BITS = 14;

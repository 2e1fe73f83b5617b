/** The table's layout: every field has bytes of its own, is aligned, and each section ends before the next begins. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as debtLayout from '../assembly/debt-layout.js';
import * as events from '../assembly/event-layout.js';
import * as layout from '../assembly/layout.js';
import * as settingLayout from '../assembly/setting-layout.js';
import { tableBytes } from '../src/wasm/core.js';

const test = suite('layout');

const numbers = new Map<string, unknown>([...Object.entries(layout), ...Object.entries(debtLayout)]);

type Field = readonly [name: keyof typeof layout | keyof typeof debtLayout, bytes: number, alignment?: number];

const HEADER_FIELDS: readonly Field[] = [
  ['AT_MAGIC', 4],
  ['AT_ABI', 4],
  ['AT_CAPACITY', 4],
  ['AT_THREADS', 4],
  ['AT_KEY', 16, 8],
  ['AT_ORIGIN', 8],
  ['AT_NODES', 4],
  ['AT_CREDIT', 8],
  ['AT_BIRTHS', 4],
  ['AT_FRESH', 4],
  ['AT_HAND', 4],
  ['AT_FORCE', 8],
  ['AT_SWEPT', 4],
  ['AT_ERA', 4],
  ['AT_MEMBERS', 8],
  ['AT_INNER', 32, 8],
  ['AT_OUTER', 32, 8],
  ['AT_HINT', 4],
  ['AT_URGENT', 4],
  ['AT_EXTRAS', 4],
  ['AT_PRICED', 4],
  ['AT_NEWCOMERS', 8],
  ['AT_FLEET', 8 * 2 * layout.FLEET_COUNTS, 8],
  ['AT_OCTAVE', 8 * 16, 8],
  ['AT_SHA', 4 * (64 + 8), 4],
  ['AT_TENANTS', 4 * layout.MAX_THREADS, 4],
  ['STRIPES', 8 * layout.STRIPE_COUNT, 8],
];
const ROW_FIELDS: readonly Field[] = [
  ['ROW_META', 8],
  ['ROW_FINGERPRINT', 8],
  ['ROW_BUCKET', 8],
  ['ROW_BREAKER', 8],
  ['ROW_WINDOW', 8],
  ['ROW_OWED', 8],
  ['ROW_PEER', 8],
  ['ROW_ALLOWED', 4, 8], // written together with the next
  ['ROW_RATE_LIMITED', 4],
];
const COLD_FIELDS: readonly Field[] = [
  ['COLD_CIRCUIT_REJECTED', 4],
  ['COLD_FAILURES', 4],
  ['COLD_LAST_FAILURE', 4],
  ['COLD_BACKOFF', 4],
  ['COLD_POSITION', 4],
  ['COLD_ID_LENGTH', 2],
  ['COLD_ID', debtLayout.ID_KEPT_DIGESTED, 1],
  ['COLD_DIGEST', debtLayout.DIGEST_BYTES, 4],
  ['COLD_DIGEST_CHECK', 4],
];
const LIMITS_FIELDS: readonly Field[] = [
  ['LIMITS_TICKS_PER_TOKEN', 8],
  ['LIMITS_BURST', 8],
  ['LIMITS_TAU', 8],
  ['LIMITS_LATEST', 8],
  ['LIMITS_CHANGED_AT', 8],
  ['LIMITS_TIMEOUT_MS', 8],
  ['LIMITS_PROBE_TIMEOUT_MS', 8],
  ['LIMITS_THRESHOLD', 4],
  ['LIMITS_PROBES', 1],
  ['LIMITS_ON_FULL', 1],
  ['LIMITS_BEFORE', 8],
  ['LIMITS_CREDIT', 8],
  ['LIMITS_TAU_BEFORE', 8],
  ['LIMITS_LONGEST_TIMEOUT_MS', 8],
  ['LIMITS_LONGEST_PROBE_TIMEOUT_MS', 8],
  ['LIMITS_SLICE_TICKS', 8],
  ['LIMITS_QUANTUM_TICKS', 8],
  ['LIMITS_CLASSES', 4],
  ['LIMITS_MINIMUM_CALLS', 4],
  ['LIMITS_COUNTS_ALL', 1],
  ['LIMITS_NEWCOMERS', layout.LIMITS_TAU_BEFORE + 8, 8],
  ['LIMITS_SETTINGS', 8 * settingLayout.SETTINGS, 8],
];
const THREAD_FIELDS: readonly Field[] = [
  ['COUNT_ALLOWED', 8 * layout.COUNTER_COUNT, 8], // the counters, of which this is the first
  ['THREAD_INSTANT', 8],
  ['THREAD_SLICE', 24, 8],
  ['THREAD_QUANTUM', 24, 8],
  ['THREAD_QUIET', 8],
  ['THREAD_LIMITS', 2 * layout.LIMITS_BYTES, 8],
  ['THREAD_ID', layout.MAX_ID_BYTES + 64, 8],
  ['THREAD_BATCH', 8 * layout.BATCH, 8],
  ['THREAD_FOUND', 8, 4],
  ['THREAD_APPENDED', 4 * events.RINGS, 4],
  ['THREAD_CREDIT_REJECTED', 8],
  ['THREAD_RINGS', events.SHARED_RINGS_BYTES, 64],
];

const DEBT_FIELDS: readonly Field[] = [
  ['DEBT_SLOT', 4],
  ['DEBT_EPOCH', 4],
  ['DEBT_TOKENS', 4],
  ['DEBT_TOKEN_MS', 8],
  ['DEBT_DIGEST', debtLayout.DIGEST_BYTES, 8],
];

for (const [what, prefix, fields, start, end] of [
  ['the header', /^(AT_|STRIPES)/, HEADER_FIELDS, layout.HEADER, layout.ROWS],
  ['a row', /^ROW_(?!BITS|BYTES)/, ROW_FIELDS, 0, layout.ROW_BYTES],
  ['a cold record', /^COLD_(?!BYTES|DIGESTED)/, COLD_FIELDS, 0, layout.COLD_BYTES],
  ['a record of limits', /^LIMITS_(?!BYTES)/, LIMITS_FIELDS, 0, layout.LIMITS_BYTES],
  ['a debt, as it is told of', /^DEBT_(?!BYTES)/, DEBT_FIELDS, 0, debtLayout.DEBT_BYTES],
  ['a thread’s block', /^(COUNT_ALLOWED|THREAD_(?!BYTES))/, THREAD_FIELDS, 0, layout.THREAD_BYTES],
] as const) {
  test(`the fields of ${what} are aligned, do not overlap, and stay inside`, () => {
    const names = [...numbers.keys()].filter((name) => prefix.test(name));
    assert.equal(fields.map(([name]) => name).sort(), names.sort(), 'all of them are known here');
    const placed = fields.map(([name, bytes, alignment = bytes]) => ({
      name,
      at: numbers.get(name) as number,
      bytes,
      alignment,
    }));
    placed.sort((a, b) => a.at - b.at);
    let free: number = start;
    for (const { name, at, bytes, alignment } of placed) {
      assert.is(at % alignment, 0, `${name} is aligned`);
      assert.ok(at >= free, `${name} begins after what is before it`);
      free = at + bytes;
    }
    assert.ok(free <= end, 'the last one ends inside');
  });
}

test('what never changes, what claims change and what configure changes have cache lines of their own', () => {
  const lineOf = (at: number) => Math.floor(at / 64);
  const lines = [
    [layout.AT_MAGIC, layout.AT_ABI, layout.AT_CAPACITY, layout.AT_THREADS, layout.AT_KEY, layout.AT_ORIGIN],
    [layout.AT_BIRTHS, layout.AT_FRESH, layout.AT_HAND],
    [layout.AT_FORCE, layout.AT_SWEPT, layout.AT_ERA, layout.AT_MEMBERS, layout.AT_EXTRAS, layout.AT_PRICED],
  ].map((fields) => new Set(fields.map(lineOf)));
  for (const line of lines) assert.is(line.size, 1);
  assert.is(new Set(lines.flatMap((line) => [...line])).size, 3);
  for (const start of [layout.HEADER, layout.ROWS, layout.ROW_BYTES, layout.SET_BYTES, layout.THREAD_BYTES]) {
    assert.is(start % 64, 0);
  }
});

test('the counters are numbered one after the other', () => {
  const counters = [...numbers].filter(([name]) => name.startsWith('COUNT_'));
  assert.equal(
    counters.map(([, number]) => number as number).sort((a, b) => a - b),
    Array.from({ length: layout.COUNTER_COUNT }, (_, i) => i),
  );
});

test('sizes that are written out are those of their parts', () => {
  assert.is(layout.ROW_BYTES, 2 ** layout.ROW_BITS);
  assert.is(layout.MAX_PEERS, 2 ** layout.SLOT_BITS);
  assert.is(layout.SET_BYTES, 2 ** layout.SET_BITS);
  assert.is(events.PLAIN_RINGS_BYTES, events.RINGS * events.PLAIN_EVENTS * events.EVENT_BYTES);
  assert.is(events.SHARED_RINGS_BYTES, (events.SHARED_CIRCUITS + events.SHARED_TABLE) * events.EVENT_BYTES);
  for (const shared of [true, false]) {
    const ends = [0, 1].map(
      (ring) => events.ringStart(ring, shared) + events.ringEvents(ring, shared) * events.EVENT_BYTES,
    );
    assert.equal(ends, [events.ringStart(1, shared), shared ? events.SHARED_RINGS_BYTES : events.PLAIN_RINGS_BYTES]);
    for (const ring of [0, 1]) assert.is(Math.log2(events.ringEvents(ring, shared)) % 1, 0, 'numbers wrap at 2³²');
  }
  assert.is(events.EVENT_BYTES, events.EVENT_TIME + 8, 'the time is the last');
  assert.is(layout.THREAD_BYTES, layout.THREAD_RINGS + events.SHARED_RINGS_BYTES);
  assert.is(layout.PLAIN_PRICES_START, layout.THREAD_RINGS + events.PLAIN_RINGS_BYTES);
  assert.equal(
    [layout.PLAIN_PRICES_TICKS, layout.PLAIN_PRICES_UNDER],
    [8, 16].map((i) => layout.PLAIN_PRICES_START + i),
  );
  assert.is(layout.PLAIN_PRICES % 64, 0);
  assert.ok(layout.PLAIN_PRICES >= layout.PLAIN_PRICES_UNDER + 8);
  assert.is(Math.log2(layout.PRICES) % 1, 0);
  assert.is(layout.PLAIN_THREAD_BYTES, layout.PLAIN_PRICES + 16 * layout.PRICES);
  assert.is(layout.SET_BYTES, layout.SET_ENTRIES * layout.ENTRY_BYTES);
  assert.is(layout.RECORD_BYTES, layout.ROW_BYTES + layout.COLD_BYTES);
  assert.is(layout.RECORDS, Math.floor((8 * layout.BATCH) / layout.RECORD_BYTES));
  assert.is(layout.ROWS, layout.CLASS_TABLES + 2 * layout.CLASSES_BYTES);
  assert.ok(layout.CLASS_TABLES >= layout.AT_SHA + 4 * 72);
  assert.ok(
    debtLayout.DEBTS * debtLayout.DEBT_BYTES + 32 + 64 + 32 <= 8 * layout.BATCH,
    'debts, and behind them room for hashing',
  );
  assert.is(debtLayout.ID_KEPT_DIGESTED, debtLayout.COLD_DIGEST - layout.COLD_ID);
  assert.is(layout.CLASS_NAMES, layout.CLASSES * layout.CLASS_BYTES);
  assert.is(layout.CLASSES_BYTES, layout.CLASS_NAMES + layout.CLASSES * layout.CLASS_NAME_BYTES);
  assert.is(settingLayout.ROOM_CLASSES, 8 * settingLayout.SETTINGS);
  assert.is(settingLayout.ROOM_CLASS_NAMES, settingLayout.ROOM_CLASSES + 16 * layout.CLASSES);
  assert.ok(settingLayout.ROOM_CLASS_NAMES + layout.CLASSES * layout.CLASS_NAME_BYTES <= 8 * layout.BATCH);
  assert.is(layout.ID_KEPT, layout.COLD_BYTES - layout.COLD_ID);
  assert.is(layout.SLOT_BITS + layout.EPOCH_BITS, 53, 'a reference fits a double');
  assert.is(layout.EPOCH_BITS + layout.LIFE_BITS, 32, 'epoch and life fill the upper half of META');
});

test('a table has at most 160 bytes a peer, and one of 32 threads has 128 KB beside that', () => {
  const perPeer = (peers: number, threads: number) => tableBytes(peers, threads) / peers;
  assert.ok(perPeer(20_000, 1) <= 160, `${perPeer(20_000, 1)}`);
  assert.ok(perPeer(65_536, 1) <= 157, `${perPeer(65_536, 1)}`);
  for (const peers of [100_000, 1_000_000, layout.MAX_PEERS])
    assert.ok(perPeer(peers, layout.MAX_THREADS) <= 160, `${peers}: ${perPeer(peers, layout.MAX_THREADS)}`);
  // Half of what a thread's block costs is the room for a batch of 1 024 handles.
  for (const peers of [65_536, 80_000])
    assert.ok(
      tableBytes(peers, layout.MAX_THREADS) <= 160 * peers + 131_072,
      `${peers}: ${perPeer(peers, layout.MAX_THREADS)}`,
    );
});

for (const capacity of [1, 16, 17, 64, 65, 100, 4_096, 4_097, 65_536, 262_144, 262_145, 1_000_000, layout.MAX_PEERS]) {
  test(`a table for ${capacity} peers has room for all of its sections, one behind the other`, () => {
    const index = layout.indexAt(capacity);
    assert.ok(index >= layout.ROWS + (capacity + 1) * layout.ROW_BYTES, 'rows, and the overflow row');
    const sets = layout.setCount(capacity);
    assert.ok(sets >= 2 && sets * layout.SET_ENTRIES >= (capacity > 16 ? 2 : 1) * capacity, 'entries for all');
    const cold = layout.coldAt(index, capacity);
    assert.ok(cold >= index + sets * layout.SET_BYTES);
    const free = layout.freeAt(cold, capacity);
    assert.ok(free >= cold + capacity * layout.COLD_BYTES);
    assert.is(free % 8, 0);

    const inner = layout.freeInner(capacity);
    const words = inner + Math.ceil(capacity / 64);
    // Node i has the children 64 · i + 1 … 64 · i + 64, so that the parent of a leaf has to be an inner node.
    for (const leaf of [inner, words - 1]) {
      if (leaf > 0) assert.ok(Math.floor((leaf - 1) / 64) < inner, 'every leaf hangs below an inner node');
    }
    const owing = layout.owingAt(free, inner, capacity);
    assert.ok(owing >= free + words * 8);
    const blocks = layout.threadsAt(free, inner, capacity);
    assert.ok(blocks >= owing + Math.ceil(capacity / 128) * 8);
    assert.is(blocks % 64, 0);
    assert.is(layout.tableEnd(blocks, 1), blocks + layout.PLAIN_THREAD_BYTES);
    for (const threads of [2, layout.MAX_THREADS]) {
      assert.is(layout.tableEnd(blocks, threads), blocks + threads * layout.THREAD_BYTES);
    }
    assert.ok(layout.tableEnd(blocks, layout.MAX_THREADS) < 2 ** 32, 'all of it can be addressed');
  });
}

test.run();

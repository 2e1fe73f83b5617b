// Fingerprint → row. A fingerprint has two candidate sets of eight entries, and each set is one cache line. So a look-up reads
// at most two lines, however full the table is, and nothing is ever rehashed. At half load, two sets of eight are enough
// for every insert to find room.
//
// An entry is a hint; only the row itself says who owns it. When a row is given up its entry belongs to nobody. The next
// owner of the row clears it by its position.

import { ENTRY_BYTES, EPOCH_BITS, SET_BITS, SET_BYTES, SLOT_BITS } from './layout';
import { cas64, load32, load64, SHARED, store32, store64 } from './memory';
import { index, rowAt, sets } from './place';
import { CLOSING, casMeta, epochOf, getFingerprint, getMeta, LIMBO, LIVE, lifeOf, meta } from './row';

const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;
/** With fewer entries than this, the first set takes a newcomer and the second set is not read. */
const ROOMY: u32 = 5;

/** No row. */
export const NONE: i64 = -1;

// A reference names the life of a row: epoch 29 ─ 24 ─ slot 24. It fits a double.

export function refOf(slot: u32, epoch: u32): i64 {
  if (!ASC_NO_ASSERT) assert(slot >> SLOT_BITS == 0 && epoch >> EPOCH_BITS == 0);
  return ((<i64>epoch) << SLOT_BITS) | <i64>slot;
}

export function slotOf(ref: i64): u32 {
  return <u32>(ref & SLOT_MASK);
}

export function epochIn(ref: i64): u32 {
  return <u32>(ref >> SLOT_BITS);
}

function tagOf(fingerprint: u64): u64 {
  const tag = (fingerprint * 0x9e3779b97f4a7c15) >> SLOT_BITS;
  return tag ? tag : 1;
}

function firstSet(fingerprint: u64): usize {
  return index + ((<usize>(((fingerprint >> 32) * <u64>sets) >> 32)) << SET_BITS);
}

/** Never the same set as the first. In a table with only two sets, every fingerprint uses both. */
function secondSet(fingerprint: u64, first: usize): usize {
  const set = index + ((<usize>(((fingerprint & 0xffffffff) * <u64>sets) >> 32)) << SET_BITS);
  if (set != first) return set;
  const next = set + SET_BYTES;
  return next == index + ((<usize>sets) << SET_BITS) ? index : next;
}

/** The row of this fingerprint, or NONE. */
export function find(fingerprint: u64): i64 {
  const tag = tagOf(fingerprint);
  const first = firstSet(fingerprint);
  let set = first;
  while (true) {
    for (let at = set; at < set + <usize>SET_BYTES; at += ENTRY_BYTES) {
      const entry = load64(at);
      if (entry >> SLOT_BITS != tag) continue;
      const slot = <u32>(entry & SLOT_MASK);
      const row = rowAt(slot);
      const word = getMeta(row);
      if (lifeOf(word) == LIMBO || getFingerprint(row) != fingerprint) continue;
      // Shared build: the peer of a row that is being reclaimed has come back, so the row is taken back from the hand.
      if (SHARED && lifeOf(word) == CLOSING && !casMeta(row, word, meta(epochOf(word), LIVE, 0)))
        return find(fingerprint);
      return refOf(slot, epochOf(word));
    }
    if (set != first) return NONE;
    set = secondSet(fingerprint, first);
  }
}

/** Writes an entry for the row: into the first set if it has room, else into the emptier set. False if both are full. */
export function place(fingerprint: u64, slot: u32, position: usize): bool {
  const entry = (tagOf(fingerprint) << SLOT_BITS) | <u64>slot;
  const first = firstSet(fingerprint);
  const second = secondSet(fingerprint, first);
  const taken = entriesIn(first);
  const preferred = taken < ROOMY || taken <= entriesIn(second) ? first : second;
  let set = preferred;
  while (true) {
    for (let at = set; at < set + <usize>SET_BYTES; at += ENTRY_BYTES) {
      if (load64(at) != 0) continue;
      store32(position, 1 + <u32>((at - index) / ENTRY_BYTES));
      if (cas64(at, 0, entry)) return true;
    }
    if (set != preferred) break;
    set = first ^ second ^ preferred;
  }
  store32(position, 0);
  return false;
}

function entriesIn(set: usize): u32 {
  let taken: u32 = 0;
  for (let i: usize = 0; i < <usize>SET_BYTES; i += ENTRY_BYTES) taken += <u32>(load64(set + i) != 0);
  return taken;
}

/** Clears the entry that the last owner of a row left, if the entry still names that row. */
export function clear(slot: u32, position: usize): void {
  const place = load32(position);
  if (place == 0) return;
  const at = index + <usize>(place - 1) * ENTRY_BYTES;
  if (!ASC_NO_ASSERT) assert(at < index + <usize>sets * SET_BYTES);
  const entry = load64(at);
  if (entry != 0 && <u32>(entry & SLOT_MASK) == slot) store64(at, 0);
  store32(position, 0);
}

// One limit across machines: a machine decides alone and pays afterwards. What its peers were given and the others were not
// told of yet, they owe; nobody owes more than the credit, so that is all that can be given too much.
//
//      OWED   63 ─ life 32 ─ 32 ─ tokens 32 ─ 0
//
// Tokens are owed first and then taken from the bucket, so what was taken is always owed. The other way round `learn` raises
// the bucket first and then takes from what is owed. Either thread may die in between: then a little is paid twice.
//
// A bit for each pair of rows says that one of them may owe. It is set after the word, and cleared where neither owes anything;
// whoever clears it looks at both once more afterwards.

import {
  AT_EXTRAS,
  AT_HINT,
  AT_URGENT,
  EXTRAS_COUNTED,
  EXTRAS_CREDIT,
  EXTRAS_SHUT,
  THREAD_CREDIT_REJECTED,
} from './layout';
import { credit } from './limits';
import { and64, load32, load64, loadCount64, or64, raise, SHARED, storeCount64 } from './memory';
import { block, capacity, owing, rowAt, usedSlots } from './place';
import { casOwed, getMeta, getOwed, LIMBO, lifeOf, setOwed } from './row';

const TOKENS: u64 = 0xffffffff;
const LIFE: u64 = 0x100000000;
const TICK_BITS: u64 = 20;

/** While this is set, this thread's checks and refunds change buckets alone: who asked for them pays at once. */
export let apart: bool = false;

export function setApart(on: bool): void {
  apart = on;
}

export function owedIn(word: u64): u64 {
  return word & TOKENS;
}

/** A newborn's word, after one of the row's last owner. */
export function newborn(before: u64, cost: u64): u64 {
  const counts = (load32(AT_EXTRAS) & EXTRAS_COUNTED) != 0 && !apart;
  return ((before & ~TOKENS) + LIFE) | (counts ? min<u64>(cost, TOKENS) : 0);
}

/** Whether what this row's peer gets is counted. Those who share the overflow row have no name outside. */
export function counts(slot: u32, extras: u32): bool {
  return (extras & EXTRAS_COUNTED) != 0 && slot != capacity && !apart;
}

export function isShut(extras: u32): bool {
  return (extras & EXTRAS_SHUT) != 0;
}

/** Who owes nothing may ask for more than the credit. */
export function hasCredit(word: u64, cost: u64, extras: u32, limits: usize): bool {
  const owed = owedIn(word);
  return owed == 0 || owed + cost <= credit(limits) || (extras & EXTRAS_CREDIT) == 0;
}

/** How long a rejection for lack of credit tells the peer to wait, in ticks: nobody knows it, so as long as paying took last. */
export function untilPaid(): i64 {
  return (<i64>max<u32>(load32(AT_HINT), 1)) << TICK_BITS;
}

export function tallyLackOfCredit(): void {
  const at = block + THREAD_CREDIT_REJECTED;
  storeCount64(at, loadCount64(at) + 1);
}

/** Adds tokens to what is owed, before they are taken from the bucket; false where the word has changed. */
export function owe(slot: u32, word: u64, cost: u64, limits: usize): bool {
  const before = owedIn(word);
  const after = min<u64>(before + cost, TOKENS);
  if (!casOwed(rowAt(slot), word, (word & ~TOKENS) | after)) return false;
  announce(slot, before, after, limits);
  return true;
}

/** From how much owed on it is time to pay. */
export function half(limits: usize): u64 {
  return (credit(limits) + 1) >> 1;
}

/** Makes known that a row owes now, and that it owes half of its credit now. */
export function announce(slot: u32, before: u64, after: u64, limits: usize): void {
  if (before == 0 && after != 0) list(slot);
  if (before < half(limits) && after >= half(limits)) raise(AT_URGENT);
}

/** Takes tokens from what this life of the row owes: they were given back, or paid. What is still owed. */
export function unowe(slot: u32, life: u64, cost: u64): u64 {
  const row = rowAt(slot);
  while (true) {
    const word = getOwed(row);
    if ((word ^ life) & ~TOKENS) return 0;
    const left = owedIn(word) - min<u64>(owedIn(word), cost);
    if (!casOwed(row, word, (word & ~TOKENS) | left)) continue;
    if (left == 0) unlist(slot);
    return left;
  }
}

/** Whether the row has to be kept for what it owes. */
export function owes(row: usize): bool {
  return owedIn(getOwed(row)) != 0 && (load32(AT_EXTRAS) & EXTRAS_COUNTED) != 0;
}

// ── which rows owe ───────────────────────────────────────────────────────────────────────────────────────────────────

function wordAt(slot: u32): usize {
  return owing + ((<usize>(slot >> 7)) << 3);
}

function bitOf(slot: u32): u64 {
  return (<u64>1) << ((slot >> 1) & 63);
}

export function list(slot: u32): void {
  or64(wordAt(slot), bitOf(slot));
}

/** Forgets a row that owes nothing, unless it or its neighbour does by now. */
export function unlist(slot: u32): void {
  if (pairOwes(slot)) return;
  and64(wordAt(slot), ~bitOf(slot));
  if (pairOwes(slot)) list(slot);
}

/** The neighbour of the last row may be the overflow row, which never owes. */
function pairOwes(slot: u32): bool {
  return isDebtor(slot & ~1) || isDebtor(slot | 1);
}

function isDebtor(slot: u32): bool {
  const row = rowAt(slot);
  return owedIn(getOwed(row)) != 0 && lifeOf(getMeta(row)) != LIMBO;
}

/** The next slot from `from` on whose row may owe; `capacity` or more where there is none. */
export function nextOwing(from: u32): u32 {
  const used = usedSlots();
  for (let slot = from; slot < used; slot = (slot | 127) + 1) {
    const bits = load64(wordAt(slot)) >> ((slot >> 1) & 63);
    if (bits & 1) return slot;
    if (bits) return (slot & ~1) + ((<u32>ctz<u64>(bits)) << 1);
  }
  return capacity;
}

/** Lists what threads that died did not come to list. */
export function relist(): void {
  if (!SHARED) return;
  const used = usedSlots();
  for (let slot: u32 = 0; slot < used; slot++) {
    if (isDebtor(slot)) list(slot);
  }
}

/** Forgets all that is owed. Nobody counts while this is done; bits that are left are cleared by who finds nothing there. */
export function forgetDebts(): void {
  const used = usedSlots();
  for (let slot: u32 = 0; slot < used; slot++) setOwed(rowAt(slot), getOwed(rowAt(slot)) & ~TOKENS);
}

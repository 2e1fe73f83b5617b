// The free slots, as a tree of 64-bit words with 64 children each. A bit is set for every subtree that may hold a free slot.
//
//      word 0          ┌ root ┐                children of word i: 64·i + 1 … 64·i + 64
//      words 1 … 64    ├──────┼── … ──┐        the leaves, one bit a slot, come after `inner` words
//      words 65 …      └──────┴── … ──┘
//
// Bits are hints. Setting one twice does no harm, and META decides whether a slot is free. When a word becomes empty, the bit
// above it stays set. The next search that finds the word empty clears that bit.

import { and64, load64, or64 } from './memory';
import { capacity, free, inner } from './place';

export const NO_SLOT: u32 = 0xffffffff;

function wordAt(node: u32): usize {
  return free + ((<usize>node) << 3);
}

export function markFree(slot: u32): void {
  if (!ASC_NO_ASSERT) assert(slot < capacity);
  let node = inner + (slot >> 6);
  let child = slot & 63;
  while (true) {
    or64(wordAt(node), (<u64>1) << child);
    if (node == 0) return;
    child = (node - 1) & 63;
    node = (node - 1) >> 6;
  }
}

/** Takes one free slot; NO_SLOT if there is none. */
export function takeFree(): u32 {
  let node: u32 = 0;
  while (true) {
    const bits = load64(wordAt(node));
    if (bits == 0) {
      if (node == 0) return NO_SLOT;
      const parent = (node - 1) >> 6;
      const bit = (<u64>1) << ((node - 1) & 63);
      and64(wordAt(parent), ~bit);
      // Another thread may have freed a slot in this word after the load and before the bit was cleared.
      if (load64(wordAt(node)) != 0) or64(wordAt(parent), bit);
      node = 0;
      continue;
    }
    const child = <u32>ctz<u64>(bits);
    if (node < inner) {
      node = (node << 6) + 1 + child;
      continue;
    }
    const bit = (<u64>1) << child;
    if (and64(wordAt(node), ~bit) & bit) return ((node - inner) << 6) + child;
  }
}

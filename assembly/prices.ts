// What a token costs the peers whose price is not T. A price follows from the PEER word, the limits, the load, and the quantum
// of reputations.
//
// The plain build keeps the price that it worked out last for each of 1 024 slots. An entry with the same PEER word is right,
// whoever has the slot, as long as the other three are the same. When one of them changes, all entries are forgotten.
//
// The shared build works the price out each time, because prices kept by 32 threads would take 5 bytes a peer in a table for
// 100 000. Only the quantum is kept: finding it needs a division.

import { PLAIN_PRICES, PLAIN_PRICES_START, PLAIN_PRICES_TICKS, PLAIN_PRICES_UNDER, PRICES } from './layout';
import { limitsOf, quantumTicks } from './limits';
import { SHARED } from './memory';
import { since, startOf } from './periods';
import { block } from './place';
import { priceIn, priceOf } from './price';
import { isQuantumKept, quantumKept } from './reputation';

/** A PEER word with a score that nobody can have. */
const NOBODYS: u64 = 0x7fff << 6;

function entryOf(slot: u32): usize {
  return block + ((<usize>(slot & (PRICES - 1))) << 4);
}

/** Limits and load as one word. No two pairs share it: other limits have another version, and the load has only eight bits. */
function under(force: u64, extras: u32): u64 {
  return force ^ <u64>extras;
}

/** Whether the price for this PEER word at this instant is kept, or can be had without a division. */
export function isPriceAtHand(slot: u32, peer: u64, extras: u32, force: u64, instant: u64): bool {
  if (SHARED) return isQuantumKept(instant, limitsOf(force));
  const differs =
    (load<u64>(block, PLAIN_PRICES_UNDER) ^ under(force, extras)) | (load<u64>(entryOf(slot), PLAIN_PRICES) ^ peer);
  return differs == 0 && instant - load<u64>(block, PLAIN_PRICES_START) < load<u64>(block, PLAIN_PRICES_TICKS);
}

export function priceAtHand(slot: u32, peer: u64, extras: u32, limits: usize): u64 {
  if (SHARED) return priceIn(quantumKept(), peer, extras, limits);
  return load<u64>(entryOf(slot), PLAIN_PRICES + 8);
}

/** Works the price out, and keeps what the next check needs. */
export function newPrice(slot: u32, peer: u64, extras: u32, force: u64, instant: u64): u64 {
  if (SHARED) return priceOf(peer, extras, instant, limitsOf(force));
  const isWithin = instant - load<u64>(block, PLAIN_PRICES_START) < load<u64>(block, PLAIN_PRICES_TICKS);
  if (!isWithin || load<u64>(block, PLAIN_PRICES_UNDER) != under(force, extras)) {
    const ticks = quantumTicks(limitsOf(force));
    store<u64>(block, startOf(since(instant) / ticks, ticks), PLAIN_PRICES_START);
    store<u64>(block, ticks, PLAIN_PRICES_TICKS);
    store<u64>(block, under(force, extras), PLAIN_PRICES_UNDER);
    for (let i: u32 = 0; i < <u32>PRICES; i++) store<u64>(entryOf(i), NOBODYS, PLAIN_PRICES);
  }
  store<u64>(entryOf(slot), peer, PLAIN_PRICES);
  const price = priceOf(peer, extras, instant, limitsOf(force));
  store<u64>(entryOf(slot), price, PLAIN_PRICES + 8);
  return price;
}

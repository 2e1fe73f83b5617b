// Rows of strings seen lately. Hashing a string costs several times the decision, and comparing two that are equal costs
// next to nothing where they are one object; so a small direct-mapped cache stands before the index.
//
//      a few of the string's characters ──► its mark ──► one entry: the string, its mark, its row's slot and epoch
//
// What it says is a hint: the core checks the epoch. A flood of names, or names made to collide here, only misses.

const MOST_ENTRIES = 65_536;
/** So many that few share one: what is not here pays for hashing. */
const ENTRIES_PER_PEER = 8;
/** An odd number without a pattern; multiplying by it carries every bit upwards. */
const PRIME = 0x85ebca6b;
/** The longest ID of which all characters are mixed. */
const SHORT = 16;

/** An entry's words. */
const MARK = 0;
const SLOT = 1;
const EPOCH = 2;
/**
 * 31 ─ of mark and slot that missed here last 28 ─ 4 ─ worth 4 ─ 0. Only an ID that misses twice running gets the entry, so
 * that passers-by displace nobody; and not before misses have used up what hits have added to its worth, so that two IDs
 * that share an entry do not oust each other.
 */
const RIVAL = 3;
const ENTRY_BITS = 2;
const WORTH = 15;

export class RecentIds {
  readonly #ids: string[];
  /** Of all entries. The mark is compared first: a string that is not the one is not even looked at. */
  readonly #words: Int32Array;
  readonly #shift: number;

  constructor(maxPeers: number) {
    const bits = 32 - Math.clz32(Math.min(MOST_ENTRIES, ENTRIES_PER_PEER * maxPeers) - 1);
    const entries = 2 ** bits;
    this.#shift = 32 - bits;
    this.#ids = new Array<string>(entries).fill('');
    this.#words = new Int32Array(entries << ENTRY_BITS);
  }

  /** The entry that holds this ID, whose mark is given, or -1. */
  find(mark: number, id: string): number {
    const entry = mark >>> this.#shift;
    const words = this.#words;
    const at = entry << ENTRY_BITS;
    if (words[at + MARK] !== mark || this.#ids[entry] !== id) return -1;
    const rival = words[at + RIVAL] as number;
    if ((rival & WORTH) < WORTH) words[at + RIVAL] = rival + 1;
    return entry;
  }

  clear(): void {
    this.#ids.fill('');
    this.#words.fill(0);
  }

  slot(entry: number): number {
    return this.#words[(entry << ENTRY_BITS) + SLOT] as number;
  }

  epoch(entry: number): number {
    return this.#words[(entry << ENTRY_BITS) + EPOCH] as number;
  }

  /** Remembers an ID that was just looked for in vain, or whose row was not there, if its entry is worth giving up. */
  remember(mark: number, id: string, slot: number, epoch: number): void {
    const entry = mark >>> this.#shift;
    const words = this.#words;
    const at = entry << ENTRY_BITS;
    if (words[at + MARK] !== mark || this.#ids[entry] !== id) {
      const rival = words[at + RIVAL] as number;
      if (rival & WORTH) {
        words[at + RIVAL] = rival - 1;
        return;
      }
      // Neither alone names it: many IDs may have one mark, and a slot many owners one after the other.
      const claimant = (mark ^ Math.imul(slot, PRIME)) & ~WORTH;
      if (rival !== claimant) {
        words[at + RIVAL] = claimant;
        return;
      }
      this.#ids[entry] = kept(id);
      words[at + MARK] = mark;
    }
    words[at + SLOT] = slot;
    words[at + EPOCH] = epoch;
  }
}

/**
 * The same string as engines keep the names of properties: whole, where this one may be a slice that keeps a whole frame
 * alive, and the very object that was given where that can be, so that comparing the two is comparing addresses.
 */
function kept(id: string): string {
  // Without a prototype it is a dictionary from the start, so no object of anyone else gets slower by what is put here.
  const names: Record<string, true> = Object.create(null);
  names[id] = true;
  return Object.keys(names)[0] as string;
}

/**
 * What tells most IDs apart at a glance, mixed: of a short one, such as an address, all its characters; of a longer one
 * the last four, where most kinds of IDs differ, two from within, and the length.
 */
export function markOf(id: string): number {
  const { length } = id;
  let mix = length;
  if (length <= SHORT) {
    for (let i = 0; i < length; i++) mix = Math.imul(mix ^ id.charCodeAt(i), PRIME);
    return Math.imul(mix ^ (mix >>> 15), PRIME);
  }
  mix ^= (id.charCodeAt(length >> 1) << 8) ^ (id.charCodeAt(length >> 2) << 20);
  mix = Math.imul(mix, PRIME);
  mix = Math.imul(mix ^ id.charCodeAt(length - 4) ^ (id.charCodeAt(length - 3) << 16), PRIME);
  mix ^= mix >>> 15;
  mix = Math.imul(mix ^ id.charCodeAt(length - 2) ^ (id.charCodeAt(length - 1) << 16), PRIME);
  return Math.imul(mix ^ (mix >>> 13), PRIME);
}

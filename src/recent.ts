// Rows of recent strings. Hashing a string costs several times as much as the decision, and comparing two equal ones costs
// almost nothing when they are the same object. So a small direct-mapped cache stands before the index.
//
//      a few of the string's characters ──► its mark ──► one entry: the string, its mark, its row's slot and epoch
//
// An entry is a hint: the core checks the epoch. A flood of names, or names that were made to collide here, only causes
// misses.
//
// The cache keeps strings alive, 65 536 at most. Measured when full: 4 MB of heap with IDs of 52 characters, 16 MB with 256,
// 62 MB with 1 024, and twice as much where a string has characters beyond Latin-1.

const MOST_ENTRIES = 65_536;
/** With this many, few IDs share an entry. An ID that has none pays for hashing. */
const ENTRIES_PER_PEER = 8;
/** An odd number without a pattern. Multiplying by it carries every bit upwards. */
const PRIME = 0x85ebca6b;
/** The longest ID of which every character goes into the mark. */
const SHORT = 16;

/** An entry's words. */
const MARK = 0;
const SLOT = 1;
const EPOCH = 2;
/**
 * Bits 31 … 4 name the ID that missed here last, bits 3 … 0 are the worth of the ID that has the entry. A hit adds to the
 * worth, a miss takes from it. Another ID gets the entry once the worth is used up and that ID has missed twice in a row. So
 * IDs that come once displace nobody, and two IDs that share an entry do not displace each other with every call.
 */
const RIVAL = 3;
const ENTRY_BITS = 2;
const WORTH = 15;

export class RecentIds {
  readonly #ids: string[];
  /** The words of all entries. The mark is compared first, so a different string is rarely touched. */
  readonly #words: Int32Array;
  readonly #shift: number;

  constructor(maxPeers: number) {
    const bits = 32 - Math.clz32(Math.min(MOST_ENTRIES, ENTRIES_PER_PEER * maxPeers) - 1);
    const entries = 2 ** bits;
    this.#shift = 32 - bits;
    this.#ids = new Array<string>(entries).fill('');
    this.#words = new Int32Array(entries << ENTRY_BITS);
  }

  /** The entry of this ID with this mark, or -1. */
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

  /** Remembers an ID that `find` did not find, or whose row had changed, unless its entry belongs to one that is worth more. */
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
      // Neither alone names the ID: many IDs may have one mark, and a slot may have many owners in turn.
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
 * The string as engines keep property names: whole, where this one may be a slice that keeps a whole frame alive, and where
 * possible the same object, so that comparing the two compares addresses.
 */
function kept(id: string): string {
  // Without a prototype it is a dictionary from the start, so these names slow down no other object.
  const names: Record<string, true> = Object.create(null);
  names[id] = true;
  return Object.keys(names)[0] as string;
}

/**
 * A hash of what distinguishes most IDs. Of a short ID, such as an address, that is all characters. Of a longer one it is the
 * last four, where most kinds of IDs differ, two from within, and the length.
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

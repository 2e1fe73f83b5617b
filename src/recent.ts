// Rows of strings seen lately. Hashing a string costs several times the decision, and comparing two that are equal costs
// next to nothing where they are one object; so a small direct-mapped cache stands before the index.
//
//      a few of the string's characters ──► one entry: the string, its row's slot and epoch
//
// What it says is a hint: the core checks the epoch. A flood of names, or names made to collide here, only misses.

const MOST_ENTRIES = 65_536;
const MOST_WORTH = 15;
/** An odd number without a pattern; multiplying by it carries every bit upwards. */
const PRIME = 0x85ebca6b;
const decoder = new TextDecoder();

export class RecentIds {
  readonly #ids: string[];
  readonly #slots: Int32Array;
  readonly #epochs: Int32Array;
  /** What missed here last: only an ID that misses twice running gets the entry, so that passers-by displace nobody. */
  readonly #missed: Int32Array;
  /** Hits less misses since the entry was written, up to MOST_WORTH: two IDs that share an entry do not oust each other. */
  readonly #worth: Uint8Array;
  readonly #shift: number;

  constructor(maxPeers: number) {
    const bits = 32 - Math.clz32(Math.min(MOST_ENTRIES, 2 * maxPeers) - 1);
    const entries = 2 ** bits;
    this.#shift = 32 - bits;
    this.#ids = new Array<string>(entries).fill('');
    this.#slots = new Int32Array(entries);
    this.#epochs = new Int32Array(entries);
    this.#missed = new Int32Array(entries);
    this.#worth = new Uint8Array(entries);
  }

  /** The entry that is, or would be, this ID's. */
  entryOf(id: string): number {
    return mixed(id) >>> this.#shift;
  }

  has(entry: number, id: string): boolean {
    if (this.#ids[entry] !== id) return false;
    const worth = this.#worth[entry] as number;
    if (worth < MOST_WORTH) this.#worth[entry] = worth + 1;
    return true;
  }

  slot(entry: number): number {
    return this.#slots[entry] as number;
  }

  epoch(entry: number): number {
    return this.#epochs[entry] as number;
  }

  /** Remembers an ID that was just looked for in vain, if its entry is worth giving up. `bytes` begin with its UTF-8. */
  remember(entry: number, id: string, bytes: Uint8Array, length: number, slot: number, epoch: number): void {
    if (this.#ids[entry] !== id) {
      const worth = this.#worth[entry] as number;
      if (worth > 0) {
        this.#worth[entry] = worth - 1;
        return;
      }
      const mark = mixed(id);
      if (this.#missed[entry] !== mark) {
        this.#missed[entry] = mark;
        return;
      }
      // A string of its own: a slice of a received frame would keep the whole frame alive.
      this.#ids[entry] = decoder.decode(bytes.slice(0, length));
    }
    this.#slots[entry] = slot;
    this.#epochs[entry] = epoch;
  }
}

/** Mixes the length, the last four characters, where most kinds of IDs differ, and one from the middle. */
function mixed(id: string): number {
  const { length } = id;
  let mix = Math.imul(length ^ (id.charCodeAt(length >> 1) << 8), PRIME);
  if (length < 4) {
    for (let i = 0; i < length; i++) mix = Math.imul(mix ^ id.charCodeAt(i), PRIME);
    return mix;
  }
  mix = Math.imul(mix ^ id.charCodeAt(length - 4) ^ (id.charCodeAt(length - 3) << 16), PRIME);
  mix ^= mix >>> 15;
  mix = Math.imul(mix ^ id.charCodeAt(length - 2) ^ (id.charCodeAt(length - 1) << 16), PRIME);
  return Math.imul(mix ^ (mix >>> 13), PRIME);
}

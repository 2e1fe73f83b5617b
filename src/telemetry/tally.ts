// How many rejections were left out of the log since the last tick, counted by the row of their peer. In a flood nearly every
// rejection ends here: it touches 32 bytes and looks up no name.
//
//      place = the low bits of the row's number      row f64 · until f64, ms · count f64 · kind u32
//
// Two rows may have the same place; the later one takes it. Each tick empties all places, so a row that is gone counts for
// nobody else.

const PLACES = 16_384;
const WORDS = 4;
const UNTIL = 1;
const COUNT = 2;
const KIND = 6; // in words of 32 bits
const NOBODY = Number.NaN; // equal to no row

/** For whom something is counted. */
export interface Owner {
  suppressed: number;
}

export class Tally {
  readonly #words = new Float64Array(PLACES * WORDS).fill(NOBODY);
  readonly #kinds = new Int32Array(this.#words.buffer);
  readonly #owners = new Map<number, Owner>();

  /** Counts a rejection at `ms`, if this row has a place for this kind whose time is not over. */
  count(row: number, kind: number, ms: number): boolean {
    const words = this.#words;
    const at = (row & (PLACES - 1)) * WORDS;
    if (words[at] !== row || this.#kinds[at * 2 + KIND] !== kind || !(ms < (words[at + UNTIL] as number))) return false;
    words[at + COUNT] = (words[at + COUNT] as number) + 1;
    return true;
  }

  /** From now on, until the next tick and only before `until`, rejections of this row are counted for `owner`. */
  begin(row: number, kind: number, until: number, owner: Owner): void {
    const at = (row & (PLACES - 1)) * WORDS;
    this.#words[at] = row;
    this.#words[at + UNTIL] = until;
    this.#words[at + COUNT] = 0;
    this.#kinds[at * 2 + KIND] = kind;
    this.#owners.set(at, owner);
  }

  /** Adds to the owner what was counted at the place of this row, and empties it. */
  end(row: number): void {
    this.#settle((row & (PLACES - 1)) * WORDS);
  }

  /** The same for all places. */
  endAll(): void {
    for (const at of this.#owners.keys()) this.#settle(at);
  }

  #settle(at: number): void {
    const owner = this.#owners.get(at);
    if (owner === undefined) return;
    this.#owners.delete(at);
    owner.suppressed += this.#words[at + COUNT] as number;
    this.#words[at] = NOBODY;
  }
}

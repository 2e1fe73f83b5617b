// Log lines without a flood of them. What is told of a key is written at once the first time, then at most once in `everyMs`,
// with how many were left out since. Over all keys there are at most ten lines in any second. The number of keys is bounded,
// because attackers make names up. What was left out is written when the key is quiet, and at the end: nothing is lost.
// Each group of keys has a number of its own, and leaves some of the ten lines to those that matter more: a flood of one kind
// does not silence the others.

import { type Owner, Tally } from './tally.js';

const MOST_LINES = 10;
const PER_MS = 1_000;
const MOST_KEYS = 1_000;
const QUIET_MS = 1_000;

/** How lines of one kind are written. */
export interface Topic<Event> {
  /** A line about this event. `suppressed`: as many were left out since the last one. */
  write(event: Event, suppressed: number, key: string): void;
  /** A line that only says how many were left out, about a key. */
  flush(key: string, suppressed: number): void;
}

/** Keys that share a bound, and one line for all that found no room. */
export class Group implements Owner {
  suppressed = 0;
  readonly several: (suppressed: number) => void;
  /** How many of the ten lines in a second it leaves to others. */
  readonly leaves: number;
  keys = 0;
  toldAt = Number.NEGATIVE_INFINITY;

  constructor(several: (suppressed: number) => void, leaves = 0) {
    this.several = several;
    this.leaves = leaves;
  }
}

interface Entry extends Owner {
  readonly key: string;
  readonly book: Book<never>;
  loggedAt: number;
  /** What `suppressed` was at the last tick at which it had changed, and when that was. */
  seen: number;
  seenAt: number;
}

/** The keys of a topic. */
export class Book<Event> {
  readonly topic: Topic<Event>;
  readonly group: Group;
  /** Tells it from the others of which rejections are counted by row. */
  readonly kind: number;
  readonly entries = new Map<string, Entry>();

  constructor(topic: Topic<Event>, group: Group, kind = 0) {
    this.topic = topic;
    this.group = group;
    this.kind = kind;
  }
}

export class Lines {
  readonly #everyMs: number;
  readonly #entries = new Set<Entry>();
  /** The groups of what found no place among the keys. */
  readonly #several = new Set<Group>();
  readonly #tally = new Tally();
  /** When the last ten lines were written, the oldest at `#next`. */
  readonly #written = new Array<number>(MOST_LINES).fill(Number.NEGATIVE_INFINITY);
  #next = 0;
  readonly #clock: () => number;
  /** The latest time that the clock said. */
  #now = Number.NEGATIVE_INFINITY;

  constructor(everyMs: number, clock: () => number) {
    this.#everyMs = everyMs;
    this.#clock = clock;
  }

  /** Counts an event of this row that is left out anyway; false where it has to be told of. */
  leaveOut<Event>({ kind }: Book<Event>, row: number, ms: number): boolean {
    return this.#tally.count(row, kind, ms);
  }

  /**
   * Tells of an event. When a line is due the clock says, whatever time the event has: that one is its caller's.
   *
   * @param row The key's, until the next tick; -1 where it has none.
   */
  tell<Event>(book: Book<Event>, key: string, event: Event, row = -1): void {
    const { group, kind } = book;
    const now = this.#look();
    if (row >= 0) this.#tally.end(row);
    let entry = book.entries.get(key);
    if (entry === undefined) {
      if (group.keys >= MOST_KEYS) {
        this.#addSeveral(group, 1);
        // Only a tick makes room among the keys.
        if (row >= 0) this.#tally.begin(row, kind, Number.POSITIVE_INFINITY, group);
        return;
      }
      entry = this.#remember(book, key, now);
    }
    const until = Math.max(this.#fullUntil(group.leaves), entry.loggedAt + this.#everyMs);
    if (now < until) {
      entry.suppressed++;
      if (row >= 0) this.#tally.begin(row, kind, until, entry);
      return;
    }
    this.#take();
    const { suppressed } = entry;
    entry.loggedAt = now;
    entry.suppressed = 0;
    book.topic.write(event, suppressed, key);
  }

  /** Takes one line, if the second has more of them left than are left to others. */
  mayWrite(leaves = 0): boolean {
    if (this.#look() < this.#fullUntil(leaves)) return false;
    this.#take();
    return true;
  }

  /** Writes what is due for keys that are quiet, and forgets those of which there is nothing left to say. */
  tick(): void {
    this.#tally.endAll();
    const now = this.#look();
    for (const entry of this.#entries) {
      if (entry.suppressed !== entry.seen) {
        entry.seen = entry.suppressed;
        entry.seenAt = now;
      }
      if (now - entry.loggedAt < this.#everyMs) continue;
      if (entry.suppressed === 0) this.#forget(entry);
      else if (now - entry.seenAt >= QUIET_MS && this.mayWrite(entry.book.group.leaves)) {
        entry.loggedAt = now;
        flush(entry);
      }
    }
    for (const group of this.#several) {
      if (now - group.toldAt < this.#everyMs || !this.mayWrite()) continue;
      group.toldAt = now;
      this.#writeSeveral(group);
    }
  }

  /** Writes what was left out: ten lines, and one for each group of which there is more. */
  close(): void {
    this.#tally.endAll();
    let lines = 0;
    for (const entry of this.#entries) {
      if (entry.suppressed === 0) continue;
      if (lines++ < MOST_LINES) flush(entry);
      else this.#addSeveral(entry.book.group, entry.suppressed);
      this.#forget(entry);
    }
    for (const group of this.#several) this.#writeSeveral(group);
  }

  #look(): number {
    this.#now = Math.max(this.#now, this.#clock());
    return this.#now;
  }

  /** Before this instant no more lines may be written than are left to others. */
  #fullUntil(leaves: number): number {
    return (this.#written[(this.#next + leaves) % MOST_LINES] as number) + PER_MS;
  }

  #take(): void {
    this.#written[this.#next] = this.#now;
    this.#next = (this.#next + 1) % MOST_LINES;
  }

  #remember<Event>(book: Book<Event>, name: string, now: number): Entry {
    const key = ownOf(name);
    const entry = { key, book: book as never, loggedAt: Number.NEGATIVE_INFINITY, suppressed: 0, seen: 0, seenAt: now };
    book.entries.set(key, entry);
    book.group.keys++;
    this.#entries.add(entry);
    return entry;
  }

  #addSeveral(group: Group, count: number): void {
    group.suppressed += count;
    this.#several.add(group);
  }

  #writeSeveral(group: Group): void {
    const { suppressed } = group;
    group.suppressed = 0;
    this.#several.delete(group);
    group.several(suppressed);
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry);
    entry.book.group.keys--;
    entry.book.entries.delete(entry.key);
  }
}

function flush(entry: Entry): void {
  const { suppressed } = entry;
  entry.suppressed = 0;
  entry.book.topic.flush(entry.key, suppressed);
}

/** The same text in memory of its own: a string that was cut out of a frame keeps the whole frame. */
function ownOf(name: string): string {
  const names: Record<string, true> = Object.create(null);
  names[name] = true;
  return Object.keys(names)[0] as string;
}

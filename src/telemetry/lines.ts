// Log lines without a flood of them. What is told of a key is written at once the first time, then at most once in `everyMs`,
// with how many were left out since. Over all keys there are at most ten lines in any second. The number of keys is bounded,
// because attackers make names up. What was left out is written when the key is quiet, and at the end: nothing is lost.

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

/** What has the same line for all that found no room. */
export class Group implements Owner {
  suppressed = 0;
  readonly several: (suppressed: number) => void;

  constructor(several: (suppressed: number) => void) {
    this.several = several;
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
  #severalAt = Number.NEGATIVE_INFINITY;
  /** When the last ten lines were written, the oldest at `#next`. */
  readonly #written = new Array<number>(MOST_LINES).fill(Number.NEGATIVE_INFINITY);
  #next = 0;
  /** Before this instant no line can be written. */
  #fullUntil = Number.NEGATIVE_INFINITY;
  /** The latest time that anybody told. */
  #now = Number.NEGATIVE_INFINITY;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** Counts an event of this row that is left out anyway; false where it has to be told of. */
  leaveOut<Event>({ kind }: Book<Event>, row: number, ms: number): boolean {
    return this.#tally.count(row, kind, ms);
  }

  /** Tells of an event, which happened at `ms`. `row`: the key's, until the next tick; -1 where it has none. */
  tell<Event>(book: Book<Event>, key: string, event: Event, ms: number, row = -1): void {
    if (row >= 0) this.#tally.end(row);
    let entry = book.entries.get(key);
    if (entry !== undefined && (ms < this.#fullUntil || ms - entry.loggedAt < this.#everyMs)) {
      entry.suppressed++;
      if (row >= 0) this.#tally.begin(row, book.kind, Math.max(this.#fullUntil, entry.loggedAt + this.#everyMs), entry);
      return;
    }
    if (entry === undefined) {
      if (this.#entries.size >= MOST_KEYS) {
        this.#addSeveral(book.group, 1);
        // Only a tick makes room among the keys.
        if (row >= 0) this.#tally.begin(row, book.kind, Number.POSITIVE_INFINITY, book.group);
        return;
      }
      entry = { key, book: book as never, loggedAt: Number.NEGATIVE_INFINITY, suppressed: 0, seen: 0, seenAt: ms };
      book.entries.set(key, entry);
      this.#entries.add(entry);
    }
    if (!this.mayWrite(ms)) {
      entry.suppressed++;
      return;
    }
    const { suppressed } = entry;
    entry.loggedAt = this.#now;
    entry.suppressed = 0;
    book.topic.write(event, suppressed, key);
  }

  /** Takes one line from those that the second has left. */
  mayWrite(ms: number): boolean {
    if (ms > this.#now) this.#now = ms;
    this.#fullUntil = (this.#written[this.#next] as number) + PER_MS;
    if (this.#now < this.#fullUntil) return false;
    this.#written[this.#next] = this.#now;
    this.#next = (this.#next + 1) % MOST_LINES;
    return true;
  }

  /** Writes what is due for keys that are quiet, and forgets those of which there is nothing left to say. */
  tick(ms: number): void {
    this.#tally.endAll();
    if (ms > this.#now) this.#now = ms;
    const now = this.#now;
    for (const entry of this.#entries) {
      if (entry.suppressed !== entry.seen) {
        entry.seen = entry.suppressed;
        entry.seenAt = now;
      }
      if (now - entry.loggedAt < this.#everyMs) continue;
      if (entry.suppressed === 0) this.#forget(entry);
      else if (now - entry.seenAt >= QUIET_MS && this.mayWrite(now)) {
        entry.loggedAt = now;
        flush(entry);
      }
    }
    if (this.#several.size > 0 && now - this.#severalAt >= this.#everyMs && this.mayWrite(now)) {
      this.#severalAt = now;
      const [group] = [...this.#several];
      this.#writeSeveral(group as Group);
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
    entry.book.entries.delete(entry.key);
  }
}

function flush(entry: Entry): void {
  const { suppressed } = entry;
  entry.suppressed = 0;
  entry.book.topic.flush(entry.key, suppressed);
}

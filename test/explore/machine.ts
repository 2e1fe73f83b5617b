// A table and a few threads that take one step at a time, with the compiled core itself taking them.
//
// A thread's operation is run from its start again and again. What its accesses gave before is given again from a log;
// the first access beyond the log is made on the table, logged, and the operation broken off by an exception. So one run
// is one step, the log is all there is of a thread's own state, and a thread dies by never being run again.
// Which accesses are steps is for an observer to say: those that are none are made in one go with the next that is.

import * as debtLayout from '../../assembly/debt-layout.js';
import * as layout from '../../assembly/layout.js';
import * as settingLayout from '../../assembly/setting-layout.js';
import { ADD32, AND64, CAS32, CAS64, LOAD32, LOAD64, OR64, STORE32, STORE64 } from './build.js';

export type Exports = Readonly<Record<string, (...args: number[]) => number>>;

/** The peer whose ID stands in the thread's room, and the call; `room` is the one for batches. */
export interface Operation {
  readonly what: string;
  readonly id: string;
  /** What `configure` finds in the thread's room. */
  readonly settings?: readonly number[];
  readonly call: (core: Exports, idLength: number, results: readonly number[], room: DataView) => number;
}

/** An access, and the word it found; all words signed, as WebAssembly gives them. */
export interface Access {
  readonly kind: number;
  readonly at: number;
  readonly a: bigint;
  readonly b: bigint;
  readonly found: bigint;
}

class Broken extends Error {}
const BREAK = new Broken('step taken');
/** More accesses than any operation makes: beyond, it does not come to an end. */
const MOST_ACCESSES = 3_000;

interface Thread {
  readonly core: Exports;
  readonly room: Uint8Array;
  readonly batchRoom: DataView;
}

export class Machine {
  readonly rows: number;
  readonly #threads: readonly Thread[];
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Where cold records, free slots and threads' blocks begin. */
  readonly #cold: number;
  readonly #free: number;
  readonly #blocks: number;
  /** Undefined: accesses are made at once, by whoever sets up or judges. */
  #log: Access[] | undefined;
  #position = 0;
  #observer: Observer | undefined;

  /** An empty table with a first thread, which sets up and judges, and as many others as are asked for. */
  constructor(module: WebAssembly.Module, rows: number, others: number, settings: readonly number[]) {
    const threads = others + 1;
    this.rows = rows;
    this.#cold = layout.coldAt(layout.indexAt(rows), rows);
    this.#free = layout.freeAt(this.#cold, rows);
    this.#blocks = layout.threadsAt(this.#free, layout.freeInner(rows), rows);
    const end = layout.tableEnd(this.#blocks, threads);
    const memory = new WebAssembly.Memory({ initial: Math.ceil(end / 65_536) });
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    const access = (kind: number, at: number, a: bigint, b: bigint) => this.#access(kind, at >>> 0, a, b);
    this.#threads = Array.from({ length: threads }, (_, thread) => ({
      core: new WebAssembly.Instance(module, { env: { memory }, explorer: { access } }).exports as unknown as Exports,
      room: this.#bytes.subarray(this.#block(thread) + layout.THREAD_ID),
      batchRoom: new DataView(memory.buffer, this.#block(thread) + layout.THREAD_BATCH, layout.BATCH * 8),
    }));
    this.call('init', rows, threads);
    this.configure(settings, 0);
    for (let i = 1; i < threads; i++) {
      const number = this.call('reserve');
      this.#threads[number]?.core['attach']?.(number, this.call('tenancyOf', number));
    }
  }

  #block(thread: number): number {
    return this.#blocks + thread * layout.THREAD_BYTES;
  }

  // ── by the first thread, undisturbed ─────────────────────────────────────────────────────────────────────────────

  call(name: string, ...args: number[]): number {
    return this.#threads[0]?.core[name]?.(...args) as number;
  }

  configure(settings: readonly number[], now: number): void {
    this.#putSettings(0, settings);
    this.call('configure', now);
  }

  /** The same for a peer, whose ID is put where the core reads it; the call's first argument is its length. */
  callFor(id: string, name: string, ...args: number[]): number {
    return this.call(name, this.#put(0, id), ...args);
  }

  total(counter: number): number {
    return this.#threads.reduce(
      (sum, _, i) => sum + Number(this.#view.getBigUint64(this.#block(i) + counter * 8, true)),
      0,
    );
  }

  /** Fingerprints of the rows that somebody has. */
  owners(): bigint[] {
    return Array.from({ length: this.rows }, (_, slot) => layout.ROWS + slot * layout.ROW_BYTES)
      .filter((row) => (this.#view.getUint32(row + 4, true) & 7) !== layout.LIFE_LIMBO)
      .map((row) => this.#view.getBigUint64(row + layout.ROW_FINGERPRINT, true));
  }

  /** Tokens owed on a row that somebody has. */
  owed(slot: number): number {
    const row = layout.ROWS + slot * layout.ROW_BYTES;
    const isLimbo = (this.#view.getUint32(row + layout.ROW_META + 4, true) & 7) === layout.LIFE_LIMBO;
    return isLimbo ? 0 : this.#view.getUint32(row + layout.ROW_OWED, true);
  }

  /** Tokens of the first debt that the first thread was told of last. */
  drained(): number {
    return (this.#threads[0] as Thread).batchRoom.getUint32(debtLayout.DEBT_TOKENS, true);
  }

  #put(thread: number, id: string): number {
    return new TextEncoder().encodeInto(id, this.#threads[thread]?.room as Uint8Array).written;
  }

  #putSettings(thread: number, settings: readonly number[]): void {
    new Float64Array(this.#bytes.buffer, this.#block(thread) + layout.THREAD_BATCH, settingLayout.SETTINGS).set(
      settings,
    );
  }

  // ── the table's bytes ────────────────────────────────────────────────────────────────────────────────────────────

  /** All that lasts from step to step: rooms are written anew by every run. */
  save(): Uint8Array {
    const saved = new Uint8Array(this.#blocks - layout.HEADER + this.#threads.length * layout.THREAD_ID);
    saved.set(this.#bytes.subarray(layout.HEADER, this.#blocks));
    this.#threads.forEach((_, i) => {
      const block = this.#bytes.subarray(this.#block(i), this.#block(i) + layout.THREAD_ID);
      saved.set(block, this.#blocks - layout.HEADER + i * layout.THREAD_ID);
    });
    return saved;
  }

  load(saved: Uint8Array): void {
    const shared = this.#blocks - layout.HEADER;
    this.#bytes.set(saved.subarray(0, shared), layout.HEADER);
    this.#threads.forEach((_, i) => {
      const start = shared + i * layout.THREAD_ID;
      this.#bytes.set(saved.subarray(start, start + layout.THREAD_ID), this.#block(i));
    });
  }

  /** The same without what nothing follows from: counts of single peers. */
  essence(saved: Uint8Array): Uint8Array {
    const essence = saved.slice();
    for (let slot = 0; slot <= this.rows; slot++) {
      const row = layout.ROWS + slot * layout.ROW_BYTES - layout.HEADER;
      essence.fill(0, row + layout.ROW_ALLOWED, row + layout.ROW_BYTES);
      const cold = this.#cold + slot * layout.COLD_BYTES - layout.HEADER;
      if (slot < this.rows) essence.fill(0, cold, cold + layout.COLD_LAST_FAILURE);
    }
    this.#threads.forEach((_, i) => {
      const block = this.#blocks - layout.HEADER + i * layout.THREAD_ID;
      essence.fill(0, block + layout.THREAD_INSTANT, block + layout.THREAD_LIMITS);
    });
    // Of the stripes, most of which nobody uses, what is not 0.
    const [start, end] = [layout.STRIPES - layout.HEADER, layout.ROWS - layout.HEADER];
    const used: number[] = [];
    new Int32Array(essence.buffer, start, (end - start) / 4).forEach((word, i) => {
      if (word !== 0) used.push(i, word);
    });
    return Buffer.concat([
      essence.subarray(0, start),
      essence.subarray(end),
      new Uint8Array(Int32Array.from(used).buffer),
    ]);
  }

  // ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Runs an operation one step further than its log: its result if that was the end, and the log. */
  step(
    thread: number,
    { id, settings, call }: Operation,
    log: readonly Access[],
    results: readonly number[],
    observer: Observer,
  ): Stepped {
    const { core, batchRoom } = this.#threads[thread] as Thread;
    const length = this.#put(thread, id);
    if (settings !== undefined) this.#putSettings(thread, settings);
    // What a thread keeps for itself is worked out anew by every run, or runs would differ from each other.
    const block = this.#block(thread);
    this.#bytes.fill(0, block + layout.THREAD_INSTANT, block + layout.THREAD_LIMITS);
    const own = [...log];
    this.#log = own;
    this.#position = 0;
    this.#observer = observer;
    try {
      return { result: call(core, length, results, batchRoom), log: own };
    } catch (error) {
      if (error !== BREAK) throw error;
      return { result: undefined, log: own };
    } finally {
      this.#log = undefined;
    }
  }

  #access(kind: number, at: number, a: bigint, b: bigint): bigint {
    const log = this.#log;
    if (log === undefined) return this.#make(kind, at, a, b).found;
    const before = log[this.#position++];
    if (before !== undefined) {
      if (before.kind === kind && before.at === at && before.a === a && before.b === b) return before.found;
      throw new Error('an operation went another way when it was run again: it reads what is shared past its hooks');
    }
    if (log.length >= MOST_ACCESSES) throw new Error('an operation does not come to its end');
    const { found, changed } = this.#make(kind, at, a, b);
    log.push({ kind, at, a, b, found });
    if (!this.isCount(at) && this.#observer?.(at & ~7, changed, log.length) && !this.#isCold(at)) throw BREAK;
    return found;
  }

  #make(kind: number, at: number, a: bigint, b: bigint): { found: bigint; changed: boolean } {
    const view = this.#view;
    const is32 = kind === LOAD32 || kind === STORE32 || kind === CAS32 || kind === ADD32;
    const found = is32 ? BigInt(view.getUint32(at, true)) : view.getBigInt64(at, true);
    let next = found;
    if (kind === STORE32 || kind === STORE64) next = a;
    else if (kind === CAS32 || kind === CAS64) next = found === a ? b : found;
    else if (kind === ADD32) next = BigInt.asUintN(32, found + a);
    else if (kind === OR64) next = found | a;
    else if (kind === AND64) next = found & a;
    else if (kind !== LOAD32 && kind !== LOAD64) throw new Error(`no access is of kind ${kind}`);
    const changed = next !== found;
    if (changed && is32) view.setUint32(at, Number(next), true);
    else if (changed) view.setBigInt64(at, next, true);
    return { found, changed };
  }

  /** Whether it is one of a single peer's counts: two threads may lose one to each other, and nothing follows from them. */
  isCount(at: number): boolean {
    if (at >= layout.ROWS && at < layout.indexAt(this.rows)) {
      return (at - layout.ROWS) % layout.ROW_BYTES >= layout.ROW_ALLOWED;
    }
    return this.#isInCold(at) && (at - this.#cold) % layout.COLD_BYTES < layout.COLD_LAST_FAILURE;
  }

  /**
   * Cold records are for who has the row to itself, so it is the steps on META that say when they are read and written; but
   * for when the last failure was, and for the doublings.
   */
  #isCold(at: number): boolean {
    const offset = (at - this.#cold) % layout.COLD_BYTES;
    return this.#isInCold(at) && (offset < layout.COLD_LAST_FAILURE || offset >= layout.COLD_POSITION);
  }

  #isInCold(at: number): boolean {
    return at >= this.#cold && at < this.#free;
  }
}

/** Is told of every access to a word that matters, whether it changed, and how many were made; says if that was a step. */
export type Observer = (word: number, changed: boolean, made: number) => boolean;

export interface Stepped {
  /** Undefined where the operation goes on. */
  readonly result: number | undefined;
  readonly log: readonly Access[];
}

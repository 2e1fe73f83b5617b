// A table and a few threads that take one step at a time, with the compiled core itself taking them.
//
// A thread's operation is run from its start again and again. What its accesses gave before is given again from a log;
// the first access beyond the log is made on the table, logged, and the operation broken off by an exception. So one run
// is one step, the log is all there is of a thread's own state, and a thread dies by never being run again.
//
// Not steps, because no other thread looks at them or nothing follows from them: a thread's own block, the counts of a
// row, cold records; and words that the threads do not contend for.

import * as layout from '../../assembly/layout.js';
import { ADD32, AND64, CAS32, CAS64, LOAD32, LOAD64, OR64, STORE32, STORE64 } from './build.js';

export type Exports = Readonly<Record<string, (...args: number[]) => number>>;

/** The peer whose ID stands in the thread's room, and the call. */
export interface Operation {
  readonly what: string;
  readonly id: string;
  readonly call: (core: Exports, idLength: number, results: readonly number[]) => number;
}

/** An access, and the word it found. */
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
const NO_ACCESS: readonly Access[] = [];

interface Thread {
  readonly core: Exports;
  readonly room: Uint8Array;
  readonly bit: number;
}

export class Machine {
  readonly rows: number;
  /** Words that are steps; the machine's `touched` says which should be. */
  readonly #contended: ReadonlySet<number>;
  /** Which threads made accesses to a word, and whether one of these was a write: a bit each, and bit 31. */
  readonly #touched = new Map<number, number>();
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
  #bit = 0;
  #mortal = false;

  /** An empty table with a first thread, which sets up and judges, and as many others as are asked for. */
  constructor(
    module: WebAssembly.Module,
    rows: number,
    others: number,
    configure: readonly number[],
    contended: ReadonlySet<number>,
  ) {
    const threads = others + 1;
    this.#contended = contended;
    this.rows = rows;
    this.#cold = layout.coldAt(layout.indexAt(rows), rows);
    this.#free = layout.freeAt(this.#cold, rows);
    this.#blocks = layout.threadsAt(this.#free, layout.freeInner(rows), rows);
    const end = layout.tableEnd(this.#blocks, threads);
    const memory = new WebAssembly.Memory({ initial: Math.ceil(end / 65_536) });
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    const access = (kind: number, at: number, a: bigint, b: bigint) => this.#access(kind, at, a, b);
    this.#threads = Array.from({ length: threads }, (_, thread) => ({
      core: new WebAssembly.Instance(module, { env: { memory }, explorer: { access } }).exports as unknown as Exports,
      room: this.#bytes.subarray(this.#block(thread) + layout.THREAD_ID),
      bit: 1 << thread,
    }));
    this.call('init', rows, threads);
    this.call('configure', ...configure);
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

  #put(thread: number, id: string): number {
    return new TextEncoder().encodeInto(id, this.#threads[thread]?.room as Uint8Array).written;
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
      if (slot < this.rows) essence.fill(0, cold, cold + layout.COLD_POSITION);
    }
    this.#threads.forEach((_, i) => {
      const block = this.#blocks - layout.HEADER + i * layout.THREAD_ID;
      essence.fill(0, block + layout.THREAD_FOUND, block + layout.THREAD_LIMITS);
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

  /**
   * Runs an operation one step further than its log: its result if that was the end, and the log. Of a `mortal` thread
   * every access is a step, because it may leave the table as it is then.
   */
  step(
    thread: number,
    { id, call }: Operation,
    log: readonly Access[],
    results: readonly number[],
    mortal: boolean,
  ): Stepped {
    const { core, bit } = this.#threads[thread] as Thread;
    const length = this.#put(thread, id);
    const own = [...log];
    this.#log = own;
    this.#position = 0;
    this.#bit = bit;
    this.#mortal = mortal;
    try {
      return { result: call(core, length, results), log: NO_ACCESS };
    } catch (error) {
      if (error !== BREAK) throw error;
      return { result: undefined, log: own };
    } finally {
      this.#log = undefined;
    }
  }

  #access(kind: number, at: number, first: bigint, second: bigint): bigint {
    const [address, a, b] = [at >>> 0, BigInt.asUintN(64, first), BigInt.asUintN(64, second)];
    const log = this.#log;
    if (log === undefined) return BigInt.asIntN(64, this.#make(kind, address, a, b));
    const before = log[this.#position++];
    if (before !== undefined) {
      if (before.kind === kind && before.at === address && before.a === a && before.b === b) {
        return BigInt.asIntN(64, before.found);
      }
      throw new Error('an operation went another way when it was run again: it reads what is shared past memory.ts');
    }
    if (log.length >= MOST_ACCESSES) throw new Error('an operation does not come to its end');
    const isContended = this.#touch(address, kind);
    const isStep = this.#isStep(address) && (isContended || this.#mortal);
    const found = this.#make(kind, address, a, b);
    log.push({ kind, at: address, a, b, found });
    if (isStep) throw BREAK;
    return BigInt.asIntN(64, found);
  }

  /** Words that more than one thread made accesses to, one of them a write. */
  contended(): Set<number> {
    const words = [...this.#touched].filter(([, by]) => by < 0 && (by & 0x7fffffff & ((by & 0x7fffffff) - 1)) !== 0);
    return new Set(words.map(([word]) => word));
  }

  #touch(at: number, kind: number): boolean {
    const word = at & ~7;
    const write = kind === LOAD32 || kind === LOAD64 ? 0 : 1 << 31;
    this.#touched.set(word, (this.#touched.get(word) ?? 0) | this.#bit | write);
    return this.#contended.has(word);
  }

  #make(kind: number, at: number, a: bigint, b: bigint): bigint {
    const view = this.#view;
    const is32 = kind === LOAD32 || kind === STORE32 || kind === CAS32 || kind === ADD32;
    const found = is32 ? BigInt(view.getUint32(at, true)) : view.getBigUint64(at, true);
    let next = found;
    if (kind === STORE32 || kind === STORE64) next = a;
    else if (kind === CAS32 || kind === CAS64) next = found === a ? b : found;
    else if (kind === ADD32) next = found + a;
    else if (kind === OR64) next = found | a;
    else if (kind === AND64) next = found & a;
    else if (kind !== LOAD32 && kind !== LOAD64) throw new Error(`no access is of kind ${kind}`);
    if (is32) view.setUint32(at, Number(BigInt.asUintN(32, next)), true);
    else view.setBigUint64(at, BigInt.asUintN(64, next), true);
    return found;
  }

  #isStep(at: number): boolean {
    if ((at >= this.#cold && at < this.#free) || at >= this.#blocks) return false;
    if (at < layout.ROWS || at >= layout.indexAt(this.rows)) return true;
    return (at - layout.ROWS) % layout.ROW_BYTES < layout.ROW_ALLOWED;
  }

  /** An access in words. */
  shown({ kind, at, a, b, found }: Access): string {
    const hex = (word: bigint) => `0x${word.toString(16)}`;
    const name = ['load', 'store', 'load', 'store', 'swap', 'swap', 'add', 'or', 'and'][kind];
    const given = kind === CAS32 || kind === CAS64 ? ` ${hex(a)} → ${hex(b)}` : name === 'load' ? '' : ` ${hex(a)}`;
    const missed = (kind === CAS32 || kind === CAS64) && found !== a ? ' (lost)' : '';
    return `${name} ${this.#placeOf(at)}${given}, found ${hex(found)}${missed}`;
  }

  #placeOf(at: number): string {
    const index = layout.indexAt(this.rows);
    if (at >= layout.ROWS && at < index) {
      const fields: Record<number, string> = {
        [layout.ROW_META]: 'META',
        [layout.ROW_META + 4]: 'META',
        [layout.ROW_FINGERPRINT]: 'fingerprint',
        [layout.ROW_BUCKET]: 'bucket',
        [layout.ROW_BREAKER]: 'breaker',
        [layout.ROW_LAST_FAILURE]: 'last failure',
      };
      const offset = (at - layout.ROWS) % layout.ROW_BYTES;
      return `${fields[offset] ?? offset} of row ${Math.floor((at - layout.ROWS) / layout.ROW_BYTES)}`;
    }
    if (at >= index && at < this.#cold) return `index entry ${(at - index) / 8}`;
    if (at >= this.#free && at < this.#blocks) return 'free slots';
    return `header word ${at - layout.HEADER}`;
  }
}

export interface Stepped {
  /** Undefined where the operation goes on. */
  readonly result: number | undefined;
  readonly log: readonly Access[];
}

// Saving a table as bytes, in one go or in slices.
//
// The key of the fingerprints is saved, too, because without it no fingerprint means anything. Whoever reads it can make
// IDs collide.

import { requireNow } from './args.js';
import { crc32 } from './crc32.js';
import { ClosedError, ConfigError, SnapshotError } from './errors.js';
import { requireKnownFields } from './options.js';
import {
  END_SECTION_BYTES,
  HEADER_BYTES,
  LIMITS_SECTION_BYTES,
  MAX_CHANGES,
  SECTION_BYTES,
  writeEnd,
  writeHeader,
  writeLimits,
  writeRows,
} from './snapshot-format.js';
import type { Table } from './table.js';
import {
  RECORD_BYTES,
  RECORDS_BYTES,
  SAVE_CHANGED,
  SAVE_CLOSED,
  type SavedRecords,
  saveRecords,
} from './wasm/copying.js';
import { birthsOf, keyOf, limitsVersion, usedSlots } from './wasm/reading.js';
import { readSettings, type StoredSettings } from './wasm/settings.js';

/** What `RateLimiter.snapshotAsync` takes. */
export interface SnapshotOptions {
  /** How long making a chunk may take, in ms; 0 < x ≤ 2³¹ − 1. Default 5. */
  readonly sliceMs?: number | undefined;
}

const MAX_SLICE_MS = 2 ** 31 - 1;

/** @throws ConfigError for a bad option. */
export function sliceOf(options: SnapshotOptions): number {
  requireKnownFields(options, ['sliceMs']);
  const { sliceMs = 5 } = options;
  if (typeof sliceMs === 'number' && sliceMs > 0 && sliceMs <= MAX_SLICE_MS) return sliceMs;
  throw new ConfigError('sliceMs', 'milliseconds above 0 and at most 2^31 - 1', sliceMs);
}

/** A chunk is about as long as this at most, so that getting memory for it does not outlast a slice. */
const MAX_CHUNK_BYTES = 2 ** 20;
/** What one step may add to a chunk: the header, a section of limits, one of rows, the end. */
const STEP_BYTES = HEADER_BYTES + LIMITS_SECTION_BYTES + SECTION_BYTES + RECORDS_BYTES + END_SECTION_BYTES;

/** A snapshot on its way out, chunk by chunk. Others may go on with the table between two chunks. */
class Saving {
  readonly #table: Table;
  /** Where a chunk is put together. */
  readonly #room: Uint8Array;
  #length = 0;
  #slot = 0;
  #records = 0;
  #crc = 0;
  /** The version of the limits in the section of limits that was written last, and how many came after the first. */
  #version = -1;
  #changes = -1;
  #done = false;

  constructor(table: Table) {
    this.#table = table;
    // Heads of sections add less than a hundredth to the records.
    const all = Math.ceil((usedSlots(table.core) + 1) * RECORD_BYTES * 1.01);
    this.#room = new Uint8Array(STEP_BYTES + Math.min(all, MAX_CHUNK_BYTES));
  }

  get done(): boolean {
    return this.#done;
  }

  /**
   * The next chunk. It ends where the snapshot or its room does, or after `sliceMs`.
   *
   * @throws ClosedError once the table was closed.
   */
  next(sliceMs: number): Uint8Array {
    const until = performance.now() + sliceMs;
    this.#length = 0;
    if (this.#version < 0) this.#start();
    do this.#step();
    while (!this.#done && this.#length + STEP_BYTES <= this.#room.length && performance.now() < until);
    return this.#room.slice(0, this.#length);
  }

  #start(): void {
    const { core, slots, clock } = this.#table;
    slots.seed();
    const now = Math.max(0, clock());
    requireNow(now);
    const header = { maxPeers: core.maxPeers, births: birthsOf(core), wallMs: Date.now(), now, key: keyOf(core) };
    this.#add((room) => writeHeader(room, header));
  }

  #step(): void {
    const { records, next } = this.#copy();
    const count = records.length / RECORD_BYTES;
    if (count > 0) this.#add((room) => writeRows(room, records));
    this.#records += count;
    this.#slot = next;
    if (next <= this.#table.core.maxPeers) return;
    this.#add((room) => writeEnd(room, this.#records, this.#crc));
    this.#done = true;
  }

  /** Some records, once it is written which limits they are in. */
  #copy(): SavedRecords {
    const { core } = this.#table;
    while (true) {
      const version = limitsVersion(core);
      const changed = version === this.#version ? undefined : readSettings(this.#table.core);
      const saved = saveRecords(core, this.#slot, version);
      if (saved === SAVE_CHANGED) continue;
      if (saved === SAVE_CLOSED) throw new ClosedError();
      if (changed !== undefined) this.#change(version, changed);
      return saved as SavedRecords;
    }
  }

  #change(version: number, limits: StoredSettings): void {
    if (this.#changes === MAX_CHANGES) {
      throw new SnapshotError(`at most ${MAX_CHANGES} changes of the limits while it is made`, 'more');
    }
    this.#add((room) => writeLimits(room, limits));
    this.#version = version;
    this.#changes++;
  }

  #add(write: (room: Uint8Array) => number): void {
    const room = this.#room.subarray(this.#length);
    const length = write(room);
    this.#crc = crc32(room.subarray(0, length), this.#crc);
    this.#length += length;
  }
}

/** The table as bytes. Where other threads go on, each row is of one instant of its own. */
export function takeSnapshot(table: Table): Uint8Array {
  const saving = new Saving(table);
  const chunks: Uint8Array[] = [];
  while (!saving.done) chunks.push(saving.next(Number.POSITIVE_INFINITY));
  const bytes = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/**
 * The same in chunks, each made in about `sliceMs` of its own turn of the event loop.
 *
 * @throws ClosedError, where a chunk is asked for after the table was closed.
 */
export async function* takeSnapshotInSlices(
  table: Table,
  sliceMs: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const saving = new Saving(table);
  while (true) {
    yield saving.next(sliceMs);
    if (saving.done) return;
    await nextTurn();
  }
}

/** What an await of something ready does not do: it lets timers and sockets go first. */
export function nextTurn(): Promise<void> {
  const { setImmediate } = globalThis as { setImmediate?(act: () => void): unknown };
  return new Promise((resolve) => {
    if (setImmediate === undefined) setTimeout(resolve, 0);
    else setImmediate(resolve);
  });
}

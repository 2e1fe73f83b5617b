// Reading a table's bytes: what it says of itself, its limits, its totals, its rows. Listings need no speed, so they are
// no business of the core, which stays small.

import * as debtLayout from '../../assembly/debt-layout.js';
import * as layout from '../../assembly/layout.js';
import { type Core, threadBlocks } from './core.js';

/** What a table says of itself in its first bytes. */
export interface Header {
  readonly magic: number;
  readonly abi: number;
  readonly maxPeers: number;
  /** `performance.timeOrigin` of the thread that made the table. */
  readonly origin: number;
}

/** What a core of this version writes there. */
export const EXPECTED = { magic: layout.MAGIC, abi: layout.ABI_VERSION };

export function readHeader({ buffer }: WebAssembly.Memory): Header {
  const bytes = new DataView(buffer);
  return {
    magic: bytes.getUint32(layout.AT_MAGIC, true),
    abi: bytes.getUint32(layout.AT_ABI, true),
    maxPeers: bytes.getUint32(layout.AT_CAPACITY, true),
    origin: bytes.getFloat64(layout.AT_ORIGIN, true),
  };
}

export function writeOrigin({ memory }: Core, origin: number): void {
  new DataView(memory.buffer).setFloat64(layout.AT_ORIGIN, origin, true);
}

/** The key of the fingerprints, 16 bytes. It can be written until the first row was claimed. */
export function keyOf({ memory }: Core): Uint8Array {
  return new Uint8Array(memory.buffer, layout.AT_KEY, 16);
}

/** How many lives the table has numbered: where it goes on, no permit of before counts. */
export function birthsOf({ memory }: Core): number {
  return new DataView(memory.buffer).getUint32(layout.AT_BIRTHS, true);
}

export function writeBirths({ memory }: Core, births: number): void {
  new DataView(memory.buffer).setUint32(layout.AT_BIRTHS, births, true);
}

/** How often the limits changed. */
export function limitsVersion({ memory }: Core): number {
  return new DataView(memory.buffer).getUint32(layout.AT_FORCE + 4, true);
}

export interface Totals {
  readonly allowed: number;
  readonly rateLimited: number;
  readonly circuitRejected: number;
  readonly tableFull: number;
  readonly circuitOpened: number;
  readonly circuitClosed: number;
  readonly staleResults: number;
  readonly reclaimed: number;
  readonly clockAnomalies: number;
  readonly heldBack: number;
  readonly shadowed: number;
  readonly recovered: number;
  readonly circuitHalfOpened: number;
  readonly tableFullRejected: number;
  readonly peers: number;
}

/** The counters of all threads, summed. */
export function readTotals({ memory, maxPeers }: Core): Totals {
  const bytes = new DataView(memory.buffer);
  const threads = bytes.getUint32(layout.AT_THREADS, true);
  const start = threadBlocks(maxPeers);
  const total = (counter: number): number => {
    let sum = 0;
    for (let thread = 0; thread < threads; thread++) {
      sum += Number(bytes.getBigUint64(start + thread * layout.THREAD_BYTES + counter * 8, true));
    }
    return sum;
  };
  return {
    allowed: total(layout.COUNT_ALLOWED),
    rateLimited: total(layout.COUNT_RATE_LIMITED),
    circuitRejected: total(layout.COUNT_CIRCUIT_REJECTED),
    tableFull: total(layout.COUNT_TABLE_FULL),
    circuitOpened: total(layout.COUNT_CIRCUIT_OPENED),
    circuitClosed: total(layout.COUNT_CIRCUIT_CLOSED),
    staleResults: total(layout.COUNT_STALE_RESULTS),
    reclaimed: total(layout.COUNT_RECLAIMED),
    clockAnomalies: total(layout.COUNT_CLOCK_ANOMALIES),
    heldBack: total(layout.COUNT_HELD_BACK),
    shadowed: total(layout.COUNT_SHADOWED),
    recovered: total(layout.COUNT_RECOVERED),
    circuitHalfOpened: total(layout.COUNT_CIRCUIT_HALF_OPENED),
    tableFullRejected: total(layout.COUNT_TABLE_FULL_REJECTED),
    peers: total(layout.COUNT_CLAIMED) - total(layout.COUNT_FREED),
  };
}

export interface Row {
  readonly slot: number;
  readonly epoch: number;
  /** The ID's first bytes, at most ID_KEPT, or ID_KEPT_DIGESTED where its HMAC stands behind them; a copy. */
  readonly id: Uint8Array;
  readonly idLength: number;
  readonly allowed: number;
  readonly rateLimited: number;
  readonly circuitRejected: number;
  readonly failures: number;
  readonly established: boolean;
}

/** How many slots have been used so far: no row stands behind them. */
export function usedSlots({ memory, maxPeers }: Core): number {
  return Math.min(new DataView(memory.buffer).getUint32(layout.AT_FRESH, true), maxPeers);
}

/** The row on a slot; undefined where it is nobody's. */
export function readRow({ memory, maxPeers }: Core, slot: number): Row | undefined {
  const row = new DataView(memory.buffer, layout.ROWS + slot * layout.ROW_BYTES, layout.ROW_BYTES);
  const owner = row.getUint32(layout.ROW_META + 4, true);
  if ((owner & ((1 << layout.LIFE_BITS) - 1)) !== layout.LIFE_LIVE) return undefined;
  const cold = new DataView(memory.buffer, coldRecord(maxPeers, slot), layout.COLD_BYTES);
  const noted = cold.getUint16(layout.COLD_ID_LENGTH, true);
  const idLength = noted & (debtLayout.COLD_DIGESTED - 1);
  const kept = Math.min(idLength, noted === idLength ? layout.ID_KEPT : debtLayout.ID_KEPT_DIGESTED);
  return {
    slot,
    epoch: owner >>> layout.LIFE_BITS,
    id: new Uint8Array(memory.buffer, cold.byteOffset + layout.COLD_ID, kept).slice(),
    idLength,
    allowed: row.getUint32(layout.ROW_ALLOWED, true),
    rateLimited: row.getUint32(layout.ROW_RATE_LIMITED, true),
    circuitRejected: cold.getUint32(layout.COLD_CIRCUIT_REJECTED, true),
    failures: cold.getUint32(layout.COLD_FAILURES, true),
    established: row.getUint32(layout.ROW_PEER, true) >>> layout.SUCCESSES_SHIFT === layout.SUCCESSES_ALL,
  };
}

/** Where the cold record of a slot stands. */
export function coldRecord(maxPeers: number, slot: number): number {
  return layout.coldAt(layout.indexAt(maxPeers), maxPeers) + slot * layout.COLD_BYTES;
}

// Copying rows out of a table that others may be writing to, and into a new one. A record is a row's 64 bytes and its
// cold record's 72 behind them.

import * as layout from '../../assembly/layout.js';
import type { Core } from './core.js';
import { coldRecord } from './reading.js';

export const RECORD_BYTES = layout.ROW_BYTES + layout.COLD_BYTES;

/** A row that never held still for so many looks is copied as it was at the last one, or is nobody's if it changed hands. */
const MOST_LOOKS = 1000;

const WORDS = layout.ROW_BYTES / 8;
const OWNER = layout.ROW_META / 8;
const BUCKET = layout.ROW_BUCKET / 8;
const BREAKER = layout.ROW_BREAKER / 8;
const PIN_BITS = 32n;
const LIFE_MASK = BigInt((1 << layout.LIFE_BITS) - 1);
const LIVE = BigInt(layout.LIFE_LIVE);

/** Copies the row on a slot if it is somebody's. Bucket and breaker are of one instant. */
export function copyRow({ memory, maxPeers }: Core, slot: number, record: Uint8Array): boolean {
  const row = new BigUint64Array(memory.buffer, layout.ROWS + slot * layout.ROW_BYTES, WORDS);
  const cold = new Uint8Array(memory.buffer, coldRecord(maxPeers, slot), layout.COLD_BYTES);
  const copy = new BigUint64Array(WORDS);
  let copied = false;
  for (let look = 0; look < MOST_LOOKS; look++) {
    for (let word = 0; word < WORDS; word++) copy[word] = Atomics.load(row, word);
    const owner = (copy[OWNER] as bigint) >> PIN_BITS;
    if ((owner & LIFE_MASK) !== LIVE) return false;
    const coldCopy = cold.slice();
    const heldStill = [BUCKET, BREAKER].every((word) => Atomics.load(row, word) === copy[word]);
    if (Atomics.load(row, OWNER) >> PIN_BITS !== owner) continue;
    record.set(new Uint8Array(copy.buffer));
    record.set(coldCopy, layout.ROW_BYTES);
    copied = true;
    if (heldStill) break;
  }
  return copied;
}

/** Copies the row that peers without one share. */
export function copyOverflowRow({ memory, maxPeers }: Core, record: Uint8Array): void {
  record.set(new Uint8Array(memory.buffer, layout.ROWS + maxPeers * layout.ROW_BYTES, layout.ROW_BYTES));
}

/** Gives a record's peer a row as time has made it by `asOf`, its instants moved by `shiftMs`; false if none is left. */
export function adoptRow(core: Core, record: Uint8Array, overflow: boolean, asOf: number, shiftMs: number): boolean {
  const { buffer, byteOffset } = core.batchRoom;
  new Uint8Array(buffer, byteOffset, RECORD_BYTES).set(record);
  return core.adopt(overflow, asOf, shiftMs) !== 0;
}

// Rows on the way out of a table, and into a new one: as records, through the room in its memory that batches pass through.

import * as layout from '../../assembly/layout.js';
import type { Core } from './core.js';

export const RECORD_BYTES = layout.RECORD_BYTES;
/** As many bytes of records as one call copies. */
export const RECORDS_BYTES = layout.RECORDS * layout.RECORD_BYTES;
export { SAVE_CHANGED, SAVE_CLOSED } from '../../assembly/layout.js';

export interface SavedRecords {
  /** The core's own memory: read it before the next call. */
  readonly records: Uint8Array;
  /** The slot to go on with. */
  readonly next: number;
}

/**
 * Records of the rows from a slot on, with their buckets in the limits of this version; or SAVE_CHANGED, if those are not
 * in force any more, or SAVE_CLOSED.
 */
export function saveRecords(core: Core, slot: number, version: number): SavedRecords | number {
  const saved = core.save(slot, version);
  if (saved < 0) return saved;
  const { buffer, byteOffset } = core.batchRoom;
  return { records: new Uint8Array(buffer, byteOffset, (saved % 64) * RECORD_BYTES), next: Math.floor(saved / 64) };
}

/** Gives the peers of these records rows; how many found one, up to the first that did not. */
export function adoptRecords(core: Core, records: Uint8Array): number {
  const { buffer, byteOffset } = core.batchRoom;
  const room = new Uint8Array(buffer, byteOffset, RECORDS_BYTES);
  let adopted = 0;
  for (let at = 0; at < records.length; at += RECORDS_BYTES) {
    const some = records.subarray(at, at + RECORDS_BYTES);
    room.set(some);
    const count = some.length / RECORD_BYTES;
    const found = core.adopt(count);
    adopted += found;
    if (found < count) break;
  }
  return adopted;
}

const OLD_LAST_FAILURE = 52;
const OLD_POSITION = layout.ROW_BYTES + 8;
const OLD_ID_LENGTH = layout.ROW_BYTES + 12;
const OLD_ID = layout.ROW_BYTES + 14;

/** Writes a record of a table up to version 2 as one of today's; the newer words are 0. */
export function renewRecord(old: Uint8Array, record: Uint8Array): void {
  const cold = record.subarray(layout.ROW_BYTES);
  record.set(old.subarray(0, layout.ROW_BYTES));
  record.fill(0, layout.ROW_WINDOW, layout.ROW_ALLOWED);
  cold.set(old.subarray(layout.ROW_BYTES, OLD_POSITION));
  cold.set(old.subarray(OLD_LAST_FAILURE, OLD_LAST_FAILURE + 4), layout.COLD_LAST_FAILURE);
  cold.set(old.subarray(OLD_ID_LENGTH, OLD_ID), layout.COLD_ID_LENGTH);
  cold.set(old.subarray(OLD_ID, OLD_ID + layout.ID_KEPT), layout.COLD_ID);
}

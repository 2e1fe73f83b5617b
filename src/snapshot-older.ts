// Reads snapshots of tables of versions 1 and 2. Their limits had seven fields, and their records 136 bytes.
//
//      a row                  … 48 ─ unused 4 ─ 52 ─ last failure 4 ─ 56 …
//      its cold record        0 ─ rejected 4 ─ 4 ─ failures 4 ─ 8 ─ position 4 ─ 12 ─ length of the ID 2 ─ 14 ─ ID 58 ─ 72
//
// The first snapshots had a header of 128 bytes with the limits in it, and one sequence of records.

import type { Limits } from './config.js';
import { crc32 } from './crc32.js';
import { SnapshotError } from './errors.js';
import { requireSame, type SavedRows } from './snapshot-format.js';
import { RECORD_BYTES, renewRecord } from './wasm/copying.js';

export const OLD_RECORD_BYTES = 136;
export const OLD_LIMITS_BYTES = 56;

const HEADER_BYTES = 128;
const AT_CHECKSUM = 20;

/** The records as a table of today has them. */
export function renewed(records: Uint8Array): Uint8Array {
  const count = records.length / OLD_RECORD_BYTES;
  const copy = new Uint8Array(count * RECORD_BYTES);
  for (let i = 0; i < count; i++) {
    renewRecord(records.subarray(i * OLD_RECORD_BYTES), copy.subarray(i * RECORD_BYTES, (i + 1) * RECORD_BYTES));
  }
  return copy;
}

export function readOldSnapshot(bytes: Uint8Array, view: DataView): SavedRows {
  const length = HEADER_BYTES + (view.getUint32(16, true) + 1) * OLD_RECORD_BYTES;
  if (bytes.length !== length) {
    throw new SnapshotError(`${length} bytes for ${view.getUint32(16, true)} peers`, bytes.length);
  }
  // The checksum is of all bytes but its own.
  const crc = crc32(bytes.subarray(AT_CHECKSUM + 4), crc32(bytes.subarray(0, AT_CHECKSUM)));
  requireSame('as the checksum', view.getUint32(AT_CHECKSUM, true), crc);
  const pieces = [renewed(bytes.subarray(HEADER_BYTES))];
  return { changedAt: 0, limits: readOldLimits(view, 56), classes: [], pieces };
}

/** Seven fields, and what was in force without being said. */
export function readOldLimits(view: DataView, at: number): Limits {
  const timeoutMs = view.getFloat64(at + 16, true);
  return {
    maxRequestsPerSec: view.getFloat64(at, true),
    burstSize: view.getFloat64(at + 8, true),
    circuitBreakerTimeoutMs: timeoutMs,
    probeTimeoutMs: view.getFloat64(at + 24, true),
    circuitBreakerThreshold: view.getUint32(at + 32, true),
    halfOpenProbes: view.getUint32(at + 36, true),
    onFull: view.getUint32(at + 40, true) === 1 ? 'reject' : 'overflow',
    minimumCalls: 20,
    windowMs: 10_000,
    maxOpenFraction: 0.5,
    circuitBreakerMaxTimeoutMs: timeoutMs,
    mode: 'enforce',
    classes: {},
  };
}

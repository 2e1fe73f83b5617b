// The bytes of a snapshot: a header, then sections, each with its kind and its length. Little-endian. A writer knows neither
// the number of rows nor the checksum before the end, so both stand in the last section.
//
//      byte 0       4         8     12         16       24        32    40          56
//           ┌───────┬─────────┬─────┬──────────┬────────┬─────────┬─────┬───────────┬──────┐
//   header  │ magic │ version │ ABI │ maxPeers │ births │ wall ms │ now │ key 16    │ 0    │   64 bytes
//           └───────┴─────────┴─────┴──────────┴────────┴─────────┴─────┴───────────┴──────┘
//           ┌──────┬───────┬──
//  section  │ kind │ bytes │ …          and so many bytes behind these eight
//           └──────┴───────┴──
//      limits   changed at f64, rate f64, burst f64, timeoutMs f64, probeTimeoutMs f64, threshold u32, probes u32, onFull u32, 0
//      rows     records of 136 bytes: a row's 64 and its cold record's 72 (assembly/layout.ts)
//      end      number of records u32, CRC-32 of all bytes before it u32
//
// The rows behind a section of limits are in these limits. A further one follows where the limits changed while rows were
// copied. The overflow row is among the records: it has epoch 0.
//
// Version 1 had a header of 128 bytes with the limits in it, and one sequence of records.

import type { Limits } from './config.js';
import { crc32 } from './crc32.js';
import { SnapshotError, shown } from './errors.js';
import { RECORD_BYTES } from './wasm/copying.js';
import { EXPECTED } from './wasm/reading.js';

/** 'PGSS'. */
const MAGIC = 0x53534750;
const VERSION = 2;
/** Records of this version of the table and of all later ones up to today's can be read: new words were 0 before. */
const OLDEST_ABI = 1;

export const HEADER_BYTES = 64;
export const SECTION_BYTES = 8;
const AT_KEY = 40;
const KEY_BYTES = 16;

const LIMITS = 1;
const ROWS = 2;
const END = 3;
const LIMITS_BYTES = 56;
const END_BYTES = 8;
export const LIMITS_SECTION_BYTES = SECTION_BYTES + LIMITS_BYTES;
export const END_SECTION_BYTES = SECTION_BYTES + END_BYTES;

/** Each change costs whoever restores a walk over all rows, so that forged bytes must not ask for any number of them. */
export const MAX_CHANGES = 1000;

export interface SavedHeader {
  readonly maxPeers: number;
  /** How many lives the table had numbered. */
  readonly births: number;
  /** The wall clock, and the limiter's clock at the same instant. */
  readonly wallMs: number;
  readonly now: number;
  readonly key: Uint8Array;
}

/** Limits, and since when they are in force on the limiter's clock. */
export interface SavedLimits {
  readonly changedAt: number;
  readonly limits: Limits;
}

/** Rows that are in the same limits: one piece of the snapshot's bytes after the other. */
export interface SavedRows extends SavedLimits {
  readonly pieces: Uint8Array[];
}

export interface Saved extends SavedHeader {
  /** In the order in which the limits were in force; at least one. */
  readonly parts: readonly SavedRows[];
}

// ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────
// Each function writes at the beginning of `room` and returns how many bytes that took.

export function writeHeader(room: Uint8Array, header: SavedHeader): number {
  const view = viewOf(room);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setUint32(8, EXPECTED.abi, true);
  view.setUint32(12, header.maxPeers, true);
  view.setUint32(16, header.births, true);
  view.setUint32(20, 0, true);
  view.setFloat64(24, header.wallMs, true);
  view.setFloat64(32, header.now, true);
  room.set(header.key, AT_KEY);
  room.fill(0, AT_KEY + KEY_BYTES, HEADER_BYTES);
  return HEADER_BYTES;
}

export function writeLimits(room: Uint8Array, { changedAt, limits }: SavedLimits): number {
  const view = writeSection(room, LIMITS, LIMITS_BYTES);
  view.setFloat64(8, changedAt, true);
  view.setFloat64(16, limits.maxRequestsPerSec, true);
  view.setFloat64(24, limits.burstSize, true);
  view.setFloat64(32, limits.circuitBreakerTimeoutMs, true);
  view.setFloat64(40, limits.probeTimeoutMs, true);
  view.setUint32(48, limits.circuitBreakerThreshold, true);
  view.setUint32(52, limits.halfOpenProbes, true);
  view.setUint32(56, limits.onFull === 'reject' ? 1 : 0, true);
  view.setUint32(60, 0, true);
  return LIMITS_SECTION_BYTES;
}

export function writeRows(room: Uint8Array, records: Uint8Array): number {
  writeSection(room, ROWS, records.length);
  room.set(records, SECTION_BYTES);
  return SECTION_BYTES + records.length;
}

/** @param crc The checksum of all bytes before this section. */
export function writeEnd(room: Uint8Array, records: number, crc: number): number {
  const view = writeSection(room, END, END_BYTES);
  view.setUint32(8, records, true);
  view.setUint32(12, crc32(room.subarray(0, 12), crc), true);
  return END_SECTION_BYTES;
}

function writeSection(room: Uint8Array, kind: number, bytes: number): DataView {
  const view = viewOf(room);
  view.setUint32(0, kind, true);
  view.setUint32(4, bytes, true);
  return view;
}

// ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** @throws SnapshotError for bytes that are not, or not any more, a snapshot of a version that can be read. */
export function readSnapshot(bytes: Uint8Array): Saved {
  if (!(bytes instanceof Uint8Array)) throw new SnapshotError('a Uint8Array', shown(bytes));
  if (bytes.length < HEADER_BYTES) throw new SnapshotError(`at least ${HEADER_BYTES} bytes`, bytes.length);
  const view = viewOf(bytes);
  const [magic, version, abi] = [view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true)];
  if (magic !== MAGIC) throw new SnapshotError(`the magic number ${MAGIC}`, magic);
  if (version !== 1 && version !== VERSION) throw new SnapshotError(`version 1 or ${VERSION}`, version);
  if (abi < OLDEST_ABI || abi > EXPECTED.abi) {
    throw new SnapshotError(`a table of version ${OLDEST_ABI} to ${EXPECTED.abi}`, abi);
  }
  const parts = version === 1 ? [readVersion1(bytes, view)] : readSections(bytes, view);
  return {
    maxPeers: view.getUint32(12, true),
    births: view.getUint32(version === 1 ? 100 : 16, true),
    wallMs: view.getFloat64(24, true),
    now: view.getFloat64(32, true),
    key: bytes.slice(AT_KEY, AT_KEY + KEY_BYTES),
    parts,
  };
}

function readSections(bytes: Uint8Array, view: DataView): SavedRows[] {
  const parts: SavedRows[] = [];
  let records = 0;
  for (let at = HEADER_BYTES; ; ) {
    const kind = at + SECTION_BYTES <= bytes.length ? view.getUint32(at, true) : 0;
    const length = kind === 0 ? 0 : view.getUint32(at + 4, true);
    const start = at + SECTION_BYTES;
    const end = start + length;
    if (kind === 0 || end > bytes.length) throw new SnapshotError('a section that marks the end', 'bytes without one');
    const part = parts.at(-1);
    if (kind === LIMITS && length === LIMITS_BYTES) {
      if (parts.length > MAX_CHANGES) throw new SnapshotError(`at most ${MAX_CHANGES} changes of the limits`, 'more');
      parts.push({ changedAt: view.getFloat64(start, true), limits: readLimits(view, start + 8), pieces: [] });
    } else if (kind === ROWS && length % RECORD_BYTES === 0 && part !== undefined) {
      part.pieces.push(bytes.subarray(start, end));
      records += length / RECORD_BYTES;
    } else if (kind === END && length === END_BYTES && part !== undefined) {
      if (end !== bytes.length) throw new SnapshotError(`${end} bytes`, bytes.length);
      requireSame('records', view.getUint32(start, true), records);
      requireSame('as the checksum', view.getUint32(start + 4, true), crc32(bytes.subarray(0, start + 4)));
      return parts;
    } else {
      throw new SnapshotError('a section of limits, rows or the end', `one of kind ${kind} with ${length} bytes`);
    }
    at = end;
  }
}

const V1_HEADER_BYTES = 128;
const V1_CHECKSUM = 20;

function readVersion1(bytes: Uint8Array, view: DataView): SavedRows {
  const length = V1_HEADER_BYTES + (view.getUint32(16, true) + 1) * RECORD_BYTES;
  if (bytes.length !== length) {
    throw new SnapshotError(`${length} bytes for ${view.getUint32(16, true)} peers`, bytes.length);
  }
  // The checksum is of all bytes but its own.
  const crc = crc32(bytes.subarray(V1_CHECKSUM + 4), crc32(bytes.subarray(0, V1_CHECKSUM)));
  requireSame('as the checksum', view.getUint32(V1_CHECKSUM, true), crc);
  return { changedAt: 0, limits: readLimits(view, 56), pieces: [bytes.subarray(V1_HEADER_BYTES)] };
}

function readLimits(view: DataView, at: number): Limits {
  return {
    maxRequestsPerSec: view.getFloat64(at, true),
    burstSize: view.getFloat64(at + 8, true),
    circuitBreakerTimeoutMs: view.getFloat64(at + 16, true),
    probeTimeoutMs: view.getFloat64(at + 24, true),
    circuitBreakerThreshold: view.getUint32(at + 32, true),
    halfOpenProbes: view.getUint32(at + 36, true),
    onFull: view.getUint32(at + 40, true) === 1 ? 'reject' : 'overflow',
  };
}

function requireSame(what: string, stored: number, found: number): void {
  if (stored !== found) throw new SnapshotError(`${stored} ${what}`, found);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

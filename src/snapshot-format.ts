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
//      limits   changed at f64, settings f64 each, in the order of assembly/layout.ts; then for each class 48 bytes:
//               factor f64, number u32, exempt u32, name in UTF-8 with zeros behind it
//      rows     records of 140 bytes: a row's 64 and its cold record's 76 (assembly/layout.ts)
//      end      number of records u32, CRC-32 of all bytes before it u32
//
// The rows behind a section of limits are in these limits. A further one follows where the limits changed while rows were
// copied. The overflow row is among the records: it has epoch 0.
//
// What tables of versions 1 and 2 wrote is read by snapshot-older.ts.

import type { Limits } from './config.js';
import { crc32 } from './crc32.js';
import { SnapshotError, shown } from './errors.js';
import { limitsFrom } from './settings.js';
import { OLD_LIMITS_BYTES, OLD_RECORD_BYTES, readOldLimits, readOldSnapshot, renewed } from './snapshot-older.js';
import { isUint8Array } from './typed-arrays.js';
import { RECORD_BYTES } from './wasm/copying.js';
import { EXPECTED } from './wasm/reading.js';
import { CLASS_NAME_BYTES, CLASSES, SETTINGS, type StoredClass, type StoredSettings } from './wasm/settings.js';

/** 'PGSS'. */
const MAGIC = 0x53534750;
const VERSION = 2;
/** Records of tables of this version and of all later ones up to today's can be read. */
const OLDEST_ABI = 1;
/** Tables up to this version had limits of seven fields and records of 136 bytes. */
const LAST_OLD_ABI = 2;

export const HEADER_BYTES = 64;
export const SECTION_BYTES = 8;
const AT_KEY = 40;
const KEY_BYTES = 16;

const LIMITS = 1;
const ROWS = 2;
const END = 3;
/** Without classes, each of which adds its own. */
const LIMITS_BYTES = 8 + 8 * SETTINGS;
const CLASS_BYTES = 16 + CLASS_NAME_BYTES;
const END_BYTES = 8;
export const LIMITS_SECTION_BYTES = SECTION_BYTES + LIMITS_BYTES + (CLASSES - 1) * CLASS_BYTES;
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
  /** With the numbers by which rows name them. */
  readonly classes: readonly StoredClass[];
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

export function writeLimits(room: Uint8Array, { changedAtMs, values, classes }: StoredSettings): number {
  const bytes = LIMITS_BYTES + classes.length * CLASS_BYTES;
  const view = writeSection(room, LIMITS, bytes);
  view.setFloat64(8, changedAtMs, true);
  for (let i = 0; i < SETTINGS; i++) view.setFloat64(16 + 8 * i, values[i] as number, true);
  let at = SECTION_BYTES + LIMITS_BYTES;
  for (const { number, name, factor, exempt } of classes) {
    view.setFloat64(at, factor, true);
    view.setUint32(at + 8, number, true);
    view.setUint32(at + 12, Number(exempt), true);
    room.fill(0, at + 16, at + CLASS_BYTES).set(new TextEncoder().encode(name), at + 16);
    at += CLASS_BYTES;
  }
  return SECTION_BYTES + bytes;
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
  if (!isUint8Array(bytes)) throw new SnapshotError('a Uint8Array', shown(bytes));
  if (bytes.length < HEADER_BYTES) throw new SnapshotError(`at least ${HEADER_BYTES} bytes`, bytes.length);
  const view = viewOf(bytes);
  const [magic, version, abi] = [view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true)];
  if (magic !== MAGIC) throw new SnapshotError(`the magic number ${MAGIC}`, magic);
  if (version !== 1 && version !== VERSION) throw new SnapshotError(`version 1 or ${VERSION}`, version);
  if (abi < OLDEST_ABI || abi > EXPECTED.abi) {
    throw new SnapshotError(`a table of version ${OLDEST_ABI} to ${EXPECTED.abi}`, abi);
  }
  const parts = version === 1 ? [readOldSnapshot(bytes, view)] : readSections(bytes, view, abi <= LAST_OLD_ABI);
  return {
    maxPeers: view.getUint32(12, true),
    births: view.getUint32(version === 1 ? 100 : 16, true),
    wallMs: view.getFloat64(24, true),
    now: view.getFloat64(32, true),
    key: bytes.slice(AT_KEY, AT_KEY + KEY_BYTES),
    parts,
  };
}

/** `old`: with limits and records as tables had them up to version 2. */
function readSections(bytes: Uint8Array, view: DataView, old: boolean): SavedRows[] {
  const recordBytes = old ? OLD_RECORD_BYTES : RECORD_BYTES;
  const parts: SavedRows[] = [];
  let records = 0;
  for (let at = HEADER_BYTES; ; ) {
    const kind = at + SECTION_BYTES <= bytes.length ? view.getUint32(at, true) : 0;
    const length = kind === 0 ? 0 : view.getUint32(at + 4, true);
    const start = at + SECTION_BYTES;
    const end = start + length;
    if (kind === 0 || end > bytes.length) throw new SnapshotError('a section that marks the end', 'bytes without one');
    const part = parts.at(-1);
    if (kind === LIMITS && (old ? length === OLD_LIMITS_BYTES : isLimits(length))) {
      if (parts.length > MAX_CHANGES) throw new SnapshotError(`at most ${MAX_CHANGES} changes of the limits`, 'more');
      const read = old
        ? { limits: readOldLimits(view, start + 8), classes: [] }
        : readLimits(bytes, view, start, length);
      parts.push({ changedAt: view.getFloat64(start, true), ...read, pieces: [] });
    } else if (kind === ROWS && length % recordBytes === 0 && part !== undefined) {
      const piece = bytes.subarray(start, end);
      part.pieces.push(old ? renewed(piece) : piece);
      records += length / recordBytes;
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

function isLimits(length: number): boolean {
  return length >= LIMITS_BYTES && (length - LIMITS_BYTES) % CLASS_BYTES === 0;
}

function readLimits(bytes: Uint8Array, view: DataView, start: number, length: number): Omit<SavedLimits, 'changedAt'> {
  const values = Array.from({ length: SETTINGS }, (_, i) => view.getFloat64(start + 8 + 8 * i, true));
  const classes: StoredClass[] = [];
  for (let at = start + LIMITS_BYTES; at < start + length; at += CLASS_BYTES) {
    const name = bytes.subarray(at + 16, at + CLASS_BYTES);
    const end = name.indexOf(0);
    classes.push({
      factor: view.getFloat64(at, true),
      number: view.getUint32(at + 8, true),
      exempt: view.getUint32(at + 12, true) !== 0,
      name: new TextDecoder().decode(end < 0 ? name : name.subarray(0, end)),
    });
  }
  return { limits: limitsFrom({ values, classes }), classes };
}

/** @throws SnapshotError where what is stored is not what was found. */
export function requireSame(what: string, stored: number, found: number): void {
  if (stored !== found) throw new SnapshotError(`${stored} ${what}`, found);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

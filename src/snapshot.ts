// A table as bytes, for a file: a header, the overflow row, the peers' rows. Little-endian.
//
//      byte 0       4         8     12         16     20         24        32    40    56                        128
//           ┌───────┬─────────┬─────┬──────────┬──────┬──────────┬─────────┬─────┬─────┬─────────────────────────┬──
//           │ magic │ version │ ABI │ maxPeers │ rows │ checksum │ wall ms │ now │ key │ limits                  │ …
//           └───────┴─────────┴─────┴──────────┴──────┴──────────┴─────────┴─────┴─────┴─────────────────────────┴──
//
//      limits, from byte 56: rate f64, burst f64, timeoutMs f64, probeTimeoutMs f64, threshold u32, probes u32, onFull u32; births u32
//
// The wall clock says how long the process was down, and by so much everything ages that was waiting for its time. The
// key comes along, because without it no fingerprint means anything: who reads a snapshot can make IDs collide.

import { requireNow } from './args.js';
import { type Limits, type RateLimiterConfig, resolveConfig } from './config.js';
import { SnapshotError, shown } from './errors.js';
import { Table } from './table.js';
import { adoptRow, copyOverflowRow, copyRow, RECORD_BYTES } from './wasm/copying.js';
import { birthsOf, EXPECTED, keyOf, limitsVersion, readHeader, usedSlots, writeBirths } from './wasm/reading.js';

/** 'PGSS'. */
const MAGIC = 0x53534750;
const VERSION = 1;
const HEADER_BYTES = 128;
const AT_CHECKSUM = 20;
const AT_KEY = 40;
const KEY_BYTES = 16;

/** The table as bytes. Where other threads go on, each row is of one instant of its own. */
export function takeSnapshot(table: Table): Uint8Array {
  const { core } = table;
  table.slots.seed();
  while (true) {
    const version = limitsVersion(core);
    core.settleLimits();
    const { config } = table;
    const now = Math.max(0, table.clock());
    requireNow(now);
    const wallMs = Date.now();
    const rows = copyRows(table);
    // Words are in the limits in force when they were copied; if those changed meanwhile, some are in others.
    if (limitsVersion(core) === version) return written(table, config, now, wallMs, rows);
  }
}

/** Room for the header, the overflow row's record and those of the peers, the records filled in. */
function copyRows({ core }: Table): Uint8Array {
  const used = usedSlots(core);
  const bytes = new Uint8Array(HEADER_BYTES + (used + 1) * RECORD_BYTES);
  const recordAt = (at: number) => bytes.subarray(at, at + RECORD_BYTES);
  let end = HEADER_BYTES;
  copyOverflowRow(core, recordAt(end));
  end += RECORD_BYTES;
  for (let slot = 0; slot < used; slot++) if (copyRow(core, slot, recordAt(end))) end += RECORD_BYTES;
  return bytes.slice(0, end);
}

function written(table: Table, config: Limits, now: number, wallMs: number, bytes: Uint8Array): Uint8Array {
  const { abi, maxPeers } = readHeader(table.core.memory);
  const header = new DataView(bytes.buffer, 0, HEADER_BYTES);
  header.setUint32(0, MAGIC, true);
  header.setUint32(4, VERSION, true);
  header.setUint32(8, abi, true);
  header.setUint32(12, maxPeers, true);
  header.setUint32(16, (bytes.length - HEADER_BYTES) / RECORD_BYTES - 1, true);
  header.setFloat64(24, wallMs, true);
  header.setFloat64(32, now, true);
  bytes.set(keyOf(table.core), AT_KEY);
  header.setFloat64(56, config.maxRequestsPerSec, true);
  header.setFloat64(64, config.burstSize, true);
  header.setFloat64(72, config.circuitBreakerTimeoutMs, true);
  header.setFloat64(80, config.probeTimeoutMs, true);
  header.setUint32(88, config.circuitBreakerThreshold, true);
  header.setUint32(92, config.halfOpenProbes, true);
  header.setUint32(96, config.onFull === 'reject' ? 1 : 0, true);
  header.setUint32(100, birthsOf(table.core), true);
  header.setUint32(AT_CHECKSUM, checksum(bytes), true);
  return bytes;
}

/**
 * A new table with what the bytes hold, aged by the time since.
 *
 * @throws SnapshotError for bytes that are not, or not any more, a snapshot of this version, or a `maxPeers` below its own;
 *   ConfigError for a bad option.
 */
export function restoreTable(bytes: Uint8Array, options: RateLimiterConfig): Table {
  const saved = read(bytes);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const config = resolveConfig({ ...saved.limits, maxPeers: saved.maxPeers, ...given });
  if (config.maxPeers < saved.maxPeers) {
    throw new SnapshotError(`maxPeers of at least the snapshot's ${saved.maxPeers}`, config.maxPeers);
  }
  const now = Math.max(0, config.clock());
  requireNow(now);
  const asOf = saved.now + Math.max(0, Date.now() - saved.wallMs);

  const table = Table.create(resolveConfig({ ...config, ...saved.limits }), saved.key);
  writeBirths(table.core, saved.births);
  for (let at = HEADER_BYTES; at < bytes.length; at += RECORD_BYTES) {
    const overflow = at === HEADER_BYTES;
    if (!adoptRow(table.core, bytes.subarray(at, at + RECORD_BYTES), overflow, asOf, now - asOf)) {
      throw new SnapshotError('a row of its own for every peer', 'two rows of one peer');
    }
  }
  table.configure(config, now);
  return table;
}

interface Saved {
  readonly maxPeers: number;
  readonly wallMs: number;
  readonly now: number;
  readonly key: Uint8Array;
  readonly births: number;
  readonly limits: Limits;
}

function read(bytes: Uint8Array): Saved {
  if (!(bytes instanceof Uint8Array)) throw new SnapshotError('a Uint8Array', shown(bytes));
  if (bytes.length < HEADER_BYTES) throw new SnapshotError(`at least ${HEADER_BYTES} bytes`, bytes.length);
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const word = (at: number) => header.getUint32(at, true);
  const { abi } = EXPECTED;
  if (word(0) !== MAGIC) throw new SnapshotError(`the magic number ${MAGIC}`, word(0));
  if (word(4) !== VERSION) throw new SnapshotError(`version ${VERSION}`, word(4));
  if (word(8) !== abi) throw new SnapshotError(`a table of version ${abi}`, word(8));
  const length = HEADER_BYTES + (word(16) + 1) * RECORD_BYTES;
  if (bytes.length !== length) throw new SnapshotError(`${length} bytes for ${word(16)} peers`, bytes.length);
  if (checksum(bytes) !== word(AT_CHECKSUM))
    throw new SnapshotError(`the checksum ${word(AT_CHECKSUM)}`, checksum(bytes));
  return {
    maxPeers: word(12),
    wallMs: header.getFloat64(24, true),
    now: header.getFloat64(32, true),
    key: bytes.slice(AT_KEY, AT_KEY + KEY_BYTES),
    births: word(100),
    limits: {
      maxRequestsPerSec: header.getFloat64(56, true),
      burstSize: header.getFloat64(64, true),
      circuitBreakerTimeoutMs: header.getFloat64(72, true),
      probeTimeoutMs: header.getFloat64(80, true),
      circuitBreakerThreshold: word(88),
      halfOpenProbes: word(92),
      onFull: word(96) === 1 ? 'reject' : 'overflow',
    },
  };
}

/** CRC-32 (ISO 3309) of the bytes, those of the checksum itself left out. */
function checksum(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) {
    if (i === AT_CHECKSUM) i += 4;
    crc = (CRC[(crc ^ (bytes[i] as number)) & 255] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}

const CRC = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1 ? 0xedb88320 : 0) ^ (crc >>> 1);
  return crc;
});

// The boundary: an instance of the core over a table of its own. Export names and byte offsets are known here and
// nowhere else in TypeScript. Hot calls go to the raw exports; the loader's wrappers would cost more than the call.

import { instantiateSync } from '@assemblyscript/loader';
import * as layout from '../../assembly/layout.js';

export {
  BATCH,
  ID_KEPT,
  MAX_ID_BYTES,
  MAX_PEERS,
  NO_PERMIT,
  ON_FULL_OVERFLOW,
  ON_FULL_REJECT,
  OUTCOME_FAILURE,
  OUTCOME_IGNORED,
  OUTCOME_SUCCESS,
  MAX_THREADS,
  REASON_SHIFT,
  RETRY_NEVER,
  STALE,
} from '../../assembly/layout.js';

/** The core's exports. `slot` and `epoch` name a row's life; where it is over, most of them say `STALE` or -1. */
interface Exports {
  init(rows: number, threads: number): number;
  seed(k0: number, k1: number, k2: number, k3: number): void;
  configure(
    ratePerSec: number,
    burst: number,
    threshold: number,
    timeoutMs: number,
    probes: number,
    probeTimeoutMs: number,
    onFull: number,
    now: number,
  ): void;
  check(slot: number, epoch: number, cost: number, now: number): number;
  checkBatch(from: number, to: number, cost: number, now: number): number;
  checkId(length: number, cost: number, now: number): number;
  checkOverflow(cost: number, now: number): number;
  settle(slot: number, epoch: number, outcome: number, permit: number, now: number): number;
  settleId(length: number, outcome: number, permit: number, now: number): number;
  refund(slot: number, epoch: number, cost: number): number;
  find(length: number): number;
  acquire(length: number, now: number): number;
  release(slot: number, epoch: number): void;
  remove(length: number): number;
  circuitState(slot: number, epoch: number, now: number): number;
  availableTokens(slot: number, epoch: number, now: number): number;
  inspect(slot: number, now: number): number;
  usedSlots(): number;
  stat(counter: number): number;
}

/** What only the shared build exports; thread numbers and tenancies are those of a ticket. */
interface SharedExports extends Exports {
  reserve(): number;
  tenancyOf(thread: number): number;
  attach(thread: number, tenancy: number): number;
  detach(thread: number, tenancy: number): number;
  limitsInForce(): number;
  leave(): void;
}

/** An open table: the exports that work on it, and the rooms in its memory through which IDs and batches pass. */
export interface Core extends Exports {
  /** Where an ID's bytes go before a call by ID; a little longer than the longest ID. */
  readonly idRoom: Uint8Array;
  /** Pairs (slot, epoch) on the way in; each pair's first word is its decision on the way out. */
  readonly batchRoom: Int32Array;
  readonly memory: WebAssembly.Memory;
  /** Only over shared memory. */
  readonly threads?: SharedExports;
  /** What `inspect` left. */
  listed(): Listed;
  totals(): Totals;
}

export interface Listed {
  /** The ID's first bytes, at most ID_KEPT; a copy. */
  readonly id: Uint8Array;
  readonly idLength: number;
  readonly state: number;
  readonly tokens: number;
  readonly allowed: number;
  readonly rateLimited: number;
  readonly circuitRejected: number;
  readonly failures: number;
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
  readonly peers: number;
}

const PAGE_BYTES = 65_536;

function threadBlocks(maxPeers: number): number {
  const cold = layout.coldAt(layout.indexAt(maxPeers), maxPeers);
  return layout.threadsAt(layout.freeAt(cold, maxPeers), layout.freeInner(maxPeers), maxPeers);
}

/** Instantiates the core over a new table. Throws what the engine throws when it has not that much memory. */
export function createCore(module: WebAssembly.Module, maxPeers: number, shared: boolean): Core {
  const threads = shared ? layout.MAX_THREADS : 1;
  const pages = Math.ceil(layout.tableEnd(threadBlocks(maxPeers), threads) / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
  const exports = instantiate(module, memory);
  if (!exports.init(maxPeers, threads)) throw new Error('the module is no core of this version: it made no table');
  return openCore(exports, memory, maxPeers, 0, shared);
}

function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): SharedExports {
  const { instance } = instantiateSync<Record<string, never>>(module, { env: { memory } });
  return instance.exports as unknown as SharedExports;
}

function openCore(
  exports: SharedExports,
  memory: WebAssembly.Memory,
  maxPeers: number,
  thread: number,
  shared: boolean,
): Core {
  const { buffer } = memory;
  const block = threadBlocks(maxPeers) + thread * layout.THREAD_BYTES;
  const room = new DataView(buffer, block + layout.THREAD_BATCH, layout.BATCH * 8);
  const listedId = new Uint8Array(buffer, room.byteOffset + layout.LISTED_ID, layout.ID_KEPT);
  return {
    ...(exports as Exports),
    ...(shared && { threads: exports }),
    memory,
    idRoom: new Uint8Array(buffer, block + layout.THREAD_ID, layout.MAX_ID_BYTES + 64),
    batchRoom: new Int32Array(buffer, room.byteOffset, layout.BATCH * 2),
    listed() {
      const idLength = room.getUint32(layout.LISTED_ID_LENGTH, true);
      return {
        id: listedId.slice(0, Math.min(idLength, layout.ID_KEPT)),
        idLength,
        state: room.getUint32(layout.LISTED_STATE, true),
        tokens: room.getFloat64(layout.LISTED_TOKENS, true),
        allowed: room.getUint32(layout.LISTED_ALLOWED, true),
        rateLimited: room.getUint32(layout.LISTED_RATE_LIMITED, true),
        circuitRejected: room.getUint32(layout.LISTED_CIRCUIT_REJECTED, true),
        failures: room.getUint32(layout.LISTED_FAILURES, true),
      };
    },
    totals: () => ({
      allowed: exports.stat(layout.COUNT_ALLOWED),
      rateLimited: exports.stat(layout.COUNT_RATE_LIMITED),
      circuitRejected: exports.stat(layout.COUNT_CIRCUIT_REJECTED),
      tableFull: exports.stat(layout.COUNT_TABLE_FULL),
      circuitOpened: exports.stat(layout.COUNT_CIRCUIT_OPENED),
      circuitClosed: exports.stat(layout.COUNT_CIRCUIT_CLOSED),
      staleResults: exports.stat(layout.COUNT_STALE_RESULTS),
      reclaimed: exports.stat(layout.COUNT_RECLAIMED),
      peers: exports.stat(layout.COUNT_CLAIMED) - exports.stat(layout.COUNT_FREED),
    }),
  };
}

/** A reference, slot + epoch · 2²⁴, taken apart. */
export function slotOf(ref: number): number {
  return ref % layout.MAX_PEERS;
}

export function epochOf(ref: number): number {
  return Math.floor(ref / layout.MAX_PEERS);
}

// ── shared tables ────────────────────────────────────────────────────────────────────────────────────────────────────

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

export function writeOrigin({ buffer }: WebAssembly.Memory, origin: number): void {
  new DataView(buffer).setFloat64(layout.AT_ORIGIN, origin, true);
}

/** Joins a table that another thread made; undefined where the number is not, or no longer, free for this tenancy. */
export function joinCore(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  thread: number,
  tenancy: number,
): Core | undefined {
  const exports = instantiate(module, memory);
  if (exports.attach(thread, tenancy) !== thread) return undefined;
  return openCore(exports, memory, readHeader(memory).maxPeers, thread, true);
}

/** The limits in force, which another thread may have set. */
export function readLimits({ memory, threads }: Core): StoredLimits | undefined {
  if (threads === undefined) return undefined;
  const record = new DataView(memory.buffer, threads.limitsInForce() >>> 0, layout.LIMITS_BYTES);
  return {
    ratePerSec: record.getFloat64(layout.LIMITS_RATE_PER_SEC, true),
    burst: Number(record.getBigUint64(layout.LIMITS_BURST, true)),
    threshold: record.getUint32(layout.LIMITS_THRESHOLD, true),
    timeoutMs: record.getFloat64(layout.LIMITS_TIMEOUT_MS, true),
    probes: record.getUint8(layout.LIMITS_PROBES),
    probeTimeoutMs: record.getFloat64(layout.LIMITS_PROBE_TIMEOUT_MS, true),
    onFull: record.getUint8(layout.LIMITS_ON_FULL),
  };
}

export interface StoredLimits {
  readonly ratePerSec: number;
  readonly burst: number;
  readonly threshold: number;
  readonly timeoutMs: number;
  readonly probes: number;
  readonly probeTimeoutMs: number;
  readonly onFull: number;
}

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

/** An open table: the exports that work on it, and the rooms in its memory through which IDs and batches pass. */
export interface Core extends Exports {
  /** Where an ID's bytes go before a call by ID; a little longer than the longest ID. */
  readonly idRoom: Uint8Array;
  /** Pairs (slot, epoch) on the way in; each pair's first word is its decision on the way out. */
  readonly batchRoom: Int32Array;
  /** What `inspect` left. */
  listed(): Listed;
  totals(): Totals;
  readonly memory: WebAssembly.Memory;
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
export function createCore(module: WebAssembly.Module, maxPeers: number): Core {
  const block = threadBlocks(maxPeers);
  const pages = Math.ceil(layout.tableEnd(block, 1) / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { instance } = instantiateSync<Record<string, never>>(module, { env: { memory } });
  const raw = instance.exports as unknown as Exports;
  if (!raw.init(maxPeers, 1)) throw new Error('the module is not a core of this version: it refused to make a table');

  const { buffer } = memory;
  const room = new DataView(buffer, block + layout.THREAD_BATCH, layout.BATCH * 8);
  const listedId = new Uint8Array(buffer, room.byteOffset + layout.LISTED_ID, layout.ID_KEPT);
  return {
    ...raw,
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
      allowed: raw.stat(layout.COUNT_ALLOWED),
      rateLimited: raw.stat(layout.COUNT_RATE_LIMITED),
      circuitRejected: raw.stat(layout.COUNT_CIRCUIT_REJECTED),
      tableFull: raw.stat(layout.COUNT_TABLE_FULL),
      circuitOpened: raw.stat(layout.COUNT_CIRCUIT_OPENED),
      circuitClosed: raw.stat(layout.COUNT_CIRCUIT_CLOSED),
      staleResults: raw.stat(layout.COUNT_STALE_RESULTS),
      reclaimed: raw.stat(layout.COUNT_RECLAIMED),
      peers: raw.stat(layout.COUNT_CLAIMED) - raw.stat(layout.COUNT_FREED),
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

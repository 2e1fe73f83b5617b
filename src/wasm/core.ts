// The boundary: an instance of the core over a table of its own. Export names and byte offsets are known here and
// nowhere else in TypeScript. Hot calls go to the raw exports; the loader's wrappers would cost more than the call.

import { instantiateSync } from '@assemblyscript/loader';
import * as layout from '../../assembly/layout.js';
import { ClosedError } from '../errors.js';

export {
  BATCH,
  ID_KEPT,
  MAX_ID_BYTES,
  MAX_PEERS,
  MAX_THREADS,
  MOST_TOGETHER,
  NEEDS_TIME,
  NO_PERMIT,
  OUTCOME_FAILURE,
  OUTCOME_IGNORED,
  OUTCOME_SUCCESS,
  REASON_SHIFT,
  RETRY_MAX,
  RETRY_NEVER,
  ROWS as HEADER_END,
  STALE,
  STATE_CLOSED,
  STATE_FORCED_CLOSED,
  STATE_FORCED_OPEN,
} from '../../assembly/layout.js';

/** The core's exports. `slot` and `epoch` name a row's life; where it is over, most of them say `STALE` or -1. */
interface Exports {
  init(rows: number, threads: number): number;
  /** Takes the settings in the batch room (settings.ts). */
  configure(now: number): void;
  check(slot: number, epoch: number, cost: number, now: number): number;
  /** `check` for a cost of 1; STALE also for a `now` that is no time. */
  checkOne(slot: number, epoch: number, now: number): number;
  checkBatch(from: number, to: number, cost: number, now: number): number;
  checkId(length: number, cost: number, now: number): number;
  overflow(cost: number, now: number): number;
  /** All have room or none is charged; `found` says which of them refused, or is stale. */
  checkAll(count: number, cost: number, now: number): number;
  settle(slot: number, epoch: number, outcome: number, permit: number, now: number, durationMs: number): number;
  /** Whether a success counts and changes nothing; else `settle` has to see. */
  succeedOne(slot: number, epoch: number, permit: number): number;
  /** The same at a time. */
  succeedAt(slot: number, epoch: number, permit: number, now: number): number;
  settleId(length: number, outcome: number, permit: number, now: number, durationMs: number): number;
  refund(slot: number, epoch: number, cost: number): number;
  find(length: number): number;
  /** `find`, and claims a row where there is none. */
  seat(length: number, now: number): number;
  acquire(length: number, now: number): number;
  release(slot: number, epoch: number): void;
  remove(length: number): number;
  circuitState(slot: number, epoch: number, now: number): number;
  availableTokens(slot: number, epoch: number, now: number): number;
  force(slot: number, epoch: number, state: number, now: number): number;
  setClass(slot: number, epoch: number, number: number): number;
  classNumber(slot: number, epoch: number): number;
  /** NaN where the row's life is over. */
  adjust(slot: number, epoch: number, points: number, now: number): number;
  reputation(slot: number, epoch: number, now: number): number;
  setLoad(exponent: number): void;
  fleet(what: number, now: number): number;
  /** Counts by circuit state in the batch room; the slot to go on with, or 0. */
  census(from: number, to: number, now: number): number;
  save(slot: number, version: number): number;
  adopt(count: number): number;
  age(asOf: number, shiftMs: number): void;
  /** How the limit holds across machines: one of `CLUSTER_…`, how many they are, the credit, or 0 for the default. */
  share(mode: number, nodes: number, credit: number): void;
  setSecret(length: number): void;
  /** Where 16 bytes stand that name the peer outside. */
  digest(length: number): number;
  /** Debts in the batch room (owing.ts): the slot to go on with, or 0, times 1 024, and how many there are. */
  drainOwed(from: number, least: number): number;
  /** What is owed still, or -1. */
  learn(slot: number, epoch: number, debtMs: number, paid: number, now: number): number;
  debtMs(slot: number, epoch: number, now: number): number;
  /** While it is on, this thread's checks and refunds change nothing that is owed. */
  apart(on: number): void;
  leave(): void;
}

/** What only the shared build exports; thread numbers and tenancies are those of a ticket. */
interface SharedExports extends Exports {
  reserve(): number;
  tenancyOf(thread: number): number;
  attach(thread: number, tenancy: number): number;
  detach(thread: number, tenancy: number): number;
}

/** An open table: the exports that work on it, and the rooms in its memory through which IDs and batches pass. */
export interface Core extends Exports {
  /** Where an ID's bytes go before a call by ID; a little longer than the longest ID. */
  readonly idRoom: Uint8Array;
  /** `BATCH` slots and behind them their epochs on the way in; a decision in each slot's place on the way out. */
  readonly batchRoom: Int32Array;
  /** Slot and epoch of the row that the last check or result by ID found; slot -1 where it found none. */
  readonly found: Int32Array;
  /** Of one word: who has this thread's number. */
  readonly tenancy: Int32Array;
  /** The tenancy under which this instance takes part: while `tenancy` says another, the table is closed to it. */
  readonly own: number;
  /** Of one word, which changes before the number of a life comes round again: a reference of another era is too old. */
  readonly era: Int32Array;
  /** Of one word: whether a peer owes half of its credit. */
  readonly urgent: Int32Array;
  readonly memory: WebAssembly.Memory;
  readonly maxPeers: number;
  /** Only over shared memory. */
  readonly threads?: SharedExports;
}

/** Not once the table was closed to this instance, here or by another thread that detached this one. */
export function isOpen({ tenancy, own }: Core): boolean {
  return tenancy[0] === own;
}

/** @throws ClosedError where the table is not open. */
export function requireOpen(core: Core): void {
  if (isOpen(core)) return;
  throw new ClosedError();
}

const PAGE_BYTES = 65_536;

export function threadBlocks(maxPeers: number): number {
  const cold = layout.coldAt(layout.indexAt(maxPeers), maxPeers);
  return layout.threadsAt(layout.freeAt(cold, maxPeers), layout.freeInner(maxPeers), maxPeers);
}

/** How long memory is that holds a table. */
export function tableBytes(maxPeers: number, threads: number): number {
  return layout.tableEnd(threadBlocks(maxPeers), threads);
}

/** Instantiates the core over a new table. Throws what the engine throws when it has not that much memory. */
export function createCore(module: WebAssembly.Module, maxPeers: number, shared: boolean): Core {
  const threads = shared ? layout.MAX_THREADS : 1;
  const pages = Math.ceil(tableBytes(maxPeers, threads) / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
  const exports = instantiate(module, memory);
  if (!exports.init(maxPeers, threads)) throw new Error('the module is no core of this version: it made no table');
  return openCore(exports, memory, maxPeers, 0, 1, shared);
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
  own: number,
  shared: boolean,
): Core {
  const block = threadBlocks(maxPeers) + thread * layout.THREAD_BYTES;
  return {
    ...(exports as Exports),
    ...(shared && { threads: exports }),
    tenancy: new Int32Array(memory.buffer, layout.AT_TENANTS + thread * 4, 1),
    own,
    era: new Int32Array(memory.buffer, layout.AT_ERA, 1),
    urgent: new Int32Array(memory.buffer, layout.AT_URGENT, 1),
    memory,
    maxPeers,
    idRoom: new Uint8Array(memory.buffer, block + layout.THREAD_ID, layout.MAX_ID_BYTES + 64),
    found: new Int32Array(memory.buffer, block + layout.THREAD_FOUND, 2),
    batchRoom: new Int32Array(memory.buffer, block + layout.THREAD_BATCH, layout.BATCH * 2),
  };
}

/** A reference: one number for slot and epoch. */
export function refOf(slot: number, epoch: number): number {
  return slot + epoch * layout.MAX_PEERS;
}

/** A reference, slot + epoch · 2²⁴, taken apart. */
export function slotOf(ref: number): number {
  return ref % layout.MAX_PEERS;
}

export function epochOf(ref: number): number {
  return Math.floor(ref / layout.MAX_PEERS);
}

/** Joins a table that another thread made; undefined where the number is not, or no longer, free for this tenancy. */
export function joinCore(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  maxPeers: number,
  thread: number,
  tenancy: number,
): Core | undefined {
  const exports = instantiate(module, memory);
  return exports.attach(thread, tenancy) === thread
    ? openCore(exports, memory, maxPeers, thread, tenancy, true)
    : undefined;
}

// A handle for a connection: it knows its row, so a check is one call into the core, and pins it, so that an idle
// connection keeps its place.

import { isPermit, isTime, permitCode, requireCost, requireNow, UNKNOWN } from './args.js';
import type { Decision } from './decision.js';
import { ArgumentTypeError, shown } from './errors.js';
import type { PeerId } from './slots.js';
import type { CircuitState, Table } from './table.js';
import {
  BATCH,
  type Core,
  epochOf,
  NEEDS_TIME,
  NO_PERMIT,
  OUTCOME_FAILURE,
  OUTCOME_IGNORED,
  OUTCOME_SUCCESS,
  STALE,
  slotOf,
} from './wasm/core.js';

/** Bytes may be changed by whoever gave or got them. `slice` would be a view where they are a Buffer. */
function copyOf(id: PeerId): PeerId {
  return typeof id === 'string' ? id : new Uint8Array(id);
}

/** No row; its slot, too, is one to which the core answers STALE. */
const NOWHERE = -1;

/** `RateLimiter.checkMany`; assigned where the handles' fields can be seen. */
export let checkPeers: (table: Table, peers: readonly Peer[], decisions: Int32Array, cost: number, now: number) => void;

/** A peer's handle, made by `RateLimiter.peer()`. */
export class Peer {
  readonly #table: Table;
  readonly #core: Core;
  readonly #id: PeerId;
  #ref = NOWHERE;
  // The reference taken apart: division on every check would cost as much as the check.
  #slot = NOWHERE;
  #epoch = NOWHERE;

  constructor(table: Table, id: PeerId, now: number) {
    this.#table = table;
    this.#core = table.core;
    table.slots.write(id);
    this.#id = copyOf(id);
    this.#acquire(now);
  }

  /** The ID it was made with; bytes are a copy. */
  get id(): PeerId {
    return copyOf(this.#id);
  }

  /**
   * May this peer go on? Takes `cost` tokens if so.
   *
   * @param cost Tokens, an integer ≥ 1. Default 1.
   * @param now Milliseconds, |now| < 2⁴¹. Default: the limiter's clock.
   * @throws RangeError for a bad `cost` or `now`, before anything changes.
   */
  check(cost = 1, now = this.#table.clock()): Decision {
    if (cost === 1 && typeof now === 'number') {
      const decision = this.#core.checkOne(this.#slot, this.#epoch, now);
      if (decision !== STALE) return decision;
    }
    return this.#checkAny(cost, now);
  }

  /** The request succeeded; whether that counted. @throws RangeError for a bad `permit` or `now`. */
  recordSuccess(permit?: Decision, now?: number): boolean {
    if (isPermit(permit) && (now === undefined || isTime(now))) {
      if (this.#core.succeedOne(this.#slot, this.#epoch, permit)) return true;
    }
    return this.#succeedAny(permit, now);
  }

  /** The request failed; whether that counted. @throws RangeError for a bad `permit` or `now`. */
  recordFailure(permit?: Decision, now = this.#table.clock()): boolean {
    return this.#settleAt(OUTCOME_FAILURE, permit, now);
  }

  /** The request should not be judged; whether that gave a probe back. @throws RangeError for a bad `permit` or `now`. */
  recordIgnored(permit?: Decision, now = this.#table.clock()): boolean {
    return this.#settleAt(OUTCOME_IGNORED, permit, now);
  }

  /** Gives `cost` tokens back, never above the burst. @throws RangeError for a bad `cost`. */
  refund(cost = 1): void {
    requireCost(cost);
    if (this.#core.refund(this.#slot, this.#epoch, cost) === STALE) this.#table.refund(this.#id, cost);
  }

  /** The circuit as the next check would find it now. */
  get circuitState(): CircuitState {
    return this.#table.circuitState(this.#id, this.#table.clock());
  }

  /** Whole tokens that are there now. */
  get availableTokens(): number {
    return this.#table.availableTokens(this.#id, this.#table.clock());
  }

  /**
   * Gives back the pin and forgets nothing: debts and an open circuit stay until time has paid them, so reconnecting
   * buys nothing. A second call does nothing.
   */
  release(): void {
    this.#table.release(this.#ref);
    this.#point(NOWHERE);
  }

  /** The same as `release()`, for `using`. */
  [Symbol.dispose](): void {
    this.release();
  }

  /** Any cost, any time, any handle. */
  #checkAny(cost: number, now: number): Decision {
    requireCost(cost);
    requireNow(now);
    const decision = this.#core.check(this.#slot, this.#epoch, cost, now);
    return decision !== STALE ? decision : this.#checkAnew(cost, now);
  }

  /** The handle has no row: it gets one, with its pin, or shares what `onFull` says. */
  #checkAnew(cost: number, now: number): Decision {
    while (this.#acquire(now)) {
      const decision = this.#core.check(this.#slot, this.#epoch, cost, now);
      if (decision !== STALE) return decision;
    }
    return this.#core.checkOverflow(cost, now);
  }

  /** Any permit, any time, any circuit. Reads the clock only if it matters. */
  #succeedAny(permit: Decision | undefined, now: number | undefined): boolean {
    if (now !== undefined) return this.#settleAt(OUTCOME_SUCCESS, permit, now);
    const settled = this.#settle(OUTCOME_SUCCESS, permit, UNKNOWN);
    if (settled !== NEEDS_TIME) return settled === 1;
    return this.#settleAt(OUTCOME_SUCCESS, permit, this.#table.clock());
  }

  #settleAt(outcome: number, permit: Decision | undefined, now: number): boolean {
    requireNow(now);
    return this.#settle(outcome, permit, now) === 1;
  }

  #settle(outcome: number, permit: Decision | undefined, now: number): number {
    const code = permitCode(permit);
    const settled = this.#core.settle(this.#slot, this.#epoch, outcome, code, now);
    return settled !== STALE ? settled : this.#settleAnew(outcome, code, now);
  }

  #settleAnew(outcome: number, code: number, now: number): number {
    // A late result must not pin the row of a connection that is gone; only a judgement of its own takes a row.
    if (outcome !== OUTCOME_FAILURE || code !== NO_PERMIT)
      return this.#table.slots.settle(this.#id, outcome, code, now);
    while (this.#acquire(now)) {
      const settled = this.#core.settle(this.#slot, this.#epoch, outcome, code, now);
      if (settled !== STALE) return settled;
    }
    return 0;
  }

  #acquire(now: number): boolean {
    this.#table.release(this.#ref);
    this.#point(this.#table.acquire(this.#id, now));
    return this.#ref !== NOWHERE;
  }

  #point(ref: number): void {
    this.#ref = ref;
    this.#slot = slotOf(ref);
    this.#epoch = epochOf(ref);
  }

  static {
    /** Puts a batch of rows where the core reads them; false where one of the peers is no handle of this table. */
    const put = (table: Table, peers: readonly Peer[], start: number, count: number): boolean => {
      const room = table.core.batchRoom;
      try {
        for (let i = 0; i < count; i++) {
          const peer = peers[start + i] as Peer;
          if (peer.#table !== table) return false;
          room[i] = peer.#slot;
          room[BATCH + i] = peer.#epoch;
        }
        return true;
      } catch {
        // What is none of our objects has none of the fields.
        return false;
      }
    };
    const noHandle = (table: Table, peers: readonly unknown[]): ArgumentTypeError => {
      const at = peers.findIndex(
        (peer) => !(typeof peer === 'object' && peer !== null && #table in peer && peer.#table === table),
      );
      return new ArgumentTypeError(
        'ERR_PEERGATE_BATCH_TYPE',
        `peers[${at}]: expected a handle of this limiter, got ${shown(peers[at])}`,
      );
    };
    checkPeers = (table, peers, decisions, cost, now) => {
      const { core } = table;
      const room = core.batchRoom;
      const countFrom = (start: number) => Math.min(BATCH, peers.length - start);
      // The last batch first: all are looked at before anything is decided, and the first batch stands ready then.
      const last = Math.floor(Math.max(peers.length - 1, 0) / BATCH) * BATCH;
      for (let start = last; start >= 0; start -= BATCH) {
        if (!put(table, peers, start, countFrom(start))) throw noHandle(table, peers);
      }
      for (let start = 0; start < peers.length; start += BATCH) {
        const count = countFrom(start);
        if (start > 0) put(table, peers, start, count);
        for (let i = 0; i < count; ) {
          const stale = core.checkBatch(i, count, cost, now);
          for (; i < stale; i++) decisions[start + i] = room[i] as number;
          if (i < count) {
            decisions[start + i] = (peers[start + i] as Peer).check(cost, now);
            i++;
          }
        }
      }
    };
  }
}

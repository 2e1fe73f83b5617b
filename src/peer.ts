// A handle for a connection. It knows its row, so a check is one call into the core, and it pins the row, so that an idle
// connection keeps its place.

import { isPermit, isTime, permitCode, requireCost, requireDuration, requireNow, UNKNOWN } from './args.js';
import { adjustReputation, classOf, force, reputationOf, setClass } from './control.js';
import { type Decision, isAllowed } from './decision.js';
import { ClosedError } from './errors.js';
import { type Inspect, inspectCustom, printable } from './inspect.js';
import { copyOf, type PeerId } from './slots.js';
import type { CircuitState, Table } from './table.js';
import {
  BATCH,
  type Core,
  epochOf,
  isOpen,
  NEEDS_TIME,
  NO_PERMIT,
  OUTCOME_FAILURE,
  OUTCOME_IGNORED,
  OUTCOME_SUCCESS,
  STALE,
  slotOf,
} from './wasm/core.js';

/** No row. The core answers STALE for this slot. */
const NOWHERE = -1;

/** Whether this is a handle of that table. Assigned where a handle's fields can be seen. */
export let isHandleOf: (table: Table, value: unknown) => value is Peer;

/** Writes the rows of `count` handles where the core reads a batch; false where one is not a handle of that table. */
export let writeBatch: (table: Table, peers: readonly Peer[], start: number, count: number) => boolean;

/** `check`, of which no listener hears. */
export let checkUnheard: (peer: Peer, cost: number, now: number) => Decision;

/** Claims a row, with its pin, for a handle whose row is gone; whether it has one now. */
export let seatAgain: (peer: Peer, now: number) => boolean;

/** What a handle shows of itself in logs and in JSON. */
export interface PeerSummary {
  /** Text where the bytes are valid UTF-8, else `0x` and the bytes in hexadecimal. */
  readonly id: string;
  /** Absent, like the tokens, when the limiter is closed. */
  readonly circuitState?: CircuitState;
  readonly availableTokens?: number;
  /** Whether `release()` gave the pin back. Using the handle takes it again. */
  readonly released: boolean;
  readonly closed?: true;
}

/**
 * A handle for one connection of a peer, made by `RateLimiter.peer()`. It knows its row, so a check needs no look-up, and
 * it pins the row until `release()`.
 *
 * `now` means the same as for `RateLimiter`: milliseconds on the limiter's clock, never `Date.now()`.
 */
export class Peer {
  readonly #table: Table;
  readonly #core: Core;
  readonly #id: PeerId;
  #ref = NOWHERE;
  // The two parts of the reference. Dividing on every check would cost as much as the check.
  #slot = NOWHERE;
  #epoch = NOWHERE;
  /** The era in which the reference was found, or found to be good. */
  #era = 0;
  #released = false;

  constructor(table: Table, id: PeerId, now: number) {
    this.#table = table;
    this.#core = table.core;
    table.slots.write(id);
    this.#id = copyOf(id);
    this.#acquire(now);
  }

  /** The ID that the handle was made with. Bytes are a copy. */
  get id(): PeerId {
    return copyOf(this.#id);
  }

  /**
   * Decides on a request of this peer. Takes `cost` tokens if it is allowed; a rejection changes nothing.
   *
   * @param cost Tokens, an integer ≥ 1. Default 1.
   * @param now Milliseconds on the limiter's clock, |now| < 2⁴¹. Default: a reading of that clock.
   * @throws RangeError for a bad `cost` or `now`, before anything changes.
   */
  check(cost = 1, now = this.#table.clock()): Decision {
    if (this.#core.era[0] !== this.#era) this.#renew();
    if (cost === 1 && typeof now === 'number') {
      const decision = this.#core.checkOne(this.#slot, this.#epoch, now);
      // One comparison: as an unsigned number every permit is below STALE, every rejection above it.
      if (decision >>> 0 < STALE) return decision as Decision;
      if (decision !== STALE) return this.#table.events.told(this.#id, decision, now, this.#slot, this.#epoch);
    }
    return this.#table.events.told(this.#id, this.#checkAny(cost, now), now, this.#slot, this.#epoch);
  }

  /** `check`, as true or false: for when you only limit, and record no results. Parameters and errors as for `check`. */
  allows(cost?: number, now?: number): boolean {
    return isAllowed(this.check(cost, now));
  }

  /**
   * Records that the request succeeded.
   *
   * @param permit What `check` returned. Without it the result counts towards the current period.
   * @param now Milliseconds on the limiter's clock, which is read only where the circuit is not closed or
   *   `failureRateThreshold` is on.
   * @param durationMs How long the request took: with `slowCallMs` it may count as a failure. Finite, at least 0.
   * @returns Whether the result counted.
   * @throws RangeError for a bad argument.
   */
  recordSuccess(permit?: Decision, now?: number, durationMs = 0): boolean {
    if (this.#core.era[0] !== this.#era) this.#renew();
    if (isPermit(permit) && durationMs === 0 && (now === undefined || isTime(now))) {
      const counted =
        now === undefined
          ? this.#core.succeedOne(this.#slot, this.#epoch, permit)
          : this.#core.succeedAt(this.#slot, this.#epoch, permit, now);
      if (counted) return true;
    }
    return this.#succeedAny(permit, now, durationMs);
  }

  /** Records that the request failed. Otherwise as `recordSuccess`; the clock is always read. */
  recordFailure(permit?: Decision, now = this.#table.clock()): boolean {
    return this.#settleAt(OUTCOME_FAILURE, permit, now);
  }

  /** Ends a request without judging it, because it was cancelled. Returns whether that gave a probe back. */
  recordIgnored(permit?: Decision, now = this.#table.clock()): boolean {
    return this.#settleAt(OUTCOME_IGNORED, permit, now);
  }

  /** Gives `cost` tokens back, never above the burst. @throws RangeError for a bad `cost`. */
  refund(cost = 1): void {
    requireCost(cost);
    if (this.#core.era[0] !== this.#era) this.#renew();
    if (this.#core.refund(this.#slot, this.#epoch, cost) === STALE) this.#table.refund(this.#id, cost);
  }

  /** The circuit's state as the next check would find it now. */
  get circuitState(): CircuitState {
    return this.#table.circuitState(this.#id, this.#table.clock());
  }

  /** As `RateLimiter.forceOpen`. */
  forceOpen(now = this.#table.clock()): boolean {
    return force(this.#table, this.#id, 'forced_open', now);
  }

  /** As `RateLimiter.forceClosed`. */
  forceClosed(now = this.#table.clock()): boolean {
    return force(this.#table, this.#id, 'forced_closed', now);
  }

  /** As `RateLimiter.resetCircuit`. */
  resetCircuit(now = this.#table.clock()): boolean {
    return force(this.#table, this.#id, 'closed', now);
  }

  /** As `RateLimiter.setClass`. */
  setClass(name: string | undefined, now = this.#table.clock()): boolean {
    return setClass(this.#table, this.#id, name, now);
  }

  /** As `RateLimiter.getClass`. */
  getClass(): string | undefined {
    return classOf(this.#table, this.#id);
  }

  /** As `RateLimiter.adjustReputation`. */
  adjustReputation(delta: number, now = this.#table.clock()): number {
    return adjustReputation(this.#table, this.#id, delta, now);
  }

  /** As `RateLimiter.getReputation`. */
  getReputation(now = this.#table.clock()): number {
    return reputationOf(this.#table, this.#id, now);
  }

  /** Whole tokens in the bucket now. */
  get availableTokens(): number {
    return this.#table.availableTokens(this.#id, this.#table.clock());
  }

  /**
   * Gives the pin back, and forgets nothing. Debts and an open circuit stay until time has paid them, so a peer gains
   * nothing by reconnecting. A second call does nothing.
   */
  release(): void {
    if (this.#core.era[0] !== this.#era && isOpen(this.#core)) this.#renew();
    this.#table.release(this.#ref);
    this.#point(NOWHERE);
    this.#released = true;
  }

  /** The same as `release()`, for `using`. */
  [Symbol.dispose](): void {
    this.release();
  }

  /** What `JSON.stringify` writes: ID, circuit state, tokens, and whether it is released. It works on a closed limiter, too. */
  toJSON(): PeerSummary {
    const who = { id: printable(this.#id), released: this.#released };
    try {
      const { circuitState, availableTokens } = this;
      return { ...who, circuitState, availableTokens };
    } catch (error) {
      // A log line must not throw because the limiter was closed before it was written.
      if (error instanceof ClosedError) return { ...who, closed: true };
      throw error;
    }
  }

  /** What Node's `console.log` shows. @internal */
  [inspectCustom](_depth: number, options: object, inspect: Inspect): string {
    return `Peer ${inspect(this.toJSON(), options)}`;
  }

  /** Any cost, any time, any handle. */
  #checkAny(cost: number, now: number): number {
    requireCost(cost);
    requireNow(now);
    const decision = this.#core.check(this.#slot, this.#epoch, cost, now);
    return decision !== STALE ? decision : this.#checkAnew(cost, now);
  }

  /** The handle has no row. It gets one, with a pin, or what `onFull` says. */
  #checkAnew(cost: number, now: number): number {
    while (this.#acquire(now)) {
      const decision = this.#core.check(this.#slot, this.#epoch, cost, now);
      if (decision !== STALE) return decision;
    }
    return this.#core.overflow(cost, now);
  }

  /** Any permit, any time, any circuit. Reads the clock only if it matters. */
  #succeedAny(permit: Decision | undefined, now: number | undefined, durationMs: number): boolean {
    requireDuration(durationMs);
    if (now !== undefined) return this.#settleAt(OUTCOME_SUCCESS, permit, now, durationMs);
    const settled = this.#settle(OUTCOME_SUCCESS, permit, UNKNOWN, durationMs);
    if (settled !== NEEDS_TIME) return settled === 1;
    return this.#settleAt(OUTCOME_SUCCESS, permit, this.#table.clock(), durationMs);
  }

  #settleAt(outcome: number, permit: Decision | undefined, now: number, durationMs = 0): boolean {
    requireNow(now);
    return this.#settle(outcome, permit, now, durationMs) === 1;
  }

  #settle(outcome: number, permit: Decision | undefined, now: number, durationMs: number): number {
    const code = permitCode(permit);
    if (this.#core.era[0] !== this.#era) this.#renew();
    const settled = this.#core.settle(this.#slot, this.#epoch, outcome, code, now, durationMs);
    return settled !== STALE ? settled : this.#settleAnew(outcome, code, now, durationMs);
  }

  #settleAnew(outcome: number, code: number, now: number, durationMs: number): number {
    // A late result must not pin the row of a connection that is gone. Only a failure without a permit claims a row.
    if (outcome !== OUTCOME_FAILURE || code !== NO_PERMIT)
      return this.#table.slots.settle(this.#id, outcome, code, now, durationMs);
    while (this.#acquire(now)) {
      const settled = this.#core.settle(this.#slot, this.#epoch, outcome, code, now, durationMs);
      if (settled !== STALE) return settled;
    }
    return 0;
  }

  #acquire(now: number): boolean {
    this.#era = this.#core.era[0] as number;
    this.#table.release(this.#ref);
    this.#point(this.#table.acquire(this.#id, now));
    this.#released = false;
    return this.#ref !== NOWHERE;
  }

  /** So many rows were born since that another peer's may look like this one's. */
  #renew(): void {
    const era = this.#core.era[0] as number;
    if (this.#ref !== NOWHERE && !this.#table.stillHolds(this.#id, this.#ref)) this.#point(NOWHERE);
    this.#era = era;
  }

  #point(ref: number): void {
    this.#ref = ref;
    this.#slot = slotOf(ref);
    this.#epoch = epochOf(ref);
  }

  static {
    isHandleOf = (table, value): value is Peer =>
      typeof value === 'object' && value !== null && #table in value && value.#table === table;
    checkUnheard = (peer, cost, now) => peer.#checkAny(cost, now) as Decision;
    seatAgain = (peer, now) => peer.#acquire(now);
    writeBatch = (table, peers, start, count) => {
      const room = table.core.batchRoom;
      const era = table.core.era[0];
      try {
        for (let i = 0; i < count; i++) {
          const peer = peers[start + i] as Peer;
          if (peer.#table !== table) return false;
          if (peer.#era !== era) peer.#renew();
          room[i] = peer.#slot;
          room[BATCH + i] = peer.#epoch;
        }
        return true;
      } catch {
        // Reading a private field of anything but a handle throws, and so may an array that is a Proxy.
        return false;
      }
    };
  }
}

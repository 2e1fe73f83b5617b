// The facade: options, IDs and clocks in, decisions out. It does no arithmetic on tokens; the core decides.

import { isPermit, isTime, permitCode, requireCost, requireNow, UNKNOWN } from './args.js';
import type { Clock } from './clock.js';
import {
  type LimitsUpdate,
  type RateLimiterConfig,
  type ResolvedConfig,
  resolveConfig,
  updateConfig,
} from './config.js';
import type { Decision } from './decision.js';
import { ArgumentRangeError, ArgumentTypeError, shown } from './errors.js';
import { listPeers, type PeerInfo } from './listing.js';
import { checkPeers, Peer } from './peer.js';
import type { PeerId } from './slots.js';
import { restoreTable, takeSnapshot } from './snapshot.js';
import { type CircuitState, Table } from './table.js';
import { requireTicket, type Ticket } from './threads/ticket.js';
import { NEEDS_TIME, OUTCOME_FAILURE, OUTCOME_IGNORED, OUTCOME_SUCCESS, STALE } from './wasm/core.js';
import { readTotals } from './wasm/reading.js';

/** Totals over a limiter's life. */
export interface Stats {
  readonly allowed: number;
  readonly rateLimited: number;
  readonly circuitRejected: number;
  /** Checks that found no row, whatever `onFull` then did. */
  readonly tableFull: number;
  /** Circuits that opened; reopening counts. */
  readonly circuitOpened: number;
  readonly circuitClosed: number;
  /** Results dropped for their permit. */
  readonly staleResults: number;
  /** Rows taken back for another peer; removals do not count. */
  readonly reclaimed: number;
}

/**
 * A token bucket and a circuit breaker for each peer, in a table of fixed size.
 *
 * ```ts
 * const limiter = new RateLimiter({ ...presets.strict, maxPeers: 10_000 });
 * const decision = limiter.check('peer-a');
 * if (!isAllowed(decision)) reject(reasonOf(decision), retryAfterMs(decision));
 * ```
 *
 * The bucket is the generic cell rate algorithm (ITU-T I.371, annex A); the breaker is the pattern that M. Nygard
 * describes in "Release It!".
 */
export class RateLimiter {
  readonly #table: Table;

  /**
   * Reserves the whole table: about 152 bytes for each of `maxPeers`.
   *
   * @throws ConfigError that names the field, what was expected and what came.
   */
  constructor(options?: RateLimiterConfig);
  /** @internal */
  constructor(options: Table);
  constructor(options: RateLimiterConfig | Table = {}) {
    this.#table = options instanceof Table ? options : Table.create(resolveConfig(options));
  }

  /**
   * Joins the table of a limiter that another thread made with `shared: true`. One ticket serves one thread, once.
   *
   * @param options.clock Milliseconds of the same origin as the other threads' clocks. Default: `performance.now()`, put
   *   right for the origin of the thread that made the table.
   * @throws SharingError for a ticket that is none, was used, or was given back, and for a table of another version.
   */
  static attach(ticket: Ticket, options: { readonly clock?: Clock | undefined } = {}): RateLimiter {
    return new RateLimiter(Table.join(ticket, options.clock));
  }

  /** The configuration in force, frozen. */
  get config(): ResolvedConfig {
    return this.#table.config;
  }

  /**
   * May this peer go on? Takes `cost` tokens if so; a rejection changes nothing.
   *
   * @param peerId 1 … 1 024 bytes; a string is its UTF-8 bytes.
   * @param cost Tokens, an integer ≥ 1. Default 1.
   * @param now Milliseconds, |now| < 2⁴¹; a negative one counts as 0. Default: the limiter's clock.
   * @throws TypeError or RangeError for a bad argument, before anything changes.
   */
  check(peerId: PeerId, cost = 1, now = this.#table.clock()): Decision {
    const { core, slots } = this.#table;
    const entry = slots.seen(peerId);
    if (entry >= 0 && cost === 1 && typeof now === 'number') {
      const decision = core.checkOne(slots.recent.slot(entry), slots.recent.epoch(entry), now);
      if (decision !== STALE) return decision;
    }
    return this.#checkAny(peerId, entry, cost, now);
  }

  /**
   * Decides for many handles, as so many `check` calls in that order, with one call into the core for each 1 024.
   *
   * @param decisions Receives them; at least as long as `peers`.
   * @throws RangeError for a bad `cost` or `now` or too few `decisions`, TypeError for what is no handle of this limiter;
   *   before anything changes.
   */
  checkMany(peers: readonly Peer[], decisions: Int32Array, cost = 1, now = this.#table.clock()): void {
    requireCost(cost);
    requireNow(now);
    if (!Array.isArray(peers)) {
      throw new ArgumentTypeError(
        'ERR_PEERGATE_BATCH_TYPE',
        `peers: expected an array of handles, got ${shown(peers)}`,
      );
    }
    if (!(decisions instanceof Int32Array)) {
      throw new ArgumentTypeError(
        'ERR_PEERGATE_BATCH_TYPE',
        `decisions: expected an Int32Array, got ${shown(decisions)}`,
      );
    }
    if (decisions.length < peers.length) {
      throw new ArgumentRangeError(
        'ERR_PEERGATE_BATCH_LENGTH',
        `decisions: expected room for ${peers.length}, got ${decisions.length}`,
      );
    }
    checkPeers(this.#table, peers, decisions, cost, now);
  }

  /**
   * The request succeeded; whether that counted.
   *
   * @param permit What `check` gave back. Without one the result counts towards the current period.
   * @param now As for `check`; the clock is read only where the circuit is not closed.
   * @throws TypeError or RangeError for a bad argument, before anything changes.
   */
  recordSuccess(peerId: PeerId, permit?: Decision, now?: number): boolean {
    if (isPermit(permit) && (now === undefined || isTime(now))) {
      const { core, slots } = this.#table;
      const entry = slots.seen(peerId);
      if (entry >= 0 && core.succeedOne(slots.recent.slot(entry), slots.recent.epoch(entry), permit)) return true;
    }
    return this.#succeedAny(peerId, permit, now);
  }

  /** The request failed; whether that counted. Parameters and errors as for `recordSuccess`. */
  recordFailure(peerId: PeerId, permit?: Decision, now = this.#table.clock()): boolean {
    return this.#settleAt(peerId, OUTCOME_FAILURE, permit, now);
  }

  /** The request should not be judged (it was cancelled); whether that gave a probe back. Else as `recordSuccess`. */
  recordIgnored(peerId: PeerId, permit?: Decision, now = this.#table.clock()): boolean {
    return this.#settleAt(peerId, OUTCOME_IGNORED, permit, now);
  }

  /** Gives `cost` tokens back, never above the burst. @throws TypeError or RangeError for a bad argument. */
  refund(peerId: PeerId, cost = 1): void {
    requireCost(cost);
    this.#table.refund(peerId, cost);
  }

  /** The circuit as the next check at `now` would find it. @throws TypeError or RangeError for a bad argument. */
  getCircuitState(peerId: PeerId, now = this.#table.clock()): CircuitState {
    return this.#table.circuitState(peerId, now);
  }

  /** Whole tokens at `now`. @throws TypeError or RangeError for a bad argument. */
  getAvailableTokens(peerId: PeerId, now = this.#table.clock()): number {
    return this.#table.availableTokens(peerId, now);
  }

  /** Rows in use, without the overflow row. */
  get peerCount(): number {
    return readTotals(this.#table.core).peers;
  }

  /** The peers that have a row. Those that come or go meanwhile may be missed. @throws RangeError for a bad `now`. */
  peers(now = this.#table.clock()): IterableIterator<PeerInfo> {
    requireNow(now);
    return listPeers(this.#table, now);
  }

  /** Totals over the limiter's life. */
  stats(): Stats {
    const { peers: _, ...stats } = readTotals(this.#table.core);
    return stats;
  }

  /**
   * Forgets the peer at once, debts and circuit included; whether it was there. On a disconnect use `Peer.release()`:
   * a peer that is forgotten comes back with a full bucket.
   */
  removePeer(peerId: PeerId): boolean {
    const { core, slots } = this.#table;
    return core.remove(slots.write(peerId)) !== 0;
  }

  /**
   * New limits for the live table. Each peer's debt in tokens is kept, clamped to the new burst; deadlines stay as set.
   *
   * @throws ConfigError for a bad field, or one that a live table cannot change; nothing changes then.
   */
  configure(limits: LimitsUpdate, now = this.#table.clock()): void {
    requireNow(now);
    this.#table.configure(updateConfig(this.config, limits), now);
  }

  /**
   * A handle for a connection: claims the peer's row at once and pins it until `release()`.
   *
   * @throws TypeError or RangeError for a bad argument.
   */
  peer(peerId: PeerId, now = this.#table.clock()): Peer {
    requireNow(now);
    return new Peer(this.#table, peerId, now);
  }

  /**
   * A ticket for one other thread, to be handed to it with `postMessage`; at most 32 threads can be at a table.
   *
   * @throws SharingError if the limiter was not made with `shared: true`, or all 32 numbers are taken.
   */
  share(): Ticket {
    return this.#table.share();
  }

  /**
   * Gives back what the thread with this ticket holds: its number, its pins, a row it was claiming. For when that thread
   * is gone; whether it had not been given back before.
   *
   * @throws SharingError for what is no ticket.
   */
  detach(ticket: Ticket): boolean {
    requireTicket(ticket);
    return this.#table.detach(ticket);
  }

  /**
   * Leaves a shared table, as `detach` does it for another thread; the others go on. From then on this limiter finds no
   * rows: it rejects every check as `table_full`. Where the table is not shared there is nothing to give back.
   */
  close(): void {
    this.#table.close();
  }

  /**
   * The table as bytes, to be kept over a restart: debts, circuits, counts and IDs of all peers, the limits, the key of the
   * fingerprints. Other threads may go on meanwhile; then each row is of one instant of its own.
   */
  snapshot(): Uint8Array {
    return takeSnapshot(this.#table);
  }

  /**
   * A limiter with what `snapshot()` saved. Time went on: debts and open circuits age by what the wall clock says has
   * passed since. Pins and totals start anew, and no permit of before counts.
   *
   * @param options Replaces what was saved; the clock is not saved. `maxPeers` may grow. New limits are taken as by
   *   `configure`.
   * @throws SnapshotError for bytes that were cut, altered or of another version, and a `maxPeers` below the saved one;
   *   ConfigError for a bad option.
   */
  static restore(bytes: Uint8Array, options: RateLimiterConfig = {}): RateLimiter {
    return new RateLimiter(restoreTable(bytes, options));
  }

  /** Any cost, any time; `entry` is the peer's in the cache of recent IDs, or -1. */
  #checkAny(peerId: PeerId, entry: number, cost: number, now: number): Decision {
    requireCost(cost);
    requireNow(now);
    const { core, slots } = this.#table;
    if (entry >= 0) {
      const decision = core.check(slots.recent.slot(entry), slots.recent.epoch(entry), cost, now);
      if (decision !== STALE) return decision;
    }
    return slots.check(peerId, cost, now);
  }

  /** Reads the clock only if it matters. */
  #succeedAny(peerId: PeerId, permit: Decision | undefined, now: number | undefined): boolean {
    if (now !== undefined) return this.#settleAt(peerId, OUTCOME_SUCCESS, permit, now);
    const settled = this.#settle(peerId, OUTCOME_SUCCESS, permit, UNKNOWN);
    if (settled !== NEEDS_TIME) return settled === 1;
    return this.#settleAt(peerId, OUTCOME_SUCCESS, permit, this.#table.clock());
  }

  #settleAt(peerId: PeerId, outcome: number, permit: Decision | undefined, now: number): boolean {
    requireNow(now);
    return this.#settle(peerId, outcome, permit, now) === 1;
  }

  #settle(peerId: PeerId, outcome: number, permit: Decision | undefined, now: number): number {
    const code = permitCode(permit);
    const { core, slots } = this.#table;
    const entry = slots.seen(peerId);
    if (entry >= 0) {
      const settled = core.settle(slots.recent.slot(entry), slots.recent.epoch(entry), outcome, code, now);
      if (settled !== STALE) return settled;
    }
    return slots.settle(peerId, outcome, code, now);
  }
}

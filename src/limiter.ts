// The facade: it takes options, IDs and times, and returns decisions. It does no arithmetic on tokens; the core decides.

import { isPermit, isTime, permitCode, requireCost, requireDuration, requireNow, UNKNOWN } from './args.js';
import { checkPeers } from './batch.js';
import type { Clock } from './clock.js';
import {
  type LimitsUpdate,
  type RateLimiterConfig,
  type ResolvedConfig,
  requireConfigFields,
  resolveConfig,
  updateConfig,
} from './config.js';
import { Controls } from './controls.js';
import { type Decision, isAllowed } from './decision.js';
import { requireKnownFields } from './options.js';
import { isHandleOf, Peer } from './peer.js';
import { restoreTable } from './restore.js';
import type { PeerId } from './slots.js';
import { type SnapshotOptions, sliceOf, takeSnapshot, takeSnapshotInSlices } from './snapshot.js';
import { Table } from './table.js';
import type { Ticket } from './threads/ticket.js';
import { NEEDS_TIME, OUTCOME_FAILURE, OUTCOME_IGNORED, OUTCOME_SUCCESS, requireOpen, STALE } from './wasm/core.js';

/**
 * A token bucket and a circuit breaker for each peer, in a table of fixed size.
 *
 * ```ts
 * const limiter = new RateLimiter({ ...presets.strict, maxPeers: 10_000 });
 * if (!limiter.allows('peer-a')) return;                     // when you only limit
 *
 * const decision = limiter.check('peer-a');                  // when you also record what became of the request
 * if (!isAllowed(decision)) return reject(reasonOf(decision), retryAfterMs(decision));
 * limiter.recordSuccess('peer-a', decision);
 * ```
 *
 * `now`, wherever a method takes it, is milliseconds on the limiter's clock. By default that is `performance.now()`, which
 * counts from the start of the process or page. Do not pass `Date.now()`: it counts from 1970, so one such call puts a peer's
 * bucket decades ahead, and the peer is locked out. `|now|` is below 2⁴¹, and a negative `now` counts as 0.
 *
 * The bucket is the generic cell rate algorithm (ITU-T I.371, annex A); the breaker is the pattern that M. Nygard
 * describes in "Release It!".
 */
export class RateLimiter extends Controls {
  readonly #table: Table;

  /**
   * Reserves the whole table: about 156 bytes for each of `maxPeers`. A cache keeps up to 65 536 of the strings that you pass
   * as IDs: 4 MB of heap when it is full of IDs of 52 characters, 62 MB with 1 024. IDs in bytes are not cached.
   *
   * @throws ConfigError that names the field, what was expected and what came.
   */
  constructor(options?: RateLimiterConfig);
  /** @internal */
  constructor(options: Table);
  constructor(options: RateLimiterConfig | Table = {}) {
    const table = options instanceof Table ? options : Table.create(resolveConfig(options));
    super(table);
    this.#table = table;
  }

  /**
   * Joins the table of a limiter that another thread made with `shared: true`. One ticket serves one thread, once.
   *
   * @param options.clock Milliseconds of the same origin as the clocks of the other threads. Default: `performance.now()`,
   *   corrected for the origin of the thread that made the table.
   * @throws SharingError for what is not a ticket, one that was used or given back, or a table of another version;
   *   ConfigError for a bad option.
   */
  static attach(ticket: Ticket, options: { readonly clock?: Clock | undefined } = {}): RateLimiter {
    requireKnownFields(options, ['clock']);
    return new RateLimiter(Table.join(ticket, options.clock));
  }

  /** The configuration in force, frozen. */
  get config(): ResolvedConfig {
    return this.#table.config;
  }

  /**
   * Decides on a request of this peer. Takes `cost` tokens if it is allowed; a rejection changes nothing.
   *
   * @param peerId 1 … 1 024 bytes; a string stands for its UTF-8 bytes.
   * @param cost Tokens, an integer ≥ 1. Default 1.
   * @param now Milliseconds since the origin of the limiter's clock, |now| < 2⁴¹; a negative one counts as 0. Default: a
   *   reading of that clock, which is `performance.now()` unless another was given. Never mix the two with `Date.now()`.
   * @throws TypeError or RangeError for a bad argument, before anything changes.
   */
  check(peerId: PeerId, cost = 1, now = this.#table.clock()): Decision {
    const { core, slots } = this.#table;
    const entry = slots.seen(peerId);
    if (entry >= 0 && cost === 1 && typeof now === 'number') {
      const slot = slots.recent.slot(entry);
      const epoch = slots.recent.epoch(entry);
      const decision = core.checkOne(slot, epoch, now);
      // One comparison: as an unsigned number every permit is below STALE, every rejection above it.
      if (decision >>> 0 < STALE) return decision as Decision;
      if (decision !== STALE) return this.#table.events.told(peerId, decision, now, slot, epoch);
    }
    return this.#checkAny(peerId, entry, cost, now);
  }

  /** `check`, as true or false: for when you only limit, and record no results. Parameters and errors as for `check`. */
  allows(peerId: PeerId, cost?: number, now?: number): boolean {
    return isAllowed(this.check(peerId, cost, now));
  }

  /**
   * Decides for many handles, as that many `check` calls in that order would, with one call into the core for each 1 024.
   *
   * @param decisions Receives the decisions; at least as long as `peers`. Its elements are plain numbers to the type
   *   checker: `isAllowed`, `reasonOf` and `retryAfterMs` take them, and where `isAllowed` says true the number is a permit.
   * @throws RangeError for a bad `cost` or `now` or too few `decisions`, TypeError for anything that is not a handle of this
   *   limiter; before anything changes.
   *
   * @example
   * limiter.checkMany(handles, decisions);
   * for (const [i, peer] of handles.entries()) {
   *   const decision = decisions[i] as number;
   *   if (isAllowed(decision)) peer.recordSuccess(decision);
   * }
   */
  checkMany(peers: readonly Peer[], decisions: Int32Array, cost = 1, now = this.#table.clock()): void {
    requireCost(cost);
    requireNow(now);
    checkPeers(this.#table, peers, decisions, cost, now);
  }

  /**
   * Records that the request succeeded.
   *
   * @param permit What `check` returned. Without it the result counts towards the current period.
   * @param now Milliseconds on the limiter's clock, which is read only where the circuit is not closed or
   *   `failureRateThreshold` is on.
   * @param durationMs How long the request took: with `slowCallMs` it may count as a failure. Finite, at least 0.
   * @returns Whether the result counted.
   * @throws TypeError or RangeError for a bad argument, before anything changes.
   */
  recordSuccess(peerId: PeerId, permit?: Decision, now?: number, durationMs = 0): boolean {
    if (isPermit(permit) && durationMs === 0 && (now === undefined || isTime(now))) {
      const { core, slots } = this.#table;
      const entry = slots.seen(peerId);
      if (entry >= 0) {
        const slot = slots.recent.slot(entry);
        const epoch = slots.recent.epoch(entry);
        const counted =
          now === undefined ? core.succeedOne(slot, epoch, permit) : core.succeedAt(slot, epoch, permit, now);
        if (counted) return true;
      }
    }
    return this.#succeedAny(peerId, permit, now, durationMs);
  }

  /** Records that the request failed. Otherwise as `recordSuccess`; the clock is always read. */
  recordFailure(peerId: PeerId, permit?: Decision, now = this.#table.clock()): boolean {
    return this.#settleAt(peerId, OUTCOME_FAILURE, permit, now);
  }

  /** Ends a request without judging it, because it was cancelled. Returns whether that gave a probe back. */
  recordIgnored(peerId: PeerId, permit?: Decision, now = this.#table.clock()): boolean {
    return this.#settleAt(peerId, OUTCOME_IGNORED, permit, now);
  }

  /** Gives `cost` tokens back, never above the burst. @throws TypeError or RangeError for a bad argument. */
  refund(peerId: PeerId, cost = 1): void {
    requireCost(cost);
    this.#table.refund(peerId, cost);
  }

  /**
   * Forgets the peer immediately, with its debts and its circuit. Returns whether it was there. Do not call it when a peer
   * disconnects: a forgotten peer comes back with a full bucket. Use `Peer.release()` there.
   */
  removePeer(peerId: PeerId): boolean {
    const { core, slots } = this.#table;
    return core.remove(slots.write(peerId)) !== 0;
  }

  /**
   * Sets new limits on the live table. Each peer's debt in tokens is kept, clamped to the new burst; deadlines stay as set.
   *
   * @throws ConfigError for a bad field, or one that a live table cannot change; nothing changes then.
   */
  configure(limits: LimitsUpdate, now = this.#table.clock()): void {
    requireNow(now);
    this.#table.configure(updateConfig(this.config, limits), now);
  }

  /**
   * A handle for a connection. It claims the peer's row now and pins it until `release()`.
   *
   * @throws TypeError or RangeError for a bad argument.
   */
  peer(peerId: PeerId, now = this.#table.clock()): Peer {
    requireNow(now);
    return new Peer(this.#table, peerId, now);
  }

  /** Whether the value is a handle that this limiter made, released or not. */
  owns(value: unknown): value is Peer {
    requireOpen(this.#table.core);
    return isHandleOf(this.#table, value);
  }

  /**
   * A ticket for one other thread, which you hand to it with `postMessage`. At most 32 threads can use one table.
   *
   * @throws SharingError if the limiter was not made with `shared: true`, or all 32 numbers are taken.
   */
  share(): Ticket {
    return this.#table.share();
  }

  /**
   * Gives back what the thread with this ticket holds: its number, its pins, a row that it was claiming. Call it when that
   * thread has ended. Returns whether this was the first time.
   *
   * @throws SharingError for what is not a ticket.
   */
  detach(ticket: Ticket): boolean {
    return this.#table.detach(ticket);
  }

  /**
   * Ends this limiter: from then on its methods and those of its handles throw `ClosedError`, except `close()` and
   * `release()`. It leaves a shared table as `detach` does it for another thread, and the others go on.
   */
  close(): void {
    this.#table.close();
  }

  /**
   * The table as bytes, to be kept over a restart: debts, circuits, counts and IDs of all peers, the limits, the key of the
   * fingerprints. Other threads may go on meanwhile; then each row is of one instant of its own.
   *
   * @throws ClosedError after `close()`.
   */
  snapshot(): Uint8Array {
    requireOpen(this.#table.core);
    return takeSnapshot(this.#table);
  }

  /**
   * The same in chunks, between which the event loop goes on. Concatenated, they are a snapshot that `restore` takes. Each
   * row is of one instant of its own, between the first chunk and the last. You may stop reading at any chunk.
   *
   * ```ts
   * await pipeline(limiter.snapshotAsync(), createWriteStream('limits.bin.new', { mode: 0o600 }));
   * ```
   *
   * @param options.sliceMs How long making a chunk may take, in ms; 0 < x ≤ 2³¹ − 1. Default 5.
   * @throws ConfigError for a bad option. Reading a chunk after `close()` rejects with ClosedError.
   */
  snapshotAsync(options: SnapshotOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    return takeSnapshotInSlices(this.#table, sliceOf(options));
  }

  /**
   * A limiter with what `snapshot()` saved. Time has passed since: debts and open circuits age by the difference on the wall
   * clock. Pins and totals start at zero, and permits from before the snapshot do not count.
   *
   * @param options Replaces what was saved; the clock is not saved. `maxPeers` may grow. New limits are taken as by
   *   `configure`.
   * @throws SnapshotError for bytes that were cut, altered or of another version, and a `maxPeers` below the saved one;
   *   ConfigError for a bad option.
   */
  static restore(bytes: Uint8Array, options: RateLimiterConfig = {}): RateLimiter {
    requireConfigFields(options);
    return new RateLimiter(restoreTable(bytes, options));
  }

  /** Any cost, any time; `entry` is the peer's in the cache of recent IDs, or -1. */
  #checkAny(peerId: PeerId, entry: number, cost: number, now: number): Decision {
    requireCost(cost);
    requireNow(now);
    const { core, slots } = this.#table;
    if (entry >= 0) {
      const slot = slots.recent.slot(entry);
      const epoch = slots.recent.epoch(entry);
      const decision = core.check(slot, epoch, cost, now);
      if (decision !== STALE) return this.#table.events.told(peerId, decision, now, slot, epoch);
    }
    const decision = slots.check(peerId, cost, now);
    return this.#table.events.told(peerId, decision, now, core.found[0] as number, core.found[1] as number);
  }

  /** Reads the clock only if it matters. */
  #succeedAny(peerId: PeerId, permit: Decision | undefined, now: number | undefined, durationMs: number): boolean {
    requireDuration(durationMs);
    if (now !== undefined) return this.#settleAt(peerId, OUTCOME_SUCCESS, permit, now, durationMs);
    const settled = this.#settle(peerId, OUTCOME_SUCCESS, permit, UNKNOWN, durationMs);
    if (settled !== NEEDS_TIME) return settled === 1;
    return this.#settleAt(peerId, OUTCOME_SUCCESS, permit, this.#table.clock(), durationMs);
  }

  #settleAt(peerId: PeerId, outcome: number, permit: Decision | undefined, now: number, durationMs = 0): boolean {
    requireNow(now);
    return this.#settle(peerId, outcome, permit, now, durationMs) === 1;
  }

  #settle(peerId: PeerId, outcome: number, permit: Decision | undefined, now: number, durationMs: number): number {
    const code = permitCode(permit);
    const { core, slots } = this.#table;
    const entry = slots.seen(peerId);
    if (entry >= 0) {
      const { recent } = slots;
      const settled = core.settle(recent.slot(entry), recent.epoch(entry), outcome, code, now, durationMs);
      if (settled !== STALE) return settled;
    }
    return slots.settle(peerId, outcome, code, now, durationMs);
  }
}

/**
 * A plain model of the limiter. It was written from the contract and shares no code with the limiter. It uses BigInt
 * arithmetic and one object for each peer, and it is not written for speed.
 *
 *   tat        theoretical arrival time: the tick at which the peer's bucket is full again
 *   life       the time from claiming a row to losing it; a peer that comes back starts a new life
 *   period     the time a breaker stays in one state; a permit names a life and a period
 *
 * The contract leaves one thing to the table: which row a full table reclaims for a newcomer. The model is told which peer
 * vanished (`vanished`) and checks that its row could be reclaimed. The model holds for tables of at most 64 rows, because
 * there one attempt of the reclaiming hand looks at every row.
 */

import {
  type Breaker,
  byThen,
  CLOSED,
  idleSince,
  letThrough,
  type Result,
  seen,
  settled,
  shutFor,
} from './oracle-breaker.js';
import {
  bucketTime,
  ceilDiv,
  LAST_TICK,
  LONGEST_RETRY_MS,
  max,
  min,
  ticks,
  ticksPerToken,
  toRetryMs,
} from './oracle-time.js';
import type { OracleHandle, OracleLimits, Row, Ticket, Verdict } from './oracle-types.js';

const TABLE_FULL_RETRY_MS = 1_000;
/** The table stores the time of a last failure in coarse steps, so it may keep a row for this much longer than needed. */
const COARSE_TICKS = ticks(1_024);

export class Oracle {
  readonly rows = new Map<string, Row>();
  readonly stats = {
    allowed: 0,
    rateLimited: 0,
    circuitRejected: 0,
    tableFull: 0,
    circuitOpened: 0,
    circuitClosed: 0,
    circuitHalfOpened: 0,
    staleResults: 0,
    reclaimed: 0,
    clockAnomalies: 0,
    heldBack: 0,
    shadowed: 0,
    recovered: 0,
  };
  limits: OracleLimits;
  /** Which peer's row the real table reclaimed for the newcomer of the current step, if any. */
  vanished: () => string | undefined = () => undefined;

  #births = 0;
  #overflowTat = 0n;
  #price = 0n;
  readonly #maxPeers: number;
  /** A bucket or deadline counts as an anomaly if it is this many ms further ahead than a monotonic clock can put it. */
  readonly #aheadMs: number;
  #longestTimeoutMs: number;
  #longestProbeTimeoutMs: number;

  constructor(maxPeers: number, limits: OracleLimits, aheadMs = 2) {
    this.#maxPeers = maxPeers;
    this.#aheadMs = aheadMs;
    this.#longestTimeoutMs = limits.circuitBreakerTimeoutMs;
    this.#longestProbeTimeoutMs = limits.probeTimeoutMs;
    this.limits = { ...limits };
    this.#price = ticksPerToken(limits.maxRequestsPerSec);
  }

  // ── checks ───────────────────────────────────────────────────────────────────────────────────────────────────────

  check(key: string, cost: number, nowMs: number): Verdict {
    const now = ticks(nowMs);
    const row = this.rows.get(key);
    if (row !== undefined) return this.#checkRow(row, cost, now);
    if (cost > this.limits.burstSize) return this.#refuse('rate_limited', Number.POSITIVE_INFINITY);
    const born = this.#claim(key, now);
    return born === undefined ? this.#checkWithoutRow(cost, now) : this.#checkRow(born, cost, now);
  }

  #checkWithoutRow(cost: number, now: bigint): Verdict {
    if (cost > this.limits.burstSize) return this.#refuse('rate_limited', Number.POSITIVE_INFINITY);
    this.stats.tableFull++;
    if (this.limits.onFull === 'reject') {
      return { reason: 'table_full', retryAfterMs: TABLE_FULL_RETRY_MS, ticket: 'rejected' };
    }
    const wait = this.#wait(this.#overflowTat, cost, now);
    if (wait > 0) {
      this.#suspectBucket(this.#overflowTat, now);
      return this.#refuse('rate_limited', wait);
    }
    this.#overflowTat = this.#spent(this.#overflowTat, cost, now);
    this.stats.allowed++;
    return { reason: 'allowed', retryAfterMs: 0, ticket: 'overflow' };
  }

  #checkRow(row: Row, cost: number, now: bigint): Verdict {
    this.#become(row, byThen(row.breaker, this.limits, now));
    const shut = shutFor(row.breaker, this.limits, now);
    if (shut > 0) {
      const longest = row.breaker.state === 'open' ? this.#longestTimeoutMs : this.#longestProbeTimeoutMs;
      if (shut > longest + this.#aheadMs) this.stats.clockAnomalies++;
      return this.#refuse('circuit_open', Math.min(shut, LONGEST_RETRY_MS), row);
    }
    const wait = this.#wait(row.tat, cost, now);
    if (wait > 0) {
      this.#suspectBucket(row.tat, now);
      return this.#refuse('rate_limited', wait, row);
    }
    this.#become(row, letThrough(row.breaker, this.limits, now));
    row.tat = this.#spent(row.tat, cost, now);
    row.allowed++;
    this.stats.allowed++;
    return { reason: 'allowed', retryAfterMs: 0, ticket: { life: row.life, period: row.period } };
  }

  #suspectBucket(tat: bigint, now: bigint): void {
    const ahead = tat - bucketTime(now, this.#burst) - this.#burst;
    if (ahead > ticks(this.#aheadMs)) this.stats.clockAnomalies++;
  }

  /** Sets the breaker. A change of state starts a new period. */
  #become(row: Row, breaker: Breaker): void {
    if (breaker.state !== row.breaker.state) {
      row.period++;
      if (breaker.state === 'open') this.stats.circuitOpened++;
      if (breaker.state === 'closed') this.stats.circuitClosed++;
      if (breaker.state === 'half_open') this.stats.circuitHalfOpened++;
    }
    row.breaker = breaker;
  }

  #refuse(reason: 'rate_limited' | 'circuit_open', retryAfterMs: number, row?: Row): Verdict {
    const counter = reason === 'rate_limited' ? 'rateLimited' : 'circuitRejected';
    this.stats[counter]++;
    if (row !== undefined) row[counter]++;
    return { reason, retryAfterMs, ticket: 'rejected' };
  }

  /** The capacity of the bucket in ticks. */
  get #burst(): bigint {
    return BigInt(this.limits.burstSize) * this.#price;
  }

  /** Milliseconds until there are `cost` tokens; 0 if there are now. */
  #wait(tat: bigint, cost: number, now: bigint): number {
    if (cost > this.limits.burstSize) return Number.POSITIVE_INFINITY;
    const at = bucketTime(now, this.#burst);
    const missing = this.#spent(tat, cost, now) - at - this.#burst;
    return missing > 0n ? toRetryMs(missing) : 0;
  }

  #spent(tat: bigint, cost: number, now: bigint): bigint {
    return max(tat, bucketTime(now, this.#burst)) + BigInt(cost) * this.#price;
  }

  // ── results ──────────────────────────────────────────────────────────────────────────────────────────────────────

  record(key: string, result: Result, ticket: Ticket | undefined, nowMs: number): boolean {
    const now = ticks(nowMs);
    let row = this.rows.get(key);
    if (row !== undefined) this.#become(row, byThen(row.breaker, this.limits, now));
    if (ticket === 'rejected') return false;
    if (ticket !== undefined) {
      if (ticket === 'overflow' || ticket.life !== row?.life || ticket.period !== row.period) {
        this.stats.staleResults++;
        return false;
      }
    } else if (row === undefined && result === 'failure') row = this.#claim(key, now);
    if (row === undefined) return false;
    const next = settled(row.breaker, result, this.limits, now);
    if (next === undefined) return false;
    this.#become(row, next);
    if (result === 'failure') {
      row.failures++;
      row.lastFailure = now;
    }
    return true;
  }

  refund(key: string, cost: number): void {
    const row = this.rows.get(key);
    if (row !== undefined) row.tat -= BigInt(Math.min(cost, this.limits.burstSize)) * this.#price;
  }

  // ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  remove(key: string): boolean {
    return this.rows.delete(key);
  }

  #claim(key: string, now: bigint): Row | undefined {
    if (this.rows.size >= this.#maxPeers && !this.#reclaim(now)) return undefined;
    const counts = { allowed: 0, rateLimited: 0, circuitRejected: 0, failures: 0 };
    const life = ++this.#births;
    const row: Row = { key, life, tat: 0n, breaker: CLOSED, period: 0, pins: 0, lastFailure: 0n, ...counts };
    this.rows.set(key, row);
    return row;
  }

  #reclaim(now: bigint): boolean {
    const worth = new Map([...this.rows.values()].map((row) => [row.key, this.#spareable(row, now)]));
    const kinds = [...worth.values()];
    const victim = this.vanished();
    if (victim === undefined) {
      if (kinds.includes('clean') || kinds.includes('idle'))
        throw new Error('a row could be spared, yet none was found');
      return false;
    }
    const kind = worth.get(victim);
    if (kind === undefined || kind === 'never') throw new Error(`${victim} was evicted, which owed something`);
    if (kind !== 'clean' && kinds.includes('clean')) throw new Error(`${victim} went before a row that owes nothing`);
    this.rows.delete(victim);
    this.stats.reclaimed++;
    return true;
  }

  /** Whether a row may be reclaimed: nothing is lost (clean), it was idle for long enough (idle), it may have been (perhaps), or not (never). */
  #spareable({ tat, pins, breaker, lastFailure }: Row, now: bigint): 'clean' | 'idle' | 'perhaps' | 'never' {
    if (pins > 0 || tat > bucketTime(now, this.#burst)) return 'never';
    if (breaker.state === 'closed' && breaker.failures === 0) return 'clean';
    const forgiven = idleSince(breaker, lastFailure, this.limits) + ticks(this.limits.circuitBreakerTimeoutMs);
    if (now >= forgiven + COARSE_TICKS) return 'idle';
    return now >= forgiven ? 'perhaps' : 'never';
  }

  // ── handles: one pins its row when it is made, and again at its next use after it lost the row ───────────────────

  handle(key: string, nowMs: number): OracleHandle {
    const handle: OracleHandle = { key, life: undefined };
    this.#hold(handle, ticks(nowMs));
    return handle;
  }

  /** Finds or claims the row of the handle and pins it. */
  #hold(handle: OracleHandle, now: bigint): Row | undefined {
    const row = this.rows.get(handle.key) ?? this.#claim(handle.key, now);
    if (row !== undefined && row.life !== handle.life) row.pins++;
    handle.life = row?.life;
    return row;
  }

  release(handle: OracleHandle): void {
    const row = this.rows.get(handle.key);
    if (row !== undefined && row.life === handle.life) row.pins--;
    handle.life = undefined;
  }

  checkHandle(handle: OracleHandle, cost: number, nowMs: number): Verdict {
    const now = ticks(nowMs);
    const row = this.#hold(handle, now);
    return row === undefined ? this.#checkWithoutRow(cost, now) : this.#checkRow(row, cost, now);
  }

  recordHandle(handle: OracleHandle, result: Result, ticket: Ticket | undefined, nowMs: number): boolean {
    if (ticket === undefined && result === 'failure' && this.#hold(handle, ticks(nowMs)) === undefined) return false;
    return this.record(handle.key, result, ticket, nowMs);
  }

  // ── looks and limits ─────────────────────────────────────────────────────────────────────────────────────────────

  circuitState(key: string, nowMs: number): Breaker['state'] {
    return seen(this.rows.get(key)?.breaker ?? CLOSED, this.limits, ticks(nowMs));
  }

  availableTokens(key: string, nowMs: number): number {
    const owed = max((this.rows.get(key)?.tat ?? 0n) - bucketTime(ticks(nowMs), this.#burst), 0n);
    return Number(max(this.#burst - owed, 0n) / this.#price);
  }

  configure(changes: Partial<OracleLimits>, nowMs: number): void {
    const [price, burst] = [this.#price, this.#burst];
    this.limits = { ...this.limits, ...changes };
    this.#price = ticksPerToken(this.limits.maxRequestsPerSec);
    this.#longestTimeoutMs = Math.max(this.#longestTimeoutMs, this.limits.circuitBreakerTimeoutMs);
    this.#longestProbeTimeoutMs = Math.max(this.#longestProbeTimeoutMs, this.limits.probeTimeoutMs);
    if (this.#price === price && this.#burst === burst) return;
    const now = bucketTime(ticks(nowMs), this.#burst);
    const end = bucketTime(LAST_TICK, this.#burst) + this.#burst;
    const keepDebt = (tat: bigint): bigint => {
      const since = max(now, tat - burst);
      const debt = min(ceilDiv((tat - since) * this.#price, price), this.#burst);
      return tat <= now ? now : min(since + debt, end);
    };
    for (const row of this.rows.values()) row.tat = keepDebt(row.tat);
    this.#overflowTat = keepDebt(this.#overflowTat);
  }
}

// Looking into a limiter: one peer, all peers, totals. Nothing here changes what is decided.

import { requireNow } from './args.js';
import { type Inspect, inspectCustom } from './inspect.js';
import { listPeers, type PeerInfo, type Ranked, requireRanking, topPeers } from './listing.js';
import type { PeerId } from './slots.js';
import { type LimiterSummary, type Stats, statsOf, summaryOf } from './stats.js';
import type { CircuitState, Table } from './table.js';
import { requireOpen } from './wasm/core.js';
import { readTotals } from './wasm/reading.js';

/** The part of a limiter that only reads. */
export abstract class Views {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  /** The circuit's state as the next check at `now` would find it. @throws TypeError or RangeError for a bad argument. */
  getCircuitState(peerId: PeerId, now = this.#table.clock()): CircuitState {
    return this.#table.circuitState(peerId, now);
  }

  /** Whole tokens in the bucket at `now`. @throws TypeError or RangeError for a bad argument. */
  getAvailableTokens(peerId: PeerId, now = this.#table.clock()): number {
    return this.#table.availableTokens(peerId, now);
  }

  /** Rows in use, without the overflow row. */
  get peerCount(): number {
    requireOpen(this.#table.core);
    return readTotals(this.#table.core).peers;
  }

  /** The peers that have a row. A peer that comes or goes meanwhile may be missed. @throws RangeError for a bad `now`. */
  peers(now = this.#table.clock()): IterableIterator<PeerInfo> {
    requireNow(now);
    requireOpen(this.#table.core);
    return listPeers(this.#table, now);
  }

  /**
   * The peers with the highest counts, highest first, as `peers()` gives them. One pass over the table; memory for `count`
   * of them.
   *
   * @param count How many, an integer ≥ 1. There are fewer where the table has fewer.
   * @param by `'allowed'`, `'rateLimited'`, `'circuitRejected'` or `'failures'`.
   * @throws RangeError for a bad argument.
   *
   * @example
   * for (const { id, rateLimited } of limiter.top(10, 'rateLimited')) console.log(id, rateLimited);
   */
  top(count: number, by: Ranked, now = this.#table.clock()): PeerInfo[] {
    requireRanking(count, by);
    requireNow(now);
    requireOpen(this.#table.core);
    return topPeers(this.#table, count, by, now);
  }

  /** Totals over the limiter's life. */
  stats(): Stats {
    return statsOf(this.#table);
  }

  /** What `JSON.stringify` writes: a short summary. It works on a closed limiter, too. */
  toJSON(): LimiterSummary {
    return summaryOf(this.#table, () => ({ peerCount: this.peerCount, stats: this.stats() }));
  }

  /** What Node's `console.log` shows. @internal */
  [inspectCustom](_depth: number, options: object, inspect: Inspect): string {
    return `RateLimiter ${inspect(this.toJSON(), options)}`;
  }
}

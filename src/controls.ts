// What operators and controllers do to a limiter beside its configuration: force circuits, give classes and reputations, set
// the load factor, ask several limits at once, look at the fleet.

import { requireNow } from './args.js';
import { adjustReputation, classOf, force, reputationOf, setClass } from './control.js';
import { Debts } from './debts.js';
import type { Decision } from './decision.js';
import { ArgumentRangeError, shown } from './errors.js';
import { Observed } from './observed.js';
import type { Peer } from './peer.js';
import type { PeerId } from './slots.js';
import type { Table } from './table.js';
import { checkTogether } from './together.js';
import { requireOpen } from './wasm/core.js';
import { readLoadFactor } from './wasm/settings.js';

/** What `fleet()` gives. Established peers only: those with `minimumCalls` successes since they have a row. */
export interface Fleet {
  /** Failures / results of the window; each peer adds at most `minimumCalls` results. 0 where there are none. */
  readonly failureRate: number;
  /** Peers with a result in the window. */
  readonly activePeers: number;
  /** Peers whose circuit opened in the window. */
  readonly recentTrips: number;
  /** Whether one trip more would be held back. */
  readonly faultSuspected: boolean;
  /** As `RateLimiter.loadFactor`. */
  readonly loadFactor: number;
}

const LEAST_FACTOR = 1 / 256;
const PER_OCTAVE = 16;

/** The part of a limiter that changes what holds for peers while it runs. */
export abstract class Controls extends Observed {
  readonly #table: Table;
  #rejectedBy = -1;
  /** What peers owe other machines. @internal */
  readonly debts: Debts;

  constructor(table: Table) {
    super(table);
    this.#table = table;
    this.debts = new Debts(table);
  }

  /**
   * Decides on a request that has several limits: of the peer, of a method, of a network, of everyone. All have room or none
   * is charged. The circuit of the first handle is asked and the permit is its own; the others are buckets. The reason is that
   * of the first that refused, the wait the longest of all that did.
   *
   * @param peers 1 to 8 different handles of this limiter.
   * @throws TypeError for anything but handles of this limiter; RangeError for too many, one given twice, or a bad `cost` or
   *   `now`; before anything changes.
   *
   * @example
   * const everyone = limiter.peer('everyone');
   * const decision = limiter.checkAll([peer, everyone]);
   * if (!isAllowed(decision)) console.log(limiter.rejectedBy === 0 ? 'your limit' : 'our limit');
   */
  checkAll(peers: readonly Peer[], cost = 1, now = this.#table.clock()): Decision {
    const decision = checkTogether(this.#table, peers, cost, now);
    this.#rejectedBy = this.#table.core.found[0] as number;
    return decision;
  }

  /** The lowest index of the handles that refused in the last `checkAll`; −1 where all allowed. */
  get rejectedBy(): number {
    return this.#rejectedBy;
  }

  /** A reading of the clock where `slowCallMs` is on, else undefined: then nobody cares how long a request takes. @internal */
  timeIfMeasured(): number | undefined {
    return this.#table.slowCallMs === undefined ? undefined : this.#table.clock();
  }

  /** What the established peers did together in the window. @throws RangeError for a bad `now`. */
  fleet(now = this.#table.clock()): Fleet {
    requireNow(now);
    const { core } = this.#table;
    requireOpen(core);
    return {
      failureRate: core.fleet(0, now),
      activePeers: core.fleet(1, now),
      recentTrips: core.fleet(2, now),
      faultSuspected: core.fleet(3, now) !== 0,
      loadFactor: readLoadFactor(core),
    };
  }

  /** The load factor in force, rounded to a sixteenth of an octave. 1 unless `setLoadFactor` set another. */
  get loadFactor(): number {
    requireOpen(this.#table.core);
    return readLoadFactor(this.#table.core);
  }

  /**
   * Scales the rate and the burst of all peers, but for classes that are exempt. Debts stay as they are: no step hands out a
   * token. All threads of a shared table see it.
   *
   * @param factor 1/256 ≤ x ≤ 1; it is rounded to a sixteenth of an octave.
   * @throws RangeError for a bad `factor` or `now`.
   */
  setLoadFactor(factor: number, now = this.#table.clock()): void {
    if (!(typeof factor === 'number' && factor >= LEAST_FACTOR && factor <= 1)) {
      throw new ArgumentRangeError(
        'ERR_PEERGATE_LOAD_FACTOR',
        `factor: expected a number from 1/256 to 1, got ${shown(factor)}`,
      );
    }
    requireNow(now);
    requireOpen(this.#table.core);
    this.#table.core.setLoad(Math.round(-PER_OCTAVE * Math.log2(factor)));
  }

  /**
   * Opens the peer's circuit by hand until it is reset or forced closed: neither results nor time change it, and the row is
   * kept. It claims a row. Returns whether the peer has one now.
   *
   * @throws TypeError or RangeError for a bad argument.
   */
  forceOpen(peerId: PeerId, now = this.#table.clock()): boolean {
    return force(this.#table, peerId, 'forced_open', now);
  }

  /** Keeps the peer's circuit closed by hand, whatever its results are. Otherwise as `forceOpen`. */
  forceClosed(peerId: PeerId, now = this.#table.clock()): boolean {
    return force(this.#table, peerId, 'forced_closed', now);
  }

  /** Makes the peer's circuit closed and clean, in a new period. Returns whether the peer has a row; it claims none. */
  resetCircuit(peerId: PeerId, now = this.#table.clock()): boolean {
    return force(this.#table, peerId, 'closed', now);
  }

  /**
   * Gives the peer one of the configured classes. It claims a row, which is kept as long as it has a class. `undefined` takes
   * the class away. Returns whether the peer has a row now.
   *
   * @throws RangeError for a name that is not configured, TypeError or RangeError for another bad argument.
   */
  setClass(peerId: PeerId, name: string | undefined, now = this.#table.clock()): boolean {
    return setClass(this.#table, peerId, name, now);
  }

  /** The name of the peer's class, or `undefined`. @throws TypeError or RangeError for a bad ID. */
  getClass(peerId: PeerId): string | undefined {
    return classOf(this.#table, peerId);
  }

  /**
   * Adds points to the peer's reputation, which stays within −100 … 100 and goes back to 0 by half in each half-life. Below 0
   * it costs score / 25 octaves of the rate. It claims a row, which is kept while the score is below 0.
   *
   * @returns The new reputation; 0 where no row is free.
   * @throws TypeError or RangeError for a bad argument.
   */
  adjustReputation(peerId: PeerId, delta: number, now = this.#table.clock()): number {
    return adjustReputation(this.#table, peerId, delta, now);
  }

  /** The peer's reputation at `now`; 0 for one without a row. @throws TypeError or RangeError for a bad argument. */
  getReputation(peerId: PeerId, now = this.#table.clock()): number {
    return reputationOf(this.#table, peerId, now);
  }
}

// How a limiter is seen from outside: events, what became of rejections, how many circuits are in which state. Telemetry
// is made of this and of the totals.

import { requireNow } from './args.js';
import type { Reason } from './decision.js';
import { ArgumentTypeError, ConfigError, shown } from './errors.js';
import type { CircuitState, Listener, OnRejection } from './events.js';
import { requireKnownFields } from './options.js';
import type { PeerId } from './slots.js';
import { nextTurn } from './snapshot.js';
import { CIRCUIT_STATES, type Table } from './table.js';
import { Views } from './views.js';
import { requireOpen } from './wasm/core.js';
import { countStates } from './wasm/counts.js';
import { readTotals } from './wasm/reading.js';

/** How many rejections were answered, dropped without an answer, or answered by closing the connection. */
export interface RejectionCounts {
  answered: number;
  dropped: number;
  closed: number;
}

/** Runs a call of `guard.run`, and may see it begin and end. It returns what `run` returned, or a promise of the same. */
export type Around = <T>(call: ObservedCall, run: () => Promise<T>) => Promise<T>;

/** What is known of a call before it begins. */
export interface ObservedCall {
  readonly peer: PeerId;
  /** The caller's. */
  readonly signal: AbortSignal | undefined;
}

/** What `RateLimiter.subscribe` takes. */
export interface SubscribeOptions {
  readonly allThreads?: boolean | undefined;
  readonly onRejection?: OnRejection | undefined;
}

/** So many rows are looked at without a pause. */
const SLICE = 65_536;

/** The part of a limiter that is made for telemetry. */
export abstract class Observed extends Views {
  readonly #table: Table;
  readonly #rejections = new Map<string, RejectionCounts>();
  #arounds: readonly Around[] = [];

  constructor(table: Table) {
    super(table);
    this.#table = table;
  }

  /**
   * Calls `listener` with each event: rejections when they happen, before `check` returns; all others on a timer of 100 ms and
   * at `close()`. The timer keeps no process alive. A listener that throws stops nobody: its error is thrown again where nobody
   * waits for it, as an uncaught exception.
   *
   * @param options.allThreads Of a shared table: also what the other threads do, their rejections excepted. Default: what this
   *   thread does.
   * @param options.onRejection Hears of rejections in place of `listener`, by their arguments: for a flood, in which an object
   *   for each would cost more than the rest.
   * @returns A function that ends it.
   * @throws TypeError for a listener that is no function; ConfigError for an unknown option or a bad one.
   *
   * @example
   * const unsubscribe = limiter.subscribe(({ kind, peer, to }) => {
   *   if (kind === 'circuit' && to === 'open') console.warn(`the circuit of ${peer} opened`);
   * });
   */
  subscribe(listener: Listener, options: SubscribeOptions = {}): () => void {
    if (typeof listener !== 'function') {
      throw new ArgumentTypeError('ERR_PEERGATE_LISTENER', `listener: expected a function, got ${shown(listener)}`);
    }
    requireKnownFields(options, ['allThreads', 'onRejection']);
    const { allThreads, onRejection } = options;
    if (onRejection !== undefined && typeof onRejection !== 'function') {
      throw new ArgumentTypeError(
        'ERR_PEERGATE_LISTENER',
        `onRejection: expected a function, got ${shown(onRejection)}`,
      );
    }
    if (allThreads !== undefined && typeof allThreads !== 'boolean') {
      throw new ConfigError('allThreads', 'a boolean', allThreads);
    }
    requireOpen(this.#table.core);
    return this.#table.events.subscribe(listener, allThreads === true, onRejection);
  }

  /**
   * How many checks ended how, over the limiter's life: each check is one of them. `table_full` counts those that were rejected,
   * not those that the overflow bucket decided. What shadow mode let through is among the rejections.
   *
   * @throws ClosedError after `close()`.
   */
  decisions(): Record<Reason, number> {
    requireOpen(this.#table.core);
    const { allowed, rateLimited, circuitRejected, tableFullRejected } = readTotals(this.#table.core);
    return { allowed, rate_limited: rateLimited, circuit_open: circuitRejected, table_full: tableFullRejected };
  }

  /**
   * Events that were overwritten before they could be reported to a listener. A limiter of one thread keeps 256 of circuits
   * and 256 of rows; each thread of a shared table keeps 32 and 8.
   */
  get lostEvents(): number {
    return this.#table.events.lost;
  }

  /**
   * How many peers have their circuit in which state, as the next check at `now` would find it. After each 65 536 rows the
   * event loop goes on, so in a larger table the counts are not of one instant.
   *
   * @throws RangeError for a bad `now`; ClosedError also if the limiter is closed meanwhile.
   */
  async countCircuits(now = this.#table.clock()): Promise<Record<CircuitState, number>> {
    requireNow(now);
    const { core } = this.#table;
    const sums = CIRCUIT_STATES.map(() => 0);
    for (let from = 0; ; ) {
      requireOpen(core);
      from = countStates(core, from, from + SLICE, now, sums);
      if (from === 0) break;
      await nextTurn();
    }
    return Object.fromEntries(CIRCUIT_STATES.map((state, i) => [state, sums[i]])) as Record<CircuitState, number>;
  }

  /**
   * The counts to which an adapter adds what it did with rejected requests. One object for each name, so call it once.
   *
   * @param adapter The name of the adapter's entry, such as `json-rpc`. It becomes the label of a metric: never a peer's ID.
   * @throws ConfigError for what is not a name.
   */
  rejectionsBy(adapter: string): RejectionCounts {
    if (typeof adapter !== 'string' || adapter === '') throw new ConfigError('adapter', 'a name', adapter);
    let counts = this.#rejections.get(adapter);
    if (counts === undefined) {
      counts = { answered: 0, dropped: 0, closed: 0 };
      this.#rejections.set(adapter, counts);
    }
    return counts;
  }

  /** What became of rejections, for each adapter of this thread. */
  get rejections(): ReadonlyMap<string, Readonly<RejectionCounts>> {
    return this.#rejections;
  }

  /**
   * Puts `around` about each call of `guard.run`, for tracing. Returns a function that ends it.
   *
   * @throws TypeError for what is no function.
   */
  aroundCalls(around: Around): () => void {
    if (typeof around !== 'function') {
      throw new ArgumentTypeError('ERR_PEERGATE_LISTENER', `around: expected a function, got ${shown(around)}`);
    }
    this.#arounds = [...this.#arounds, around];
    return () => {
      this.#arounds = this.#arounds.filter((other) => other !== around);
    };
  }

  /** What is put about calls, in the order in which it came; empty where nobody looks. @internal */
  get arounds(): readonly Around[] {
    return this.#arounds;
  }
}

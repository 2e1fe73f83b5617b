// What happened, for whoever listens. Rejections are told at once, by the call that was rejected; all else the core writes
// into rings, which are read on a timer and when the limiter is closed. Without a listener a rejection costs one branch, and
// nothing is read.

import { type Decision, type Reason, reasonOf, retryAfterMs } from './decision.js';
import { textOf } from './inspect.js';
import { copyOf, type PeerId } from './slots.js';
import { type Core, ID_KEPT, refOf } from './wasm/core.js';
import {
  EVENT_CIRCUIT,
  EVENT_HELD_BACK,
  EVENT_RECLAIMED,
  EVENT_TABLE_FULL,
  type RawEvent,
  RingReader,
  threadCount,
  threadOf,
} from './wasm/events.js';
import { readRow } from './wasm/reading.js';

/** A circuit breaker's state. */
export type CircuitState = 'closed' | 'open' | 'half_open' | 'recovering' | 'forced_open' | 'forced_closed';

/** In the order of the core's codes. */
export const CIRCUIT_STATES: readonly CircuitState[] = [
  'closed',
  'open',
  'half_open',
  'recovering',
  'forced_open',
  'forced_closed',
];

export type EventKind = 'circuit' | 'reclaimed' | 'table_full' | 'held_back' | 'rejected';

/** Something that happened. Which fields there are depends on the kind. */
export interface LimiterEvent {
  /**
   * `rejected`: a check was refused. `circuit`: a circuit changed its state. `held_back`: a trip was held back, because too
   * many trip at once. `reclaimed`: a row was taken back for another peer. `table_full`: a check found no row.
   */
  readonly kind: EventKind;
  /** Who it was. Of a circuit it is missing where the peer has lost its row since; of `reclaimed` and `table_full` always. */
  readonly peer?: PeerId;
  /** Only where `peer` is the beginning of a longer ID. */
  readonly truncated?: true;
  /** Of `rejected`. */
  readonly reason?: Exclude<Reason, 'allowed'>;
  /** Of `rejected`. */
  readonly retryAfterMs?: number;
  /** Of `circuit`: the states before and after. */
  readonly from?: CircuitState;
  readonly to?: CircuitState;
  /** Of `circuit` and `held_back`: the failures of the peer so far, as `peers()` counts them. */
  readonly failures?: number;
  /** On the limiter's clock. */
  readonly time: number;
}

export type Listener = (event: LimiterEvent) => void;

/**
 * Hears of a rejection by its arguments. Bytes are the caller's own, and may change when this returns. `row` is a number for
 * the peer's row, which no other peer has while this one keeps it, to count by; -1 where it has none or none was at hand.
 */
export type OnRejection = (peer: PeerId, decision: Decision, time: number, row: number) => void;

interface Subscription {
  readonly listener: Listener;
  readonly allThreads: boolean;
  readonly onRejection: OnRejection | undefined;
}

const DRAIN_EVERY_MS = 100;

const KINDS: Readonly<Record<number, EventKind>> = {
  [EVENT_CIRCUIT]: 'circuit',
  [EVENT_HELD_BACK]: 'held_back',
  [EVENT_RECLAIMED]: 'reclaimed',
  [EVENT_TABLE_FULL]: 'table_full',
};

export class Events {
  /** Whether anybody listens. */
  isHeard = false;
  /** Called when a peer owes half of its credit, by the check that saw it. */
  onUrgent: (() => void) | undefined;
  readonly #core: Core;
  /** Replaced with every change, so that one who comes or goes while an event is told does not disturb the others. */
  #subscriptions: readonly Subscription[] = [];
  #own: RingReader | undefined;
  #others: readonly RingReader[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Events overwritten before readers that are gone could read them. */
  #lost = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Events that were overwritten before anybody who listened could read them. */
  get lost(): number {
    return [this.#own, ...this.#others].reduce((sum, reader) => sum + (reader?.lost ?? 0), this.#lost);
  }

  subscribe(listener: Listener, allThreads: boolean, onRejection?: OnRejection): () => void {
    this.drain();
    const subscription = { listener, allThreads, onRejection };
    this.#setSubscriptions([...this.#subscriptions, subscription]);
    return () => {
      if (!this.#subscriptions.includes(subscription)) return;
      this.drain();
      this.#setSubscriptions(this.#subscriptions.filter((other) => other !== subscription));
    };
  }

  /** The decision, which listeners hear of if it is a rejection. Slot and epoch are the peer's; slot -1: it has no row. */
  told(peer: PeerId, decision: number, time: number, slot: number, epoch: number): Decision {
    this.notice();
    if (this.isHeard && decision < 0) this.rejected(peer, decision, time, slot < 0 ? -1 : refOf(slot, epoch));
    return decision as Decision;
  }

  /** Sees whether somebody has to be paid. */
  notice(): void {
    if (this.#core.urgent[0] !== 0) this.onUrgent?.();
  }

  /** Reports a rejection. */
  rejected(peer: PeerId, decision: number, time: number, row = -1): void {
    let event: LimiterEvent | undefined;
    for (const { listener, onRejection } of this.#subscriptions) {
      if (onRejection === undefined) {
        event ??= rejectionOf(peer, decision as Decision, time);
        tell(listener, event);
        continue;
      }
      try {
        onRejection(peer, decision as Decision, time, row);
      } catch (error) {
        throwLater(error);
      }
    }
  }

  /** Reports what the rings got since the last time. */
  drain(): void {
    if (this.#own === undefined) return;
    const own: RawEvent[] = [];
    const others: RawEvent[] = [];
    this.#own.read(own);
    for (const reader of this.#others) reader.read(others);
    const subscriptions = this.#subscriptions;
    for (const raw of own) {
      const event = this.#eventOf(raw);
      for (const { listener } of subscriptions) tell(listener, event);
    }
    for (const raw of others) {
      const event = this.#eventOf(raw);
      for (const { listener, allThreads } of subscriptions) if (allThreads) tell(listener, event);
    }
  }

  /** Reports what is left, and then nothing more. */
  close(): void {
    this.drain();
    this.#setSubscriptions([]);
  }

  #setSubscriptions(subscriptions: readonly Subscription[]): void {
    this.#subscriptions = subscriptions;
    this.isHeard = subscriptions.length > 0;
    this.#listenTo(subscriptions.some(({ allThreads }) => allThreads));
    if (this.isHeard) {
      this.#timer ??= unref(setInterval(() => this.drain(), DRAIN_EVERY_MS));
    } else {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #listenTo(allThreads: boolean): void {
    const me = threadOf(this.#core);
    const before = this.lost;
    if (!this.isHeard) this.#own = undefined;
    else this.#own ??= new RingReader(this.#core, me);
    if (!allThreads) this.#others = [];
    else if (this.#others.length === 0) {
      const threads = Array.from({ length: threadCount(this.#core) }, (_, thread) => thread);
      this.#others = threads.filter((thread) => thread !== me).map((thread) => new RingReader(this.#core, thread));
    }
    this.#lost += before - this.lost;
  }

  #eventOf({ kind, from, to, slot, epoch, failures, time }: RawEvent): LimiterEvent {
    const name = KINDS[kind] as EventKind;
    if (name === 'reclaimed' || name === 'table_full') return { kind: name, time };
    const whose = this.#whose(slot, epoch);
    if (name === 'held_back') return { kind: name, ...whose, failures, time };
    return {
      kind: name,
      ...whose,
      from: CIRCUIT_STATES[from] as CircuitState,
      to: CIRCUIT_STATES[to] as CircuitState,
      failures,
      time,
    };
  }

  /** The peer, if its row still is that life's, when the ID was read as well. */
  #whose(slot: number, epoch: number): { peer?: PeerId; truncated?: true } {
    const row = readRow(this.#core, slot);
    if (row?.epoch !== epoch || readRow(this.#core, slot)?.epoch !== epoch) return {};
    const truncated = row.idLength > ID_KEPT;
    return { peer: textOf(row.id, truncated), ...(truncated && { truncated }) };
  }
}

function rejectionOf(peer: PeerId, decision: Decision, time: number): LimiterEvent {
  const reason = reasonOf(decision) as Exclude<Reason, 'allowed'>;
  return { kind: 'rejected', peer: copyOf(peer), reason, retryAfterMs: retryAfterMs(decision), time };
}

function tell(listener: Listener, event: LimiterEvent): void {
  try {
    listener(event);
  } catch (error) {
    throwLater(error);
  }
}

/** A listener's error must stop neither the others nor the call that is being told of: it is thrown where nobody waits. */
function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** A timer that does not keep the process alive, where timers can. */
function unref<T>(timer: T): T {
  (timer as { unref?(): void }).unref?.();
  return timer;
}

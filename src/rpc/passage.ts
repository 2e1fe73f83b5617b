// A request that was let in, until its one end.
//
//   enter ──► running ──settle(end)──► over
//                │
//                └──progress()──► streaming ──settle(end)──► over
//
// A stream may run for hours, and a probe has a lease of seconds. So the first message of a stream settles its probe, as a
// success; if the stream fails later, that is one failure more, without a permit.

import { type Decision, isAllowed } from '../decision.js';
import type { PeerId } from '../slots.js';
import { type Follower, follow, unfollow } from './abort.js';
import { Deadline } from './deadline.js';
import type { Deadlines } from './deadlines.js';
import { checkedOutcome, type Outcome } from './outcome.js';
import { Refusal, type Refusing } from './refusal.js';
import { isHandle, type RpcPeer, tokensOf } from './who.js';

/** How a request ended, in the words of its transport. */
export interface End {
  /** `done`: it was answered, whatever the answer says. `cancelled`: by the client. */
  readonly how: 'done' | 'error' | 'timeout' | 'cancelled';
  /** The status of the answer, such as HTTP's. */
  readonly status?: number | string | undefined;
  /** What was thrown. */
  readonly error?: unknown;
}

/** Whoever waits for the answer, such as a `Request`. */
export interface Client {
  readonly signal?: { readonly aborted: boolean } | undefined;
}

/** The permit of a peer that found no row. */
const OVERFLOW_PERMIT = 0;
/** An answer that says nothing bad. */
const DONE: End = Object.freeze({ how: 'done' });
/** The client did not wait for the answer. */
const CANCELLED: End = Object.freeze({ how: 'cancelled' });
/** The handler took too long. */
const TIMED_OUT: End = Object.freeze({ how: 'timeout' });

/** What all requests of a gate have in common. */
export interface Surroundings<R> extends Refusing<R> {
  readonly deadlines: Deadlines;
  readonly classify: (end: End, request: R) => Outcome;
}

/** A request that was let in. Settle it once it has ended; what comes after the first end is ignored. */
export class Passage<R> implements Follower {
  /** Tells it from a `Refusal`. */
  readonly allowed = true;
  readonly peer: PeerId | RpcPeer;
  readonly request: R;
  readonly #gate: Surroundings<R>;
  /** Undefined once it is used up: its probe was settled by the stream's first message. */
  #permit: Decision | undefined;
  #isOver = false;
  /** Undefined where nobody cares how long it takes. */
  readonly #startedMs: number | undefined;
  /** The first message since it was let in, or since it was last charged, is out. */
  #isStreaming = false;
  /** Until the stream's first message. */
  #durationMs: number | undefined = undefined;
  #deadline: PassageDeadline<R> | undefined = undefined;
  /** The client's, while it is followed. */
  #signal: AbortSignal | undefined = undefined;

  /** @internal */
  constructor(gate: Surroundings<R>, request: R, peer: PeerId | RpcPeer, permit: Decision) {
    this.#gate = gate;
    this.request = request;
    this.peer = peer;
    this.#permit = permit;
    this.#startedMs = gate.guard.limiter.timeIfMeasured?.();
  }

  /** Whether it was settled. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Whole tokens that the peer has left. Undefined where nobody can tell: the limiter is closed, or the peer has no row and
   * shares its bucket.
   */
  get availableTokens(): number | undefined {
    if (this.#permit === OVERFLOW_PERMIT) return undefined;
    return tokensOf(this.#gate.guard.limiter, this.peer);
  }

  /**
   * Whether `progress` makes a difference now: the circuit is half-open, or it matters how long the request takes. Where it is
   * dear to see the first message of a stream, look for it only then.
   */
  get wantsProgress(): boolean {
    return this.#startedMs !== undefined || this.#isHalfOpen();
  }

  /**
   * The first message of a stream went out: call it for each stream whose end may be far off. A request that takes one token
   * of a half-open circuit is judged now; a later `settle` adds a failure, or nothing. The stream took as long as its first
   * message did. Ends what `limitTime` began.
   *
   * @param end How it would be judged if it ended now. Default: done.
   */
  progress(end: End = DONE): void {
    if (this.#isOver || this.#isStreaming) return;
    this.#isStreaming = true;
    this.inTime();
    this.#durationMs ??= this.#sinceStart();
    if (!this.#isHalfOpen()) return;
    const outcome = this.#judge(end);
    if (outcome !== 'success') this.#finish(outcome);
    else if (this.#record(outcome)) this.#permit = undefined;
  }

  /**
   * A further message of the stream, which costs a token of its own. A stream that is turned away is over, and has no outcome.
   *
   * @param cost Tokens: an integer ≥ 1. Default 1.
   */
  charge(cost = 1): Refusal<R> | undefined {
    const { guard } = this.#gate;
    let decision: Decision;
    try {
      // The stream may hold the only probe of a half-open circuit, and would be turned away for it. So that goes back first.
      if (this.#permit !== undefined) this.#record('ignored');
      decision = guard.admit(this.peer, cost);
      if (isAllowed(decision)) {
        this.#permit = decision;
        this.#isStreaming = false;
        return undefined;
      }
    } catch (error) {
      this.#end();
      return new Refusal(this.#gate, this.request, this.peer, undefined, cost, error);
    }
    this.#end();
    return new Refusal(this.#gate, this.request, this.peer, decision, cost);
  }

  /**
   * From now on the handler may take as long as the guard's `timeoutMs`. Beyond that the request is settled as timed out.
   *
   * @param client Where its `signal` has aborted by then, the request was cancelled instead. It is not looked at before.
   */
  limitTime(client?: Client): void {
    const { guard, deadlines } = this.#gate;
    if (this.#isOver || this.#deadline !== undefined || guard.timeoutMs === Number.POSITIVE_INFINITY) return;
    this.#deadline = new PassageDeadline(this, client);
    deadlines.add(this.#deadline, guard.timeoutMs);
  }

  /** The handler is done in time; what is left may take as long as it likes. */
  inTime(): void {
    if (this.#deadline === undefined) return;
    this.#gate.deadlines.remove(this.#deadline);
    this.#deadline = undefined;
  }

  /** When the signal aborts, the client has given up. One signal may serve many requests: it gets one listener in all. */
  cancelOn(signal: AbortSignal): void {
    if (this.#isOver || this.#signal !== undefined) return;
    if (signal.aborted) {
      this.cancel();
      return;
    }
    this.#signal = signal;
    follow(signal, this);
  }

  /** The client gave up: short for `settle` with an end that is `cancelled`. */
  cancel(): void {
    this.settle(CANCELLED);
  }

  /**
   * Tells the breaker how it ended. It throws nothing: a `classify` that throws, or returns no outcome, makes it a failure.
   *
   * @returns Whether it counted. It does not if it was settled before.
   */
  settle(end: End): boolean {
    return !this.#isOver && this.#finish(this.#judge(end));
  }

  /** It has no outcome: a probe goes back. For a request that came to nothing, such as one that another layer turned away. */
  abandon(): void {
    if (!this.#isOver) this.#finish('ignored');
  }

  #finish(outcome: Outcome): boolean {
    this.#end();
    return (this.#permit !== undefined || outcome === 'failure') && this.#record(outcome);
  }

  #end(): void {
    this.#isOver = true;
    this.inTime();
    if (this.#signal === undefined) return;
    unfollow(this.#signal, this);
    this.#signal = undefined;
  }

  #judge(end: End): Outcome {
    try {
      return checkedOutcome(this.#gate.classify(end, this.request));
    } catch {
      return 'failure';
    }
  }

  /** The limiter may have been closed meanwhile, and whoever calls from a listener has nobody to catch an error. */
  #record(outcome: Outcome): boolean {
    try {
      const durationMs = outcome === 'success' ? (this.#durationMs ?? this.#sinceStart()) : undefined;
      return this.#gate.guard.settle(this.peer, this.#permit, outcome, durationMs);
    } catch {
      return false;
    }
  }

  #isHalfOpen(): boolean {
    const { peer } = this;
    try {
      const state = isHandle(peer)
        ? (peer as { readonly circuitState?: string }).circuitState
        : this.#gate.guard.limiter.getCircuitState(peer);
      return state === 'half_open';
    } catch {
      return false;
    }
  }

  #sinceStart(): number | undefined {
    if (this.#startedMs === undefined) return undefined;
    try {
      const nowMs = this.#gate.guard.limiter.timeIfMeasured();
      return nowMs === undefined ? undefined : Math.max(0, nowMs - this.#startedMs);
    } catch {
      return undefined;
    }
  }
}

class PassageDeadline<R> extends Deadline {
  readonly #passage: Passage<R>;
  readonly #client: Client | undefined;

  constructor(passage: Passage<R>, client: Client | undefined) {
    super();
    this.#passage = passage;
    this.#client = client;
  }

  override expire(): void {
    this.#passage.settle(this.#client?.signal?.aborted ? CANCELLED : TIMED_OUT);
  }
}

// One call of a handler, from its start to its one end: it answered, it failed, its time was up, or its caller gave up,
// whichever came first. Whatever comes after that is swallowed: it reaches nobody, not even as an unhandled rejection.

import type { Decision } from '../decision.js';
import type { RateLimiter } from '../limiter.js';
import type { PeerId } from '../slots.js';
import { type Follower, follow, unfollow } from './abort.js';
import { Deadline } from './deadline.js';
import type { Deadlines } from './deadlines.js';
import { type Classify, checkedOutcome, type Outcome, type Settled } from './outcome.js';
import { RpcTimeout } from './rejection.js';
import { type RpcPeer, record } from './who.js';

/** What a handler is told about the call that it works on. */
export interface RpcCall {
  /**
   * Aborts when nobody waits for the answer any more. It is made when you first ask for it, because an `AbortController`
   * costs more than the rest of the call; take it from the call before you copy the call's fields elsewhere.
   */
  readonly signal: AbortSignal;
  /** Who is calling, as it was given to `run`. Bytes are a copy. */
  readonly peer: PeerId | RpcPeer;
  /** The permit under which the call runs. */
  readonly decision: Decision;
}

/** Works on a request. */
export type Handler<T> = (call: RpcCall) => T | PromiseLike<T>;

/** What all calls under one guard have in common. */
export interface Surroundings {
  readonly limiter: RateLimiter;
  readonly deadlines: Deadlines;
}

/** What the handler sees of a call. */
class Seen<T> implements RpcCall {
  readonly peer: PeerId | RpcPeer;
  readonly decision: Decision;
  readonly #running: Running<T>;

  constructor(peer: PeerId | RpcPeer, decision: Decision, running: Running<T>) {
    this.peer = peer;
    this.decision = decision;
    this.#running = running;
  }

  get signal(): AbortSignal {
    return this.#running.signal;
  }
}

/** A call that runs. Its `timeoutMs` may be `Infinity`; the caller's signal must not have aborted yet. */
export class Running<T> extends Deadline implements Follower {
  readonly #guard: Surroundings;
  readonly #peer: PeerId | RpcPeer;
  readonly #permit: Decision;
  readonly #timeoutMs: number;
  readonly #caller: AbortSignal | undefined;
  readonly #classify: Classify<T>;
  /** Undefined where nobody cares how long it takes. */
  readonly #startedMs: number | undefined;
  #end: Settled<T> | undefined;
  #controller: AbortController | undefined;
  /** Why nobody waits any more. */
  #abandoned: { readonly reason: unknown } | undefined;
  #resolve: ((value: T) => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;

  constructor(
    guard: Surroundings,
    peer: PeerId | RpcPeer,
    permit: Decision,
    timeoutMs: number,
    caller: AbortSignal | undefined,
    classify: Classify<T>,
  ) {
    super();
    this.#guard = guard;
    this.#peer = peer;
    this.#permit = permit;
    this.#timeoutMs = timeoutMs;
    this.#caller = caller;
    this.#classify = classify;
    this.#startedMs = guard.limiter.timeIfMeasured();
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abandoned !== undefined) this.#controller.abort(this.#abandoned.reason);
    }
    return this.#controller.signal;
  }

  /** Calls the handler. One that answers without a promise costs no promise of its own and no deadline. */
  start(handler: Handler<T>): Promise<T> {
    try {
      if (this.#caller !== undefined) follow(this.#caller, this);
    } catch (error) {
      // The handler was not called, so this says nothing about the peer.
      this.#finish({ error }, true);
      return Promise.reject(error);
    }
    try {
      const returned = handler(new Seen(this.#peer, this.#permit, this));
      if (isThenable(returned)) {
        Promise.resolve(returned).then(
          (value) => this.#finish({ value }, false),
          (error) => this.#finish({ error }, false),
        );
      } else {
        this.#finish({ value: returned }, false);
      }
    } catch (error) {
      this.#finish({ error }, false);
    }
    if (this.#end === undefined) return this.#wait();
    return 'error' in this.#end ? Promise.reject(this.#end.error) : Promise.resolve(this.#end.value);
  }

  override expire(): void {
    this.#abandon(new RpcTimeout(this.#timeoutMs), false);
  }

  cancel(reason: unknown): void {
    this.#abandon(reason, true);
  }

  #wait(): Promise<T> {
    if (this.#timeoutMs !== Number.POSITIVE_INFINITY) this.#guard.deadlines.add(this, this.#timeoutMs);
    return new Promise<T>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  #abandon(reason: unknown, cancelled: boolean): void {
    if (this.#end !== undefined) return;
    // The end comes before the handler hears of it, so that nothing the handler does on its signal can change it.
    this.#abandoned = { reason };
    this.#finish({ error: reason }, cancelled);
    this.#controller?.abort(reason);
  }

  #finish(settled: Settled<T>, cancelled: boolean): void {
    if (this.#end !== undefined) return;
    this.#end = settled;
    this.#guard.deadlines.remove(this);
    if (this.#caller !== undefined) unfollow(this.#caller, this);
    try {
      this.#judge(settled, cancelled);
    } catch (error) {
      this.#end = { error };
    }
    if ('error' in this.#end) this.#reject?.(this.#end.error);
    else this.#resolve?.(this.#end.value);
  }

  #durationMs(): number | undefined {
    const nowMs = this.#startedMs === undefined ? undefined : this.#guard.limiter.timeIfMeasured();
    // A clock that runs back makes no call shorter than nothing.
    return nowMs === undefined ? undefined : Math.max(0, nowMs - (this.#startedMs as number));
  }

  #judge(settled: Settled<T>, cancelled: boolean): void {
    let outcome: Outcome = cancelled ? 'ignored' : 'failure';
    try {
      if (!cancelled) outcome = checkedOutcome(this.#classify(settled));
    } finally {
      record(this.#guard.limiter, this.#peer, this.#permit, outcome, this.#durationMs());
    }
  }
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return typeof (value as { then?: unknown }).then === 'function';
}

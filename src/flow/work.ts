// One piece of work, a request or a notification, from its start to its one end: it answered, it failed, its time was up, or its
// client left, whichever came first. Whatever comes after that is swallowed: it reaches nobody, not even as an unhandled
// rejection.

import { type Decision, type Outcome, type RpcGuard, type RpcPeer, RpcTimeout, type Settled } from '../index.js';
import type { InFlight } from './in-flight.js';
import type { Message } from './socket.js';
import { openOr } from './tell.js';

/**
 * A piece of work. A protocol extends it and hands it to `link.run`, once. It is one object a request, so it holds what its
 * connection needs to know of it, too.
 */
export abstract class Work<T> {
  readonly permit: Decision;
  /** Whether the client waits for an answer. Such work is told by its signal when the client leaves. */
  readonly isAwaited: boolean;
  /** Its answer waits for others: it stays in flight until `link.done`. */
  readonly isHeld: boolean;
  /** Who hears how it went, in place of the connection's peer. */
  readonly witness: RpcPeer | undefined;

  /** @internal Links of the queue of deadlines. */
  dueMs = 0;
  /** @internal */
  earlier: Work<unknown> | undefined = undefined;
  /** @internal */
  later: Work<unknown> | undefined = undefined;
  /** @internal Links of the list of what a connection's client waits for. */
  previous: Work<unknown> | undefined = undefined;
  /** @internal */
  next: Work<unknown> | undefined = undefined;

  #all: InFlight | undefined = undefined;
  #isOver = false;
  /** When it began, where `slowCallMs` is on. */
  #startedMs: number | undefined = undefined;
  /** Made when the signal is asked for. */
  #controller: AbortController | undefined = undefined;
  /** Why it was given up, for a signal that is asked for later. */
  #reason: Error | undefined = undefined;

  constructor(permit: Decision, isAwaited: boolean, isHeld = false, witness?: RpcPeer) {
    this.permit = permit;
    this.isAwaited = isAwaited;
    this.isHeld = isHeld;
    this.witness = witness;
  }

  /** Works. */
  protected abstract run(): T | PromiseLike<T>;
  /** What it is answered with. */
  protected abstract ended(value: T): Message | undefined;
  /** It threw, it took too long (`RpcTimeout`), `judge` threw, or its client left: what it is answered with. */
  protected abstract failed(error: unknown): Message | undefined;

  /** What the breaker hears. Not asked where the client has left. */
  protected judge(settled: Settled<T>): Outcome {
    return 'error' in settled ? 'failure' : 'success';
  }

  /** Aborts when nobody waits for the answer any more: the time is up, or the client is gone. Made when it is asked for. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** @internal */
  start(all: InFlight): void {
    this.#all = all;
    this.#startedMs = timeIfMeasured(all.owner.guard);
    let returned: T | PromiseLike<T>;
    try {
      returned = this.run();
    } catch (error) {
      returned = Promise.reject(error);
    }
    // It ends in a later microtask in any case, so that nothing ends while it is being begun.
    const promise = returned instanceof Promise ? returned : Promise.resolve(returned);
    promise.then(
      (value) => this.#end({ value }),
      (error) => this.#end({ error }),
    );
  }

  /** @internal Its time is up. */
  expire(): void {
    const reason = new RpcTimeout(this.#all?.owner.guard.timeoutMs ?? 0);
    this.#reason = reason;
    // The end comes before the handler hears of it, so that nothing the handler does on its signal can change it.
    this.#end({ error: reason });
    this.#controller?.abort(reason);
  }

  /** @internal Its client has left. Whether the outcome counted. */
  cancel(all: InFlight, outcome: Outcome, reason: Error): boolean {
    this.#all = all;
    this.#reason = reason;
    this.#isOver = true;
    all.forget(this as Work<unknown>);
    const counted = all.owner.settle(this.permit, outcome, this.witness);
    // Later, because room that it makes must not be used by a connection that is about to end.
    Promise.resolve().then(() => this.#answer({ error: reason }));
    this.#controller?.abort(reason);
    return counted;
  }

  #end(settled: Settled<T>): void {
    const all = this.#all;
    if (this.#isOver || all === undefined) return;
    this.#isOver = true;
    all.forget(this as Work<unknown>);
    try {
      all.owner.settle(this.permit, this.judge(settled), this.witness, this.#durationMs(all.owner.guard));
    } catch (error) {
      // The judge threw, or said nothing that can be settled.
      settled = { error };
      all.owner.settle(this.permit, 'failure', this.witness);
    }
    this.#answer(settled);
  }

  #durationMs(guard: RpcGuard): number | undefined {
    if (this.#startedMs === undefined) return undefined;
    const nowMs = timeIfMeasured(guard);
    return nowMs === undefined ? undefined : Math.max(0, nowMs - this.#startedMs);
  }

  #answer(settled: Settled<T>): void {
    const owner = (this.#all as InFlight).owner;
    try {
      const message = 'error' in settled ? this.failed(settled.error) : this.ended(settled.value);
      if (message !== undefined) owner.send(message);
    } catch {
      owner.fault();
    }
    if (!this.isHeld) owner.done(1);
  }
}

/** A closed limiter measures nothing. */
function timeIfMeasured({ limiter }: RpcGuard): number | undefined {
  return openOr(undefined, () => limiter.timeIfMeasured());
}

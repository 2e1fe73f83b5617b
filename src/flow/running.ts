// One piece of work from its start to its one end: it answered, it failed, its time was up, or its client left, whichever came
// first. Whatever comes after that is swallowed: it reaches nobody, not even as an unhandled rejection.

import { type Outcome, RpcArgumentError, type RpcPeer, RpcTimeout, type Settled } from '../index.js';
import type { Timed } from './deadlines.js';
import type { FlowCall, Work } from './session.js';
import type { Message } from './socket.js';
import type { InFlight } from './work.js';

export class Running<T> implements FlowCall, Timed {
  // Links of the lists that it is in: by its deadline, and by its connection.
  dueMs = 0;
  earlier: Timed | undefined = undefined;
  later: Timed | undefined = undefined;
  previous: Running<unknown> | undefined = undefined;
  next: Running<unknown> | undefined = undefined;
  readonly #work: Work<T>;
  readonly #all: InFlight;
  #isOver = false;
  /** Made when the signal is asked for. */
  #controller: AbortController | undefined;
  /** Why it was given up, for a signal that is asked for later. */
  #reason: unknown;

  constructor(work: Work<T>, all: InFlight) {
    this.#work = work;
    this.#all = all;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get peer(): RpcPeer {
    return this.#work.peer ?? this.#all.owner.peer;
  }

  start(): void {
    this.#all.deadlines.add(this);
    let returned: T | PromiseLike<T>;
    try {
      returned = this.#work.run(this);
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

  /** Its time is up. */
  expire(): void {
    this.#giveUp(new RpcTimeout(this.#all.owner.guard.timeoutMs), (error) => this.#end({ error }));
  }

  /** Its client has left. Whether the outcome counted. */
  cancel(outcome: Outcome, reason: unknown): boolean {
    let counted = false;
    this.#giveUp(reason, (error) => {
      this.#leave();
      counted = this.#all.owner.settle(this.#work.permit, outcome, this.peer);
      // Later, because room that it makes must not be used by a connection that is about to end.
      Promise.resolve().then(() => this.#answer(() => this.#work.failed(error)));
    });
    return counted;
  }

  /** The end comes before the handler hears of it, so that nothing the handler does on its signal can change it. */
  #giveUp(reason: unknown, end: (reason: unknown) => void): void {
    this.#reason = reason;
    end(reason);
    this.#controller?.abort(reason);
  }

  #end(settled: Settled<T>): void {
    if (this.#isOver) return;
    this.#leave();
    const work = this.#work;
    const { owner } = this.#all;
    let outcome: Outcome;
    try {
      outcome = checked(work.judge === undefined ? outcomeOf(settled) : work.judge(settled));
    } catch (error) {
      outcome = 'failure';
      settled = { error };
    }
    owner.settle(work.permit, outcome, work.peer);
    const end = settled;
    this.#answer(() => ('error' in end ? work.failed(end.error) : work.ended(end.value)));
  }

  #leave(): void {
    this.#isOver = true;
    this.#all.deadlines.remove(this);
    this.#all.forget(this as Running<unknown>);
  }

  #answer(answer: () => Message | undefined): void {
    const { owner } = this.#all;
    try {
      const message = answer();
      if (message !== undefined) owner.send(message);
    } catch {
      owner.fault();
    }
    if (!this.#work.isHeld) owner.done(1);
  }
}

function outcomeOf(settled: Settled): Outcome {
  return 'error' in settled ? 'failure' : 'success';
}

function checked(outcome: Outcome): Outcome {
  if (outcome === 'success' || outcome === 'failure' || outcome === 'ignored') return outcome;
  // An async judge is a mistake, but its rejection must not end the process as well.
  if ((outcome as unknown) instanceof Promise) (outcome as Promise<unknown>).catch(() => {});
  throw new RpcArgumentError('what classify returned', "'success', 'failure' or 'ignored'", outcome);
}

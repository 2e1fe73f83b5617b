// What is in flight for a connection, and what becomes of it when the client leaves: it is told by its signal, and all of it
// together is one failure.

import type { Deadlines } from './deadlines.js';
import { Running } from './running.js';
import type { Link, Work } from './session.js';

/** The connection that the work is for. */
export type WorkOwner = Pick<Link, 'guard' | 'peer' | 'counters' | 'send' | 'settle' | 'done'> & {
  /** The protocol threw. */
  fault(): void;
};

export class InFlight {
  /** Work whose answer is not out yet. */
  count = 0;
  readonly deadlines: Deadlines;
  readonly owner: WorkOwner;
  /** What clients wait for, oldest first. */
  #first: Running<unknown> | undefined;
  #last: Running<unknown> | undefined;
  /** Why nobody waits for answers any more. */
  #gone: Error | undefined;

  constructor(owner: WorkOwner, deadlines: Deadlines) {
    this.owner = owner;
    this.deadlines = deadlines;
  }

  run<T>(work: Work<T>): void {
    this.count++;
    this.owner.counters.requests++;
    const running = new Running(work, this);
    if (!work.isAwaited) running.start();
    else if (this.#gone !== undefined) running.cancel('ignored', this.#gone);
    else {
      this.#await(running as Running<unknown>);
      running.start();
    }
  }

  /** Nobody waits for it any more: it has ended. */
  forget(running: Running<unknown>): void {
    const { previous, next } = running;
    if (previous !== undefined) previous.next = next;
    else if (this.#first === running) this.#first = next;
    else return;
    if (next !== undefined) next.previous = previous;
    else this.#last = previous;
    running.previous = undefined;
    running.next = undefined;
  }

  /** Nobody waits for answers any more. Where it is the client who left, that is one failure. */
  end(isFailure: boolean): void {
    let isOwed = isFailure;
    this.#gone ??= new Error('the connection is closed');
    for (let running = this.#first; running !== undefined; running = this.#first) {
      const counted = running.cancel(isOwed ? 'failure' : 'ignored', this.#gone);
      if (counted) isOwed = false;
    }
  }

  #await(running: Running<unknown>): void {
    running.previous = this.#last;
    if (this.#last === undefined) this.#first = running;
    else this.#last.next = running;
    this.#last = running;
  }
}

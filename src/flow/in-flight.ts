// What is in flight for a connection, and what becomes of it when the client leaves: it is told by its signal, and all of it
// together is one failure.

import type { Deadlines } from './deadlines.js';
import type { Link } from './session.js';
import type { Work } from './work.js';

/** The connection that the work is for. */
export type WorkOwner = Pick<Link, 'guard' | 'peer' | 'counters' | 'send' | 'settle' | 'done'> & {
  /** The protocol threw. */
  fault(): void;
};

export class InFlight {
  /** Work whose answer is not out yet. */
  count = 0;
  readonly owner: WorkOwner;
  readonly #deadlines: Deadlines;
  /** What clients wait for, oldest first. */
  #first: Work<unknown> | undefined;
  #last: Work<unknown> | undefined;
  /** Why nobody waits for answers any more. */
  #gone: Error | undefined;

  constructor(owner: WorkOwner, deadlines: Deadlines) {
    this.owner = owner;
    this.#deadlines = deadlines;
  }

  run(work: Work<unknown>): void {
    this.count++;
    this.owner.counters.requests++;
    if (work.isAwaited) {
      if (this.#gone !== undefined) {
        work.cancel(this, 'ignored', this.#gone);
        return;
      }
      work.previous = this.#last;
      if (this.#last === undefined) this.#first = work;
      else this.#last.next = work;
      this.#last = work;
    }
    this.#deadlines.add(work);
    work.start(this);
  }

  /** It has ended. */
  forget(work: Work<unknown>): void {
    this.#deadlines.remove(work);
    const { previous, next } = work;
    if (previous !== undefined) previous.next = next;
    else if (this.#first === work) this.#first = next;
    else return;
    if (next !== undefined) next.previous = previous;
    else this.#last = previous;
    work.previous = undefined;
    work.next = undefined;
  }

  /** Nobody waits for answers any more. Where it is the client who left, that is one failure. */
  end(isFailure: boolean): void {
    let isOwed = isFailure;
    this.#gone ??= new Error('the connection is closed');
    for (let work = this.#first; work !== undefined; work = this.#first) {
      if (work.cancel(this, isOwed ? 'failure' : 'ignored', this.#gone)) isOwed = false;
    }
  }
}

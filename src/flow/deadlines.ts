// When work has taken too long. All work of a gate may take equally long, so it times out in the order in which it began: one
// queue and one timer for all of it, instead of a timer for each.

import { unref } from './timers.js';
import type { Work } from './work.js';

/** A list whose links are in the work itself, since most of it ends long before its time is up. */
export class Deadlines {
  readonly #timeoutMs: number;
  #first: Work<unknown> | undefined;
  #last: Work<unknown> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the time is up for what is begun now, in whole milliseconds: a fraction would be an object of its own. */
  #dueMs = 0;

  /** @param timeoutMs How long work may take; may be `Infinity`. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Reads the clock; what is added until the next call counts as begun now. */
  readonly tick = (): void => {
    if (this.#timeoutMs !== Number.POSITIVE_INFINITY) this.#dueMs = Math.ceil(performance.now() + this.#timeoutMs);
  };

  add(work: Work<unknown>): void {
    if (this.#timeoutMs === Number.POSITIVE_INFINITY) return;
    work.dueMs = this.#dueMs;
    work.earlier = this.#last;
    if (this.#last === undefined) this.#first = work;
    else this.#last.later = work;
    this.#last = work;
    if (this.#timer === undefined) this.#wait(this.#timeoutMs);
  }

  /** It has ended. */
  remove(work: Work<unknown>): void {
    const { earlier, later } = work;
    if (earlier !== undefined) earlier.later = later;
    else if (this.#first === work) this.#first = later;
    else return;
    if (later !== undefined) later.earlier = earlier;
    else this.#last = earlier;
    work.earlier = undefined;
    work.later = undefined;
  }

  /** The timer is not stopped when the queue empties: under load it would be set anew for every request. */
  #wait(ms: number): void {
    this.#timer = setTimeout(this.#expire, ms);
    unref(this.#timer);
  }

  readonly #expire = (): void => {
    this.#timer = undefined;
    const nowMs = performance.now();
    // Timers may fire a little early.
    for (let work = this.#first; work !== undefined && work.dueMs <= nowMs + 1; work = this.#first) {
      this.remove(work);
      work.expire();
    }
    if (this.#first !== undefined) this.#wait(Math.max(this.#first.dueMs - nowMs, 1));
  };
}

// How many rejections of one connection may be answered: a flood is not answered with a flood.

const WINDOW_MS = 1000;

/** At most `limit` in any second, whichever second is looked at. */
export class AnswerBudget {
  readonly #limit: number;
  /** When the last `limit` were taken, as a ring; made with the first one, since most connections never need it. */
  #takenAt: number[] | undefined;
  #oldest = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes `count` answers, all or none. */
  take(count: number, nowMs: number): boolean {
    if (count > this.#limit) return false;
    this.#takenAt ??= new Array<number>(this.#limit).fill(Number.NEGATIVE_INFINITY);
    // The answer `count` places on is the latest of those that must have left the window. Not `< WINDOW_MS`: that would let
    // one through for a clock that gave no number.
    const latest = this.#takenAt[(this.#oldest + count - 1) % this.#limit] as number;
    if (!(nowMs - latest >= WINDOW_MS)) return false;
    for (let i = 0; i < count; i++) {
      this.#takenAt[this.#oldest] = nowMs;
      this.#oldest = (this.#oldest + 1) % this.#limit;
    }
    return true;
  }
}

// How many rejections of one connection are answered: a token bucket. It is full at first, so that an honest client that
// overshoots once hears of every request that was rejected. It refills slowly, so that a flood is not answered with a flood.

/** How many rejections of one connection are answered: a token bucket that is full at first and refills slowly. */
export class AnswerBudget {
  readonly #perSec: number;
  readonly #most: number;
  #left: number;
  #refilledAt: number;

  /**
   * @param perSec Answers regained in a second.
   * @param burst Answers that are there at `nowMs`, and the most that are ever there. None where `perSec` is 0.
   */
  constructor(perSec: number, burst: number, nowMs: number) {
    this.#perSec = perSec;
    this.#most = perSec === 0 ? 0 : burst;
    this.#left = this.#most;
    this.#refilledAt = nowMs;
  }

  /** Takes `count` answers, all or none. A clock that runs back refills nothing. */
  take(count: number, nowMs: number): boolean {
    const passedMs = nowMs - this.#refilledAt;
    if (passedMs > 0) {
      this.#left = Math.min(this.#left + (passedMs * this.#perSec) / 1000, this.#most);
      this.#refilledAt = nowMs;
    }
    if (count > this.#left) return false;
    this.#left -= count;
    return true;
  }
}

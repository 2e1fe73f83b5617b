// Chance that is the same in every run.

export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }

  /** A number in (0, 1): xorshift on 32 bits. */
  next(): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return ((this.#state >>> 0) + 0.5) / 2 ** 32;
  }

  /** The time to the next of events that come at random, so many a second on average. */
  gapMs(perSec: number): number {
    return (-Math.log(this.next()) * 1_000) / perSec;
  }

  /** From the normal distribution (G. Box, M. Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(this.next())) * Math.cos(2 * Math.PI * this.next());
  }
}

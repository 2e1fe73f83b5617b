// Rejected frames that got no answer, until the client is told how many they were. Without that, a client which overshot once
// would wait for their answers for ever.

/** The client is told at most once in this time. */
export const TELL_EVERY_MS = 1000;

export class Untold {
  #count = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  /** Frames that the client has not been told of. */
  get count(): number {
    return this.#count;
  }

  /** One more frame got no answer. */
  add(): void {
    this.#count++;
  }

  /** Whether there is something to tell, and the last time was long enough ago. */
  isDue(nowMs: number): boolean {
    return this.#count > 0 && nowMs - this.#toldAt >= TELL_EVERY_MS;
  }

  /** The count, which starts at 0 again. */
  take(nowMs: number): number {
    const count = this.#count;
    this.#count = 0;
    this.#toldAt = nowMs;
    return count;
  }
}

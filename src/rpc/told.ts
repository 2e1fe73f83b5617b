// A hook for something that may happen thousands of times a second. It is called now and then, and hears how often it was
// passed over, so that what it does (a line in a log, say) does not turn a flood of requests into a flood of its own.

/** Calls a hook, but not again for a while. What it throws is swallowed. */
export class Told<Args extends readonly unknown[]> {
  readonly #hook: (...args: [...Args, passedOver: number]) => unknown;
  readonly #everyMs: number;
  readonly #clock: () => number;
  #toldAt = Number.NEGATIVE_INFINITY;
  #passedOver = 0;

  /**
   * @param hook Gets the arguments and how many calls before this one were passed over.
   * @param everyMs The hook is called once in this time at most.
   */
  constructor(hook: (...args: [...Args, passedOver: number]) => unknown, everyMs: number, clock: () => number) {
    this.#hook = hook;
    this.#everyMs = everyMs;
    this.#clock = clock;
  }

  tell(...args: Args): void {
    const nowMs = this.#clock();
    const passedMs = nowMs - this.#toldAt;
    // A clock that runs back must not silence the hook until it has caught up.
    if (passedMs >= 0 && passedMs < this.#everyMs) {
      this.#passedOver++;
      return;
    }
    this.#toldAt = nowMs;
    const passedOver = this.#passedOver;
    this.#passedOver = 0;
    try {
      quiet(this.#hook(...args, passedOver));
    } catch {
      // The hook's error must not become the request's.
    }
  }
}

/** The rejection of a promise that nobody waits for must not end the process. */
export function quiet(value: unknown): void {
  if (value instanceof Promise) value.catch(() => {});
}

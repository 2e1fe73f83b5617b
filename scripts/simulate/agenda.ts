// What is due next: a binary heap of numbered actors by time.

export class Agenda {
  readonly #times: number[] = [];
  readonly #actors: number[] = [];

  push(timeMs: number, actor: number): void {
    let at = this.#times.length;
    this.#times.push(timeMs);
    this.#actors.push(actor);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((this.#times[parent] as number) <= timeMs) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, timeMs, actor);
  }

  /** When the next one is due; Infinity where nothing is. */
  get nextMs(): number {
    return this.#times[0] ?? Number.POSITIVE_INFINITY;
  }

  /** Removes what is due next, and returns its actor. */
  pop(): number {
    const first = this.#actors[0] as number;
    const time = this.#times.pop() as number;
    const actor = this.#actors.pop() as number;
    const size = this.#times.length;
    if (size === 0) return first;
    let at = 0;
    while (true) {
      let child = 2 * at + 1;
      if (child + 1 < size && (this.#times[child + 1] as number) < (this.#times[child] as number)) child++;
      if (child >= size || (this.#times[child] as number) >= time) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, time, actor);
    return first;
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#times[from] as number, this.#actors[from] as number);
  }

  #put(at: number, timeMs: number, actor: number): void {
    this.#times[at] = timeMs;
    this.#actors[at] = actor;
  }
}

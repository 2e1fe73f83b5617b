// Pins of one thread at a shared table. There a row has one bit for each thread, which the first handle sets and the
// last one clears, so that the pins of a thread that died can be voided all at once; the handles are counted here.

export class Pins {
  readonly #counts = new Map<number, number>();

  add(ref: number): void {
    this.#counts.set(ref, (this.#counts.get(ref) ?? 0) + 1);
  }

  /** Whether that was the row's last handle here. */
  remove(ref: number): boolean {
    const left = (this.#counts.get(ref) ?? 0) - 1;
    if (left > 0) this.#counts.set(ref, left);
    else this.#counts.delete(ref);
    return left === 0;
  }
}

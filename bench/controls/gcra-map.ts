// What a P2P client writes for itself: GCRA over a `Map`, with `Date.now()`; a limiter only. Written for this comparison, in
// two ways. Both are measured, and the faster one counts.

/** Theoretical arrival times as numbers: read one, write one. The usual way. */
export class GcraMap {
  readonly #tats = new Map<string, number>();
  readonly #interval: number;
  readonly #tolerance: number;

  constructor(ratePerSec: number, burst: number) {
    this.#interval = 1000 / ratePerSec;
    this.#tolerance = burst * this.#interval;
  }

  check(key: string, cost = 1): boolean {
    const now = Date.now();
    const tat = this.#tats.get(key) ?? now;
    const next = (tat > now ? tat : now) + cost * this.#interval;
    if (next - now > this.#tolerance) return false;
    this.#tats.set(key, next);
    return true;
  }
}

/** An object for each peer: only the first request writes to the map. */
export class GcraMapOfObjects {
  readonly #peers = new Map<string, { tat: number }>();
  readonly #interval: number;
  readonly #tolerance: number;

  constructor(ratePerSec: number, burst: number) {
    this.#interval = 1000 / ratePerSec;
    this.#tolerance = burst * this.#interval;
  }

  check(key: string, cost = 1): boolean {
    const now = Date.now();
    const peer = this.#peers.get(key);
    const tat = peer === undefined ? now : peer.tat;
    const next = (tat > now ? tat : now) + cost * this.#interval;
    if (next - now > this.#tolerance) return false;
    if (peer === undefined) this.#peers.set(key, { tat: next });
    else peer.tat = next;
    return true;
  }
}

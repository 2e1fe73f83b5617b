// A limiter as P2P clients write it for themselves: GCRA over a `Map`, with `Date.now()`, and no breaker. It was written for
// this comparison, in two ways. Both are measured, and the faster one counts.

/** Keeps theoretical arrival times as numbers. A check reads one and writes one. This is the usual way. */
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

/** Keeps an object for each peer. Only the first request of a peer writes to the map. */
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

// Time that goes on when it is told to: timers, `performance.now()` and `Math.random()` of everything that runs meanwhile. For code
// that has timers of its own, so that a run of it is the same every time.

import type { Chance } from './chance.js';

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly act: () => void;
}

export class VirtualTime {
  nowMs = 0;
  readonly #heap: Due[] = [];
  readonly #cancelled = new Set<number>();
  #order = 0;
  readonly #real = { setTimeout, clearTimeout, now: performance.now, random: Math.random };

  /** From now on this is everybody's time. */
  install(chance: Chance): void {
    const set = (act: () => void, ms = 0) => this.after(ms, act);
    Object.assign(globalThis, { setTimeout: set, clearTimeout: (id: number) => this.#cancelled.add(id) });
    performance.now = () => this.nowMs;
    Math.random = () => chance.next();
  }

  uninstall(): void {
    Object.assign(globalThis, { setTimeout: this.#real.setTimeout, clearTimeout: this.#real.clearTimeout });
    performance.now = this.#real.now;
    Math.random = this.#real.random;
  }

  /** Calls `act` in so many milliseconds; the number that `clearTimeout` takes. */
  after(ms: number, act: () => void): number {
    const due = { atMs: this.nowMs + Math.max(0, ms), order: ++this.#order, act };
    let at = this.#heap.push(due) - 1;
    for (let parent = (at - 1) >> 1; at > 0 && isBefore(due, this.#heap[parent] as Due); parent = (at - 1) >> 1) {
      this.#heap[at] = this.#heap[parent] as Due;
      at = parent;
    }
    this.#heap[at] = due;
    return due.order;
  }

  /** Goes on until then. Between two instants everything that waits for a promise has its turn. */
  async until(endMs: number): Promise<void> {
    while ((this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY) <= endMs) {
      const due = this.#pop();
      if (this.#cancelled.delete(due.order)) continue;
      this.nowMs = due.atMs;
      due.act();
      // A chain of promises is a few links long here; a turn of the real event loop would take a hundred times as long.
      for (let i = 0; i < 12; i++) await undefined;
    }
    this.nowMs = endMs;
  }

  #pop(): Due {
    const heap = this.#heap;
    const first = heap[0] as Due;
    const last = heap.pop() as Due;
    if (heap.length === 0) return first;
    let at = 0;
    while (true) {
      let child = 2 * at + 1;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Due, heap[child] as Due)) child++;
      if (child >= heap.length || isBefore(last, heap[child] as Due)) break;
      heap[at] = heap[child] as Due;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

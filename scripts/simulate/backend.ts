// A backend behind the server: it fails altogether for a while, and is cold afterwards. Its capacity comes back with the requests that
// it answers, as a cache fills; what comes above it fails.

import type { Chance } from './chance.js';

const SLICE_MS = 50;

export interface BackendOptions {
  readonly warmPerSec: number;
  readonly coldPerSec: number;
  /** Answers after which it has gone two thirds of the way from cold to warm. */
  readonly warmUp: number;
  /** The fraction of requests that fail although there is room. */
  readonly baseErrors: number;
  readonly fault: { readonly fromMs: number; readonly untilMs: number };
}

export class Backend {
  readonly #options: BackendOptions;
  readonly #chance: Chance;
  #answered = Number.POSITIVE_INFINITY;
  #slice = -1;
  #room = 0;

  constructor(options: BackendOptions, chance: Chance) {
    this.#options = options;
    this.#chance = chance;
  }

  /** What becomes of a request: it may fail as some always do, or for a reason that is the server's. */
  ask(nowMs: number): 'answered' | 'error' | 'overloaded' {
    const { warmPerSec, coldPerSec, warmUp, baseErrors, fault } = this.#options;
    if (nowMs >= fault.fromMs && nowMs < fault.untilMs) {
      this.#answered = 0;
      return 'overloaded';
    }
    const slice = Math.floor(nowMs / SLICE_MS);
    if (slice !== this.#slice) {
      this.#slice = slice;
      const warm = 1 - Math.exp(-this.#answered / warmUp);
      this.#room = ((coldPerSec + (warmPerSec - coldPerSec) * warm) * SLICE_MS) / 1_000;
    }
    if (this.#room < 1) return 'overloaded';
    this.#room--;
    this.#answered++;
    return this.#chance.next() < baseErrors ? 'error' : 'answered';
  }
}

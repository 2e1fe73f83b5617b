// The law of the load controller, as arithmetic on one exponent e: the load factor is 2^(−e/16).
//
//      delay / target     0 ─────── ¼ ─────── ½ ─────── 1 ─────────────────▶
//      e                  − 1, 2, 4 … │   − 1   │  holds  │  + 8 · log₂, from 2 to 16; holds while the delay is falling
//
// The first step of a queue of L ms is seen L ms later, so it waits that long before it acts again. A law that acts on each
// reading goes on cutting while what it cut is still in the queue.

export const PER_OCTAVE = 16;

const STEP_PER_OCTAVE = 8;
const LEAST_STEP = 2;
const MOST_STEP = 16;
const FALLING = 0.9;
const SECOND_MS = 1_000;
/** A process that was suspended for hours reads that as a delay. No queue is longer than this. */
const LONGEST_WAIT_MS = 60_000;

export class LoadLaw {
  readonly #targetMs: number;
  readonly #intervalMs: number;
  readonly #most: number;
  #actedAt = Number.NEGATIVE_INFINITY;
  #waitMs = 0;
  #delayMs = 0;
  #quietSince: number | undefined;

  /** @param most The highest exponent. */
  constructor(targetMs: number, intervalMs: number, most: number) {
    this.#targetMs = targetMs;
    this.#intervalMs = intervalMs;
    this.#most = most;
  }

  /** Milliseconds until it acts again; 0 where it may now. A clock that ran backwards does not make it wait. */
  dueIn(nowMs: number): number {
    const passed = nowMs - this.#actedAt;
    return passed < 0 ? 0 : Math.max(this.#waitMs - passed, 0);
  }

  /** The exponent after a reading. */
  next(exponent: number, delayMs: number, nowMs: number): number {
    if (!Number.isFinite(delayMs) || this.dueIn(nowMs) > 0) return exponent;
    const before = this.#delayMs;
    this.#actedAt = nowMs;
    this.#delayMs = delayMs;
    this.#waitMs = Math.max(this.#intervalMs, Math.min(delayMs, LONGEST_WAIT_MS));
    return Math.min(Math.max(exponent + this.#change(delayMs, before, nowMs), 0), this.#most);
  }

  #change(delayMs: number, before: number, nowMs: number): number {
    const ratio = delayMs / this.#targetMs;
    if (ratio < 1 / 4) {
      this.#quietSince ??= nowMs;
      return -(2 ** Math.floor(Math.max(nowMs - this.#quietSince, 0) / SECOND_MS));
    }
    this.#quietSince = undefined;
    if (ratio < 1 / 2) return -1;
    if (ratio <= 1 || delayMs < before * FALLING) return 0;
    return Math.round(Math.min(Math.max(STEP_PER_OCTAVE * Math.log2(ratio), LEAST_STEP), MOST_STEP));
  }
}

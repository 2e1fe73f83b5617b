// Whose turn it is. Sockets deliver hundreds of messages at a time; were each of them worked on as it comes, one busy
// connection would keep all others waiting for as long as its messages take.
//
//   nobody waits, the turn is not over   → a piece of work is begun at once
//   otherwise                            → its connection waits in a ring; each turn takes the next ones, a piece of each
//
// A turn of the event loop begins a bounded number of pieces, and stops sooner when they take long; then sockets are read and
// timers run. The bounds are for all connections together, so that a turn is short however many of them are busy.
//
// The number follows what turns have taken, from their first piece until all is done that the pieces set off: a turn has its
// fixed price, so it should be full, but it should not last. Where the clock does not say, the number is at its least.

import { afterEvents } from './timers.js';

/** How long a turn should last. */
const SLICE_MS = 1;
const LEAST_A_TURN = 16;
const MOST_A_TURN = 256;

/** Begins one piece of a connection's work, and joins the ring again if it has more. */
export type TakeTurn = () => void;

/** How many pieces the next turn may begin, after one that may begin `most` took so long. */
export function mostAfter(most: number, tookMs: number, isFull: boolean): number {
  if (!(tookMs > 0)) return LEAST_A_TURN;
  if (tookMs >= SLICE_MS) return Math.max(most >> 1, LEAST_A_TURN);
  return isFull && tookMs < SLICE_MS / 2 ? Math.min(most * 2, MOST_A_TURN) : most;
}

export class Turns {
  readonly #clock: () => number;
  readonly #onTurn: () => void;
  /** In the order in which their turn comes. */
  readonly #ring = new Set<TakeTurn>();
  #most = LEAST_A_TURN;
  #isDue = false;
  #begun = 0;
  #sinceMs = 0;

  /** @param onTurn Is called when the first piece of a turn is about to be begun. */
  constructor(clock: () => number, onTurn: () => void) {
    this.#clock = clock;
    this.#onTurn = onTurn;
  }

  /** Whether a piece may be begun at once. */
  isFree(nowMs: number): boolean {
    return this.#ring.size === 0 && !this.#isOver(nowMs);
  }

  /** A piece is about to be begun. */
  begin(nowMs: number): void {
    if (this.#begun++ === 0) {
      this.#sinceMs = nowMs;
      this.#onTurn();
    }
    this.#call();
  }

  /** Waits for a turn; who waits already keeps its place. */
  join(take: TakeTurn): void {
    this.#ring.add(take);
    this.#call();
  }

  leave(take: TakeTurn): void {
    this.#ring.delete(take);
  }

  /** However long the last piece took, the next turn has its own. */
  #isOver(nowMs: number): boolean {
    return this.#begun > 0 && (this.#begun >= this.#most || nowMs - this.#sinceMs >= SLICE_MS);
  }

  /** Every turn in which something is begun, or somebody waits, has a next one. */
  #call(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    afterEvents(this.#next);
  }

  readonly #next = (): void => {
    let nowMs = this.#clock();
    if (this.#begun > 0) this.#most = mostAfter(this.#most, nowMs - this.#sinceMs, this.#begun >= this.#most);
    this.#isDue = false;
    this.#begun = 0;
    // Who joins again while the ring is gone through goes to its end, and is come to if the turn lasts so long.
    for (const take of this.#ring) {
      if (this.#isOver(nowMs)) break;
      this.#ring.delete(take);
      this.begin(nowMs);
      take();
      nowMs = this.#clock();
    }
  };
}

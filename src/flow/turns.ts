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

/** Somebody who may wait for turns. */
export interface Waiter {
  /** Whether it waits, and who comes after it. Both are this file's to change. */
  isWaiting: boolean;
  nextWaiter: Waiter | undefined;
  /** Begins one piece of a connection's work, and joins again if it has more. */
  takeTurn(): void;
}

/** How many pieces the next turn may begin, after one that may begin `most` took so long. */
export function mostAfter(most: number, tookMs: number, isFull: boolean): number {
  if (!(tookMs > 0)) return LEAST_A_TURN;
  if (tookMs >= SLICE_MS) return Math.max(most >> 1, LEAST_A_TURN);
  return isFull && tookMs < SLICE_MS / 2 ? Math.min(most * 2, MOST_A_TURN) : most;
}

export class Turns {
  readonly #clock: () => number;
  readonly #onTurn: () => void;
  /** In the order in which their turn comes; some may have left. */
  #first: Waiter | undefined;
  #last: Waiter | undefined;
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
    return this.#first === undefined && !this.#isOver(nowMs);
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
  join(waiter: Waiter): void {
    if (!waiter.isWaiting) {
      waiter.isWaiting = true;
      if (this.#last === undefined) this.#first = waiter;
      else this.#last.nextWaiter = waiter;
      this.#last = waiter;
    }
    this.#call();
  }

  /** Waits no more, for good. */
  leave(waiter: Waiter): void {
    waiter.isWaiting = false;
  }

  #shift(): Waiter | undefined {
    for (let waiter = this.#first; waiter !== undefined; waiter = this.#first) {
      this.#first = waiter.nextWaiter;
      if (this.#first === undefined) this.#last = undefined;
      waiter.nextWaiter = undefined;
      if (!waiter.isWaiting) continue;
      waiter.isWaiting = false;
      return waiter;
    }
    return undefined;
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
    // Who joins again meanwhile goes to the end, and is come to if the turn lasts so long.
    while (this.#first !== undefined && !this.#isOver(nowMs)) {
      const waiter = this.#shift();
      if (waiter === undefined) break;
      this.begin(nowMs);
      waiter.takeTurn();
      nowMs = this.#clock();
    }
    if (this.#first !== undefined) this.#call();
  };
}

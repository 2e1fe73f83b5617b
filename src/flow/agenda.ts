// What a connection begins next, and when: a frame at once if nobody waits and there is room for it, else in its turn. While
// something waits, or as much is in flight as may be, the socket is not read.

import type { Decision } from '../index.js';
import { Queue, type Waiting } from './queue.js';
import { BUSY, CLOGGED, type Reading } from './reading.js';
import type { FrameData } from './socket.js';
import type { Turns, Waiter } from './turns.js';

export interface AgendaLimits {
  readonly maxFrameBytes: number;
  readonly maxInFlight: number;
}

/** The connection. */
export interface AgendaOwner {
  begin(frame: FrameData, permit: Decision): void;
  /** Begins the next part of the frame that is under way. */
  next(): void;
  /** Whether that frame has parts that wait. */
  hasMore(): boolean;
  inFlight(): number;
  isOpen(): boolean;
  /** The socket is no longer read. */
  stalled(): void;
  /** More waits than a socket that pauses could have brought. */
  overrun(): void;
  /** The socket is gone, and all that it brought has been begun. */
  finished(): void;
}

export class Agenda implements Waiter {
  isWaiting = false;
  nextWaiter: Waiter | undefined = undefined;
  readonly #turns: Turns;
  readonly #clock: () => number;
  readonly #reading: Reading;
  readonly #maxInFlight: number;
  readonly #owner: AgendaOwner;
  readonly #queue: Queue;
  #isClosed = false;

  constructor(turns: Turns, clock: () => number, reading: Reading, limits: AgendaLimits, owner: AgendaOwner) {
    this.#turns = turns;
    this.#clock = clock;
    this.#reading = reading;
    this.#maxInFlight = limits.maxInFlight;
    this.#owner = owner;
    this.#queue = new Queue(limits.maxFrameBytes);
  }

  /** Begins a frame that was let in, at once or in its turn. */
  take(frame: FrameData, bytes: number, permit: Decision, nowMs: number): void {
    const isNext = this.#queue.isEmpty && !this.#owner.hasMore() && !this.#isFull();
    if (isNext && this.#turns.isFree(nowMs)) {
      this.#turns.begin(nowMs);
      this.#owner.begin(frame, permit);
      if (!this.#isIdle()) this.proceed();
      return;
    }
    this.#queue.push(frame, bytes, permit);
    if (this.#queue.isTooLong) this.#owner.overrun();
    this.proceed();
  }

  /** Begins what waits, as far as that is nobody else's turn. */
  proceed(): void {
    while (this.#canBegin()) {
      const nowMs = this.#clock();
      if (!this.#turns.isFree(nowMs)) break;
      this.#turns.begin(nowMs);
      this.#beginNext();
    }
    this.#arrange();
  }

  /** Nothing is begun any more. Gives back what waits. */
  close(): readonly Waiting[] {
    this.#isClosed = true;
    this.#turns.leave(this);
    return this.#queue.clear();
  }

  takeTurn(): void {
    if (this.#canBegin()) this.#beginNext();
    this.#arrange();
  }

  /** A frame of several parts may overshoot, by itself: once it has begun there is room for all of it. */
  #canBegin(): boolean {
    if (this.#isClosed) return false;
    return this.#owner.hasMore() || (!this.#queue.isEmpty && !this.#isFull());
  }

  /** One piece of what waits: a part of the frame that is under way, or else a frame. */
  #beginNext(): void {
    if (this.#owner.hasMore()) {
      this.#owner.next();
      return;
    }
    const waiting = this.#queue.shift();
    if (waiting !== undefined) this.#owner.begin(waiting.frame, waiting.permit);
  }

  /** Sees to the next turn, and to whether the socket is read until then. */
  #arrange(): void {
    const canBegin = this.#canBegin();
    if (canBegin) this.#turns.join(this);
    if (!this.#owner.isOpen()) {
      if (!canBegin) this.#owner.finished();
    } else if (this.#isIdle()) {
      this.#reading.release(BUSY);
    } else if (!this.#reading.isHeld(BUSY)) {
      this.#owner.stalled();
      this.#reading.hold(BUSY);
    }
  }

  /** Nothing waits, and there is room for more. */
  #isIdle(): boolean {
    return this.#queue.isEmpty && !this.#isBusy() && !this.#owner.hasMore();
  }

  #isBusy(): boolean {
    return this.#owner.inFlight() >= this.#maxInFlight;
  }

  #isFull(): boolean {
    return this.#isBusy() || this.#reading.isHeld(CLOGGED);
  }
}

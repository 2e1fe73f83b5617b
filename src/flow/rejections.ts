// What a rejected frame leads to. Most of a flood passes through `reject`, so that it costs next to nothing there: a look at
// the budget, no parsing, no exception, no object, and no reading of the clock beside the check's.

import { type RejectionCounts, type RpcGuard, retryAfterMs } from '../index.js';
import { AnswerBudget } from './budget.js';
import { REJECTED, type Reading } from './reading.js';
import type { AnswerRejection, Session, Verdict } from './session.js';
import type { FrameData, Message } from './socket.js';
import type { FlowStats } from './stats.js';
import { Strikes } from './strikes.js';
import { unref } from './timers.js';
import { TELL_EVERY_MS, Untold } from './untold.js';

/** How long a client is asked to wait for a limiter that is closed. */
const UNAVAILABLE_FOR_MS = 1000;

export interface RejectionLimits {
  readonly maxRejectionsPerSec: number;
  readonly maxRejectionBurst: number;
  readonly maxStrikes: number;
  readonly notifyRejections: boolean;
}

/** Who is asked to act. */
export interface RejectionOwner {
  send(message: Message): void;
  /** The connection never paused and has to go. */
  struckOut(): void;
}

export class Rejections {
  readonly #clock: () => number;
  readonly #reading: Reading;
  readonly #stats: FlowStats;
  readonly #owner: RejectionOwner;
  readonly #limits: RejectionLimits;
  readonly #session: Pick<Session, 'reject' | 'dropped'>;
  /** Of all connections of the adapter. */
  readonly #counts: RejectionCounts;
  /** Made with the first rejection, since most connections never need it. */
  #budget: AnswerBudget | undefined;
  readonly #strikes = new Strikes();
  readonly #untold = new Untold();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #telling: ReturnType<typeof setTimeout> | undefined;
  /** Of the latest frame that was rejected. */
  #latest: Verdict;
  #isClosed = false;

  /** @param session says what clients are told. */
  constructor(
    guard: RpcGuard,
    counts: RejectionCounts,
    reading: Reading,
    stats: FlowStats,
    limits: RejectionLimits,
    owner: RejectionOwner,
    session: Pick<Session, 'reject' | 'dropped'> = {},
  ) {
    this.#counts = counts;
    this.#clock = guard.limiter.config.clock;
    this.#reading = reading;
    this.#stats = stats;
    this.#owner = owner;
    this.#limits = limits;
    this.#session = session;
  }

  /** A frame was rejected. Without `frame` it is too large to be looked at. */
  reject(verdict: Verdict, frame: FrameData | undefined, nowMs: number): void {
    if (!this.#mayAnswer(verdict, nowMs)) return;
    this.#answer(this.#session.reject?.(verdict, frame, (count) => this.#takeAnswers(count, nowMs)));
  }

  /** A frame that was let in could not pay for what it turned out to cost. */
  refuse(verdict: Verdict, answer: AnswerRejection): void {
    if (this.#isClosed) {
      this.#stats.rejected++;
      this.#stats.rejectionsDropped++;
      this.#counts.dropped++;
      return;
    }
    const nowMs = this.#clock();
    if (this.#mayAnswer(verdict, nowMs)) this.#answer(answer((count) => this.#takeAnswers(count, nowMs)));
  }

  /** A frame was let through. */
  admitted(nowMs: number): void {
    if (this.#strikes.count === 0 && this.#untold.count === 0) return;
    this.#strikes.admitted(nowMs);
    if (this.#untold.isDue(nowMs)) this.#tell(nowMs);
  }

  /** There is nobody to answer and nothing to pause any more. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#telling);
  }

  /**
   * Counts the strike, draws its consequence, and takes one answer from the budget. That pays for the parsing too, so that a
   * flood of notifications, which are never answered, is not parsed either.
   */
  #mayAnswer(verdict: Verdict, nowMs: number): boolean {
    this.#stats.rejected++;
    this.#strikes.strike(nowMs);
    this.#latest = verdict;
    const isOut = this.#strikes.count >= this.#limits.maxStrikes;
    if (!isOut && !this.#reading.isHeld(REJECTED)) {
      const pauseMs = this.#strikes.pauseMs(waitMs(verdict));
      if (pauseMs > 0) this.#pause(pauseMs);
    }
    if (!isOut && this.#takeAnswers(1, nowMs)) return true;
    this.#drop();
    this.#counts[isOut ? 'closed' : 'dropped']++;
    if (isOut) this.#owner.struckOut();
    return false;
  }

  #takeAnswers(count: number, nowMs: number): boolean {
    const { maxRejectionsPerSec, maxRejectionBurst } = this.#limits;
    this.#budget ??= new AnswerBudget(maxRejectionsPerSec, maxRejectionBurst, nowMs);
    return this.#budget.take(count, nowMs);
  }

  /** The frame gets no answer. The client hears of it when a frame of its is let in, or by the timer if it stays quiet. */
  #drop(): void {
    this.#stats.rejectionsDropped++;
    if (!this.#limits.notifyRejections || this.#session.dropped === undefined) return;
    this.#untold.add();
    this.#telling ??= this.#after(TELL_EVERY_MS, () => this.#tell(this.#clock()));
  }

  #tell(nowMs: number): void {
    clearTimeout(this.#telling);
    this.#telling = undefined;
    const message = this.#session.dropped?.(this.#untold.take(nowMs));
    if (message !== undefined) this.#owner.send(message);
  }

  #pause(pauseMs: number): void {
    this.#stats.pauses++;
    this.#reading.hold(REJECTED);
    const resume = () => {
      this.#strikes.resumed(this.#clock());
      this.#reading.release(REJECTED);
    };
    this.#timer = this.#after(pauseMs, () => {
      // The socket may have delivered more after `pause` for longer than the pause itself. Then it was no pause for the client,
      // and it is extended to what the latest of those rejections said to wait.
      const restMs = Math.min(pauseMs, waitMs(this.#latest)) - this.#strikes.quietMs(this.#clock());
      if (restMs > 0) this.#timer = this.#after(restMs, resume);
      else resume();
    });
  }

  #after(ms: number, act: () => void): ReturnType<typeof setTimeout> {
    const timer = setTimeout(act, ms);
    unref(timer);
    return timer;
  }

  #answer(message: Message | undefined): void {
    if (message === undefined) {
      this.#stats.rejectionsDropped++;
      this.#counts.dropped++;
    } else {
      this.#stats.rejectionsAnswered++;
      this.#counts.answered++;
      this.#owner.send(message);
    }
  }
}

function waitMs(verdict: Verdict): number {
  return verdict === undefined ? UNAVAILABLE_FOR_MS : retryAfterMs(verdict);
}

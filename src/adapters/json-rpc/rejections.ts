// What a rejected frame leads to. Most of a flood passes through `reject`, so that it costs next to nothing there: a look at
// the budget, no parsing, no exception, no object, and no reading of the clock beside the check's.

import { type Decision, type RpcGuard, retryAfterMs } from '../../index.js';
import { AnswerBudget } from './budget.js';
import { errorText, idOf, rejectedText, UNAVAILABLE } from './message.js';
import { REJECTED, type Reading } from './reading.js';
import { type FrameData, frameText } from './socket.js';
import type { JsonRpcStats } from './stats.js';
import { Strikes } from './strikes.js';
import { unref } from './timers.js';
import { TELL_EVERY_MS, Untold } from './untold.js';

/** What a frame is rejected by: a decision, or a limiter that is closed and decides nothing. */
export type Verdict = Decision | undefined;

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
  send(text: string): void;
  /** The connection never paused and has to go. */
  struckOut(): void;
}

export class Rejections {
  readonly #guard: RpcGuard;
  readonly #clock: () => number;
  readonly #reading: Reading;
  readonly #stats: JsonRpcStats;
  readonly #owner: RejectionOwner;
  readonly #limits: RejectionLimits;
  /** Made with the first rejection, since most connections never need it. */
  #budget: AnswerBudget | undefined;
  readonly #strikes = new Strikes();
  readonly #untold = new Untold();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #telling: ReturnType<typeof setTimeout> | undefined;
  /** Of the latest frame that was rejected. */
  #latest: Verdict;
  #isClosed = false;

  constructor(guard: RpcGuard, reading: Reading, stats: JsonRpcStats, limits: RejectionLimits, owner: RejectionOwner) {
    this.#guard = guard;
    this.#clock = guard.limiter.config.clock;
    this.#reading = reading;
    this.#stats = stats;
    this.#owner = owner;
    this.#limits = limits;
  }

  /** A frame was rejected. Without `data` (it is too large to be parsed) it is answered without an id. */
  reject(decision: Verdict, data: FrameData | undefined, nowMs: number): void {
    if (this.#mayAnswer(decision, nowMs)) this.#answer(decision, data === undefined ? null : parsed(data), nowMs);
  }

  /** A batch that was let in could not pay for its members. */
  refuse(decision: Verdict, members: readonly unknown[]): void {
    if (this.#isClosed) {
      this.#stats.rejected++;
      this.#stats.rejectionsDropped++;
      return;
    }
    const nowMs = this.#clock();
    if (this.#mayAnswer(decision, nowMs)) this.#answer(decision, members, nowMs);
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
  #mayAnswer(decision: Verdict, nowMs: number): boolean {
    this.#stats.rejected++;
    this.#strikes.strike(nowMs);
    this.#latest = decision;
    const isOut = this.#strikes.count >= this.#limits.maxStrikes;
    if (!isOut && !this.#reading.isHeld(REJECTED)) {
      const pauseMs = this.#strikes.pauseMs(waitMs(decision));
      if (pauseMs > 0) this.#pause(pauseMs);
    }
    if (!isOut && this.#takeAnswers(1, nowMs)) return true;
    this.#drop();
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
    if (!this.#limits.notifyRejections) return;
    this.#untold.add();
    this.#telling ??= this.#after(TELL_EVERY_MS, () => this.#tell(this.#clock()));
  }

  #tell(nowMs: number): void {
    clearTimeout(this.#telling);
    this.#telling = undefined;
    this.#owner.send(rejectedText(this.#untold.take(nowMs)));
  }

  #pause(pauseMs: number): void {
    this.#stats.pauses++;
    this.#reading.hold(REJECTED);
    const resume = () => {
      this.#strikes.resumed(this.#clock());
      this.#reading.release(REJECTED);
    };
    this.#timer = this.#after(pauseMs, () => {
      // What the socket delivered after `pause` may have taken longer than the pause. Then that was none, and it is made up for
      // as long as the latest of those rejections said to wait.
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

  /** One place in the budget is taken already. A batch needs one for each error; if it cannot have them it gets one for all. */
  #answer(decision: Verdict, message: unknown, nowMs: number): void {
    const error = decision === undefined ? UNAVAILABLE : this.#guard.toRpcError(decision);
    let text: string | undefined;
    if (Array.isArray(message) && message.length > 0) {
      const ids = message.map(idOf).filter((id) => id !== undefined);
      if (ids.length === 1 || (ids.length > 1 && this.#takeAnswers(ids.length - 1, nowMs))) {
        text = `[${ids.map((id) => errorText(id, error)).join(',')}]`;
      } else if (ids.length > 1) {
        text = errorText(null, error);
      }
    } else {
      const id = idOf(message);
      if (id !== undefined) text = errorText(id, error);
    }
    if (text === undefined) {
      this.#stats.rejectionsDropped++;
    } else {
      this.#stats.rejectionsAnswered++;
      this.#owner.send(text);
    }
  }
}

function waitMs(decision: Verdict): number {
  return decision === undefined ? UNAVAILABLE_FOR_MS : retryAfterMs(decision);
}

/** A frame that is no JSON is answered as one without an id. */
function parsed(data: FrameData): unknown {
  try {
    return JSON.parse(frameText(data));
  } catch {
    return null;
  }
}

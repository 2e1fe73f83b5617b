// What becomes of a rejected event: an answer as long as there are any left, then nothing, and at last the end of the connection.

import { AnswerBudget, type Bounds, Strikes, within } from '../../flow/index.js';
import type { Refusal } from '../../index.js';
import type { SocketLike } from './socket.js';

/** Bounds on what a socket is answered that keeps on after it was rejected. */
export interface SocketLimits {
  /** Rejections answered on one socket a second, in the long run; the others are dropped. 0 … 1 000. Default 10. */
  readonly maxRejectionsPerSec?: number | undefined;
  /**
   * Rejections that may be answered at once on a socket that has been quiet. 0 … 1 000. Default: the limiter's `burstSize`, but
   * at least 100 and at most 1 000.
   */
  readonly maxRejectionBurst?: number | undefined;
  /** Rejected events after which a socket that never paused is disconnected. Default `Infinity`: never. */
  readonly maxStrikes?: number | undefined;
}

const bounds: Bounds<keyof SocketLimits> = {
  maxRejectionsPerSec: [10, 0, 1000],
  maxRejectionBurst: [Number.NaN, 0, 1000], // depends on the limiter
  maxStrikes: [Number.POSITIVE_INFINITY, 1, 2 ** 31],
};

/** The names of these options. */
export const limitNames: readonly string[] = Object.keys(bounds);

/** The limits in force. */
export type Limits = Required<{ readonly [K in keyof SocketLimits]: number }>;

/** @throws ConfigError that names the first option that is out of its bounds. */
export function limitsOf(options: SocketLimits, burstSize: number): Limits {
  const limits = within(bounds, options);
  return { ...limits, maxRejectionBurst: options.maxRejectionBurst ?? Math.min(Math.max(burstSize, 100), 1000) };
}

type Turned = Pick<Refusal<unknown>, 'answered' | 'dropped' | 'closed' | 'toRpcError'>;

/** What a socket is told of its rejected events, so that a flood is not answered with a flood. */
export class Replies {
  readonly #limits: Limits;
  readonly #clock: () => number;
  readonly #strikes = new Strikes();
  /** Made with the first rejection, since most sockets never need it. */
  #budget: AnswerBudget | undefined;

  constructor(limits: Limits, clock: () => number) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** An event was let in. */
  admitted(): void {
    if (this.#strikes.count > 0) this.#strikes.admitted(this.#clock());
  }

  /** Answers, drops or ends it. */
  refuse(refusal: Turned, ack: unknown, socket: SocketLike): void {
    const nowMs = this.#clock();
    const { maxRejectionsPerSec, maxRejectionBurst, maxStrikes } = this.#limits;
    this.#strikes.strike(nowMs);
    if (this.#strikes.count >= maxStrikes) {
      socket.disconnect(true);
      refusal.closed();
      return;
    }
    this.#budget ??= new AnswerBudget(maxRejectionsPerSec, maxRejectionBurst, nowMs);
    if (typeof ack !== 'function' || !this.#budget.take(1, nowMs)) {
      refusal.dropped();
      return;
    }
    ack({ error: refusal.toRpcError() });
    refusal.answered();
  }
}

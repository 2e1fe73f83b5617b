// The events that were let in and have not been acknowledged yet. Their acknowledgement is the outcome.

import type { Passage } from '../../index.js';
import type { SocketLike } from './socket.js';

export type Ack = (...answer: unknown[]) => void;

/** The events of one socket that wait for their acknowledgement. */
export class Pending {
  readonly #socket: SocketLike;
  #left: AbortController | undefined;

  constructor(socket: SocketLike) {
    this.#socket = socket;
  }

  /** The acknowledgement, which now tells how the event ended. */
  watch(passage: Pick<Passage<unknown>, 'settle' | 'limitTime' | 'cancelOn'>, ack: Ack): Ack {
    passage.limitTime();
    passage.cancelOn(this.#signal());
    return (...answer) => {
      const error = answer.map(errorOf).find((one) => one !== undefined);
      passage.settle(error === undefined ? { how: 'done' } : { how: 'error', error });
      ack(...answer);
    };
  }

  #signal(): AbortSignal {
    if (this.#left === undefined) {
      const left = new AbortController();
      this.#left = left;
      this.#socket.once('disconnect', () => left.abort());
    }
    return this.#left.signal;
  }
}

/** The `error` member of an answer, where it has one. */
function errorOf(answer: unknown): unknown {
  return typeof answer === 'object' && answer !== null
    ? ((answer as { error?: unknown }).error ?? undefined)
    : undefined;
}

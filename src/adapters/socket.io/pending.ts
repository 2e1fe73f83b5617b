// The events that were let in and have not been acknowledged yet. Their acknowledgement is the outcome.

import type { Passage } from '../../index.js';
import type { SocketLike } from './socket.js';

/** An acknowledgement. One that is watched knows its event. */
export type Ack = ((...answer: unknown[]) => void) & { [EVENT]?: Pick<Passage<unknown>, 'abandon'> };

const EVENT = Symbol('event');

/** Another guard behind the one that let the event in has rejected it. So it has no outcome. */
export function forget(ack: unknown): void {
  (ack as Ack | undefined)?.[EVENT]?.abandon();
}

/** The events of one socket that wait for their acknowledgement. */
export class Pending {
  readonly #socket: SocketLike;
  #left: AbortController | undefined;

  constructor(socket: SocketLike) {
    this.#socket = socket;
  }

  /** The acknowledgement, which now tells how the event ended. */
  watch(passage: Pick<Passage<unknown>, 'settle' | 'limitTime' | 'cancelOn' | 'abandon'>, ack: Ack): Ack {
    passage.limitTime();
    passage.cancelOn(this.#signal());
    const watched: Ack = (...answer) => {
      const error = answer.map(errorOf).find((one) => one !== undefined);
      passage.settle(error === undefined ? { how: 'done' } : { how: 'error', error });
      ack(...answer);
    };
    watched[EVENT] = passage;
    return watched;
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

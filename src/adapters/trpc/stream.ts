// A subscription, or another answer that comes in pieces, on its way to the client. Nothing is changed on it; what passes is
// told: the first message, a failure, the end.
//
//   generator ──► watched ──► SSE or WebSocket
//                    └──────► passage: progress, then one end

import type { End, Passage } from '../../index.js';

/** What is known of tRPC's observables, which are subscribed to once. */
interface Observable {
  subscribe(observer: Observer): { unsubscribe(): void };
}

interface Observer {
  next(message: unknown): void;
  error(error: unknown): void;
  complete(): void;
}

/** What is told of a call that was let in. */
export type Told = Pick<Passage<unknown>, 'progress' | 'settle' | 'cancel' | 'abandon'>;

/** Judges an error of the stream. */
type EndOf = (error: unknown) => End | undefined;

/** The same stream, watched; or undefined where the answer is no stream. */
export function watched(data: unknown, type: string, passage: Told, endOf: EndOf): object | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  if (Symbol.asyncIterator in data) return new WatchedMessages(data as AsyncIterable<unknown>, passage, endOf);
  // A query may answer with any object.
  if (type === 'subscription' && 'subscribe' in data) return watchedObservable(data as Observable, passage, endOf);
  return undefined;
}

class WatchedMessages implements AsyncGenerator<unknown, unknown, unknown> {
  readonly #source: AsyncIterable<unknown, unknown, unknown>;
  readonly #passage: Told;
  readonly #endOf: EndOf;
  /** Taken when the first message is asked for, since that may begin the work. */
  #iterator: AsyncIterator<unknown, unknown, unknown> | undefined;

  constructor(source: AsyncIterable<unknown, unknown, unknown>, passage: Told, endOf: EndOf) {
    this.#source = source;
    this.#passage = passage;
    this.#endOf = endOf;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(...sent: [] | [unknown]): Promise<IteratorResult<unknown, unknown>> {
    return this.#seen((iterator) => iterator.next(...sent));
  }

  /** Whoever reads it stops before its end. */
  return(value: unknown): Promise<IteratorResult<unknown, unknown>> {
    this.#passage.cancel();
    return this.#seen(async (iterator) => (await iterator.return?.(value)) ?? { done: true, value });
  }

  throw(error: unknown): Promise<IteratorResult<unknown, unknown>> {
    return this.#seen((iterator) => (iterator.throw === undefined ? Promise.reject(error) : iterator.throw(error)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return(undefined);
  }

  async #seen(
    step: (iterator: AsyncIterator<unknown, unknown, unknown>) => Promise<IteratorResult<unknown, unknown>>,
  ): Promise<IteratorResult<unknown, unknown>> {
    try {
      this.#iterator ??= this.#source[Symbol.asyncIterator]();
      const result = await step(this.#iterator);
      if (result.done) this.#passage.settle({ how: 'done' });
      else this.#passage.progress();
      return result;
    } catch (error) {
      conclude(this.#passage, this.#endOf(error));
      throw error;
    }
  }
}

function watchedObservable(source: Observable, passage: Told, endOf: EndOf): Observable {
  return {
    ...source,
    subscribe(observer) {
      const subscription = source.subscribe({
        next(message) {
          passage.progress();
          observer.next(message);
        },
        error(error) {
          conclude(passage, endOf(error));
          observer.error(error);
        },
        complete() {
          passage.settle({ how: 'done' });
          observer.complete();
        },
      });
      return {
        unsubscribe() {
          passage.cancel();
          subscription.unsubscribe();
        },
      };
    },
  };
}

/** Without an end there is nothing to tell the breaker. */
export function conclude(passage: Told, end: End | undefined): void {
  if (end === undefined) passage.abandon();
  else passage.settle(end);
}

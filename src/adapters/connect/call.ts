// A call of Connect that was let in, from the node handler to its end.
//
//   handler ──► contextValues ──► (Connect reads and decodes) ──► interceptor ──► the method
//      │          it is a call         fails: the peer's fault        judges what the method does
//      └─ 'close' of the response: whatever has no end by then

import { ConnectError, type Interceptor } from '@connectrpc/connect';
import type { End, Passage, Refusal } from '../../index.js';
import { codeOf, codes, isLate, RETRY_INFO, retryInfo } from '../grpc/status.js';
import { turnedAway } from '../turned-away.js';
import { pushback } from './answer.js';

type Next = ReturnType<Interceptor>;
type Request = Parameters<Next>[0];
type Response = Awaited<ReturnType<Next>>;
type Messages = AsyncIterable<never>;

const DONE: End = { how: 'done', status: 0 };
const CANCELLED: End = { how: 'cancelled' };
const TIMED_OUT: End = { how: 'timeout', status: codes.DEADLINE_EXCEEDED };

/** Lets a call through, and tells its passage how it ends. */
export class Call {
  /** A method was found for it. What it answers without that is plain HTTP. */
  isCall = false;
  readonly #passage: Passage<never>;
  readonly #deadlineMs: number;
  #hasBegun = false;
  /** The client's messages cannot be read on. */
  #isGarbled = false;
  #turnedAway: ConnectError | undefined;

  /** @param deadlineMs When the client stops waiting, in the time of `Date.now()`. */
  constructor(passage: Passage<never>, deadlineMs: number) {
    this.#passage = passage;
    this.#deadlineMs = deadlineMs;
  }

  async run(next: Next, request: Request): Promise<Response> {
    this.#hasBegun = true;
    const { signal } = request;
    // How long a stream takes is up to both of its ends.
    if (!request.stream) this.#passage.limitTime();
    try {
      const response = await next(
        request.stream ? { ...request, message: this.#requests(request.message as Messages, request) } : request,
      );
      if (response.stream) return { ...response, message: this.#answers(response.message as Messages, signal) };
      this.#settle(DONE, signal);
      return response;
    } catch (error) {
      if (turnedAway.has(error as object)) this.#passage.abandon();
      else this.#settle(this.#endOf(error), signal);
      throw error;
    }
  }

  /** The response is closed. A call that has no end by then never came to its method, or its client has gone. */
  close(isFinished: boolean, status: number): void {
    if (!isFinished) this.#passage.settle(isLate(this.#deadlineMs) ? TIMED_OUT : CANCELLED);
    else if (this.isCall && !this.#hasBegun) this.#passage.settle({ how: 'error', status });
    else this.#passage.settle({ how: status >= 500 ? 'error' : 'done', status });
  }

  /** Where the client sends a stream, each message but the first costs a token. */
  async *#requests(messages: Messages, { method, signal }: Request): AsyncGenerator<never> {
    const isPaid = method.methodKind === 'server_streaming';
    let isFirst = true;
    try {
      for await (const message of messages) {
        if (!isFirst && !isPaid && !this.#passage.isOver) this.#charge();
        isFirst = false;
        yield message;
      }
    } catch (error) {
      this.#isGarbled = !signal.aborted && this.#turnedAway === undefined;
      throw error;
    }
  }

  #charge(): void {
    const refusal = this.#passage.charge();
    if (refusal === undefined) return;
    refusal.closed();
    this.#turnedAway = errorOf(refusal);
    turnedAway.add(this.#turnedAway);
    throw this.#turnedAway;
  }

  async *#answers(messages: Messages, signal: AbortSignal): AsyncGenerator<never> {
    let end: End | undefined = CANCELLED;
    try {
      for await (const message of messages) {
        // A method may have swallowed the error.
        if (this.#turnedAway !== undefined) throw this.#turnedAway;
        this.#passage.progress(DONE);
        yield message;
      }
      end = DONE;
    } catch (error) {
      end = turnedAway.has(error as object) ? undefined : this.#endOf(error);
      throw error;
    } finally {
      if (end === undefined) this.#passage.abandon();
      else this.#settle(end, signal);
    }
    if (this.#turnedAway !== undefined) throw this.#turnedAway;
  }

  #endOf(error: unknown): End {
    if (this.#isGarbled || !(error instanceof ConnectError)) return { how: 'error', error };
    return { how: 'done', status: error.code, error };
  }

  #settle(end: End, { aborted, reason }: AbortSignal): void {
    if (!aborted) this.#passage.settle(end);
    else {
      const isTimeout = (reason as { code?: unknown } | undefined)?.code === codes.DEADLINE_EXCEEDED;
      this.#passage.settle(isTimeout || isLate(this.#deadlineMs) ? TIMED_OUT : CANCELLED);
    }
  }
}

/** What a stream ends with that has run out of tokens. */
function errorOf(refusal: Refusal<never>): ConnectError {
  const { reason, retryAfterMs } = refusal;
  const error = new ConnectError(refusal.toRpcError().message, codeOf(reason), pushback(refusal));
  if (retryAfterMs !== null) error.details.push({ type: RETRY_INFO, value: Uint8Array.from(retryInfo(retryAfterMs)) });
  return error;
}

// What a protocol has to say about the frames of a connection, and what the connection does for it. A connection knows frames
// as bytes and a size; only the protocol knows what is in them.

import type { Decision, Outcome, Peer, RpcGuard, RpcPeer } from '../index.js';
import type { Paid } from './batch.js';
import type { FrameData, Message } from './socket.js';
import type { FlowStats } from './stats.js';
import type { Work } from './work.js';

/** What a frame is rejected by: a decision, or a limiter that is closed and decides nothing. */
export type Verdict = Decision | undefined;

/** Takes further answers from the budget of rejections, all or none. One has been taken already. */
export type TakeAnswers = (count: number) => boolean;

/** What a rejected client is told; nothing where `undefined`. */
export type AnswerRejection = (takeAnswers: TakeAnswers) => Message | undefined;

/** Makes what works on the frames of one connection. */
export type Protocol = (link: Link) => Session;

/** A protocol's side of one connection. Only `begin` is required. */
export interface Session {
  /**
   * Works on a frame that was let in under `permit`. Each permit is settled once: by `link.run`, `link.fail`
   * or `link.settle`.
   */
  begin(frame: FrameData, permit: Decision): void;
  /** What a rejected frame is answered with. `frame` is undefined where it is larger than `maxFrameBytes`. */
  reject?(verdict: Verdict, frame: FrameData | undefined, takeAnswers: TakeAnswers): Message | undefined;
  /** Tells a client how many of its frames were rejected without an answer. */
  dropped?(count: number): Message | undefined;
  /** What a frame is answered with that was let in and is larger than `maxFrameBytes`. */
  tooLarge?(): Message | undefined;
  /** Whether the frame that was begun has parts that wait for a turn. They come before any other frame. */
  readonly hasMore?: boolean;
  /** Begins the next part. */
  next?(): void;
  /** Begins no further part, and gives back the permit of those that wait. */
  abandon?(): void;
}

/** Works on a frame. The signal of `work` aborts when nobody waits for the answer any more. */
export type Handler = (work: { readonly signal: AbortSignal }) => Answer | PromiseLike<Answer>;

type Answer = Message | undefined;

/** A connection, as its protocol sees it. */
export interface Link {
  readonly guard: RpcGuard;
  readonly peer: Peer;
  readonly isOpen: boolean;
  /** The connection's counters. A protocol adds to `invalid` and `responses`. */
  readonly counters: FlowStats;
  /** The largest frame that is looked at, in bytes. */
  readonly maxFrameBytes: number;
  /** Sends a message, if the connection is still open. */
  send(message: Message): void;
  /**
   * Lets a frame pay for its members: all or none. Where it cannot, it counts as rejected, `answer` says what the client is told,
   * and `undefined` comes back. In a half-open circuit the members are one probe together.
   */
  pay(
    permit: Decision,
    members: number,
    answer: (verdict: Verdict, takeAnswers: TakeAnswers) => Message | undefined,
  ): Paid | undefined;
  /** Tells the breaker what came of a permit, and how many ms it took where `slowCallMs` is on; whether it counted. */
  settle(permit: Decision, outcome: Outcome, peer?: RpcPeer, durationMs?: number): boolean;
  /** Nothing can be made of the frame, or of a part of it. That is the peer's failure. */
  fail(permit: Decision, answer?: Message, peer?: RpcPeer): void;
  /**
   * Runs a handler for a frame and answers it with what the handler returns, or with what `failed` makes of the error. It is
   * in flight until its answer is out.
   */
  serve(permit: Decision, handler: Handler, failed?: (error: unknown) => Message | undefined): void;
  /** The same for work that needs more: a judgement of its own, no answer, an answer that waits for others. */
  run(work: Work<unknown>): void;
  /** The answers of so much work that was held are out. */
  done(count: number): void;
}

// From a frame to its answer: parse, pay for a batch, let guard and server work on each member, write the errors.

import { Batch, type FrameData, frameText, type Session, type TakeAnswers, type Verdict } from '../../flow/index.js';
import type { Decision } from '../../index.js';
import { Call, type Context } from './call.js';
import {
  batchText,
  errorText,
  INVALID_REQUEST,
  idOf,
  isRequest,
  PARSE_ERROR,
  rejectedText,
  UNAVAILABLE,
} from './message.js';

/** Not JSON. */
const UNPARSED = Symbol();

export class JsonRpcSession<ServerParams> implements Session {
  readonly #context: Context<ServerParams>;
  #batch: Batch | undefined;

  constructor(context: Context<ServerParams>) {
    this.#context = context;
  }

  /** Whether a batch has members that wait to be begun. */
  get hasMore(): boolean {
    return this.#batch?.hasMore ?? false;
  }

  begin(frame: FrameData, permit: Decision): void {
    const { link } = this.#context;
    const message = parsed(frame);
    if (message === UNPARSED) link.fail(permit, errorText(null, PARSE_ERROR));
    else if (Array.isArray(message)) this.#open(message, permit);
    else if (isRequest(message)) link.run(new Call(this.#context, message, permit));
    else link.fail(permit, errorText(idOf(message) ?? null, INVALID_REQUEST));
  }

  /** Begins the next member of the batch. */
  next(): void {
    const batch = this.#batch;
    if (!batch?.hasMore) return;
    const { link } = this.#context;
    batch.begin((member, place) => {
      if (isRequest(member)) {
        link.run(new Call(this.#context, member, batch.permit, batch, place));
        return undefined;
      }
      link.fail(batch.permit, undefined, batch.peer);
      return errorText(idOf(member) ?? null, INVALID_REQUEST);
    });
    if (!batch.hasMore && this.#batch === batch) this.#batch = undefined;
  }

  abandon(): void {
    this.#batch?.abandon();
    this.#batch = undefined;
  }

  tooLarge(): string {
    return errorText(null, { ...INVALID_REQUEST, data: { maxFrameBytes: this.#context.link.maxFrameBytes } });
  }

  /** A frame that is too large, or not JSON, is answered as one without an id. */
  reject(verdict: Verdict, frame: FrameData | undefined, takeAnswers: TakeAnswers): string | undefined {
    const message = frame === undefined ? null : parsed(frame);
    return this.#rejection(verdict, message, takeAnswers);
  }

  dropped(count: number): string {
    return rejectedText(count);
  }

  /** Lets the batch pay. Where it can, its members are begun. */
  #open(members: readonly unknown[], permit: Decision): void {
    const { link, settings } = this.#context;
    const { maxBatch, maxBatchAnswerBytes } = settings;
    const count = members.length;
    if (count === 0 || count > maxBatch) {
      link.fail(permit, errorText(null, count === 0 ? INVALID_REQUEST : { ...INVALID_REQUEST, data: { maxBatch } }));
      return;
    }
    const paid = link.pay(permit, count, (verdict, takeAnswers) => this.#rejection(verdict, members, takeAnswers));
    if (paid === undefined) return;
    this.#batch = new Batch(link, members, paid, maxBatchAnswerBytes, batchText);
    this.next();
  }

  /** One answer is taken already. A batch takes one for each error; if it cannot have them it gets one error for all. */
  #rejection(verdict: Verdict, message: unknown, takeAnswers: TakeAnswers): string | undefined {
    const { guard } = this.#context.link;
    const error = verdict === undefined ? UNAVAILABLE : guard.toRpcError(verdict);
    if (!Array.isArray(message) || message.length === 0) {
      const id = idOf(message);
      return id === undefined ? undefined : errorText(id, error);
    }
    const ids = message.map(idOf).filter((id) => id !== undefined);
    if (ids.length === 0) return undefined;
    if (ids.length > 1 && !takeAnswers(ids.length - 1)) return errorText(null, error);
    return `[${ids.map((id) => errorText(id, error)).join(',')}]`;
  }
}

function parsed(frame: FrameData): unknown {
  try {
    return JSON.parse(frameText(frame));
  } catch {
    return UNPARSED;
  }
}

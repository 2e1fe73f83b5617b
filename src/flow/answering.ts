// Work of the simplest kind: a frame that is answered with what its handler returns.

import type { Decision } from '../index.js';
import type { Handler } from './session.js';
import type { Message } from './socket.js';
import { Work } from './work.js';

export class Answering extends Work<Message | undefined> {
  readonly #handler: Handler;
  readonly #failed: ((error: unknown) => Message | undefined) | undefined;

  constructor(permit: Decision, handler: Handler, failed?: (error: unknown) => Message | undefined) {
    super(permit, true);
    this.#handler = handler;
    this.#failed = failed;
  }

  protected run(): Message | undefined | PromiseLike<Message | undefined> {
    return this.#handler(this);
  }

  protected ended(answer: Message | undefined): Message | undefined {
    return answer;
  }

  protected failed(error: unknown): Message | undefined {
    return this.#failed?.(error);
  }
}

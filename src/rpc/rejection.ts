// What the guard throws of its own: a request that was not let through, one that took too long, a wrong argument.

import { shown } from '../errors.js';
import type { RpcErrorObject } from './codes.js';

/**
 * The request was rejected before its handler was called. `code`, `message` and `data` are what a JSON-RPC `error` member
 * takes. Building one costs microseconds, most of them for its stack: where rejections are frequent, use
 * `guard.admit` and answer by value.
 */
export class RpcRejection extends Error {
  override readonly name = 'RpcRejection';
  readonly code: number;
  readonly data: RpcErrorObject['data'];

  constructor(error: RpcErrorObject) {
    super(error.message);
    this.code = error.code;
    this.data = error.data;
  }

  /** The `error` member, without the stack. */
  toJSON(): RpcErrorObject {
    return { code: this.code, message: this.message, data: this.data };
  }
}

/** The handler had not answered after `timeoutMs`. It is also the reason its signal was aborted with. */
export class RpcTimeout extends Error {
  override readonly name = 'RpcTimeout';
  readonly code = 'ERR_PEERGATE_RPC_TIMEOUT';
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super(`the handler did not answer within ${timeoutMs} ms`);
    this.timeoutMs = timeoutMs;
  }
}

/** An argument of the wrong kind. */
export class RpcArgumentError extends TypeError {
  override readonly name = 'TypeError';
  readonly code = 'ERR_PEERGATE_RPC_ARGUMENT';

  constructor(argument: string, expected: string, came: unknown) {
    super(`${argument}: expected ${expected}, got ${shown(came)}`);
  }
}

// A request that is turned away: why, for how long, what the client is told, and what the adapter did with it.

import { type Decision, reasonOf, retryAfterMs } from '../decision.js';
import { ClosedError } from '../errors.js';
import type { RejectionCounts } from '../observed.js';
import type { PeerId } from '../slots.js';
import type { RejectionReason, RpcErrorObject } from './codes.js';
import type { RpcGuard } from './guard.js';
import type { Told } from './told.js';
import { type RpcPeer, tokensOf } from './who.js';

/** `unavailable`: the limiter is closed. `internal`: the function `peer` or `cost` threw, or returned something unusable. */
export type RefusalReason = RejectionReason | 'unavailable' | 'internal';

/** What a JSON-RPC response takes as its `error` member, for whatever reason a request was turned away. */
export interface RefusalError {
  readonly code: number;
  readonly message: string;
  readonly data: { readonly reason: RefusalReason; readonly retryAfterMs: number | null };
}

/** What all requests of a gate that are turned away have in common. */
export interface Refusing<R> {
  readonly guard: RpcGuard;
  readonly counts: RejectionCounts;
  /** Undefined where nobody asked to be told. */
  readonly told: Told<[Decision, R]> | undefined;
}

/** JSON-RPC 2.0: an error of the server. */
const INTERNAL_ERROR = -32603;

/** A request that was turned away. Answer it, drop it or close its connection, and call the method of that name, once. */
export class Refusal<R> {
  /** Tells it from a `Passage`. */
  readonly allowed = false;
  readonly reason: RefusalReason;
  /** The limiter's decision. Undefined where the reason is `unavailable` or `internal`: then nothing was decided. */
  readonly decision: Decision | undefined;
  /** What was thrown, where nothing was decided. */
  readonly error: unknown;
  readonly #gate: Refusing<R>;
  readonly #request: R;
  readonly #peer: PeerId | RpcPeer | undefined;
  readonly #cost: number;

  /** @internal */
  constructor(
    gate: Refusing<R>,
    request: R,
    peer: PeerId | RpcPeer | undefined,
    decision: Decision | undefined,
    cost: number,
    error?: unknown,
  ) {
    this.#gate = gate;
    this.#request = request;
    this.#peer = peer;
    this.#cost = cost;
    this.decision = decision;
    if (decision !== undefined) this.reason = reasonOf(decision) as RejectionReason;
    else this.reason = error instanceof ClosedError ? 'unavailable' : 'internal';
    this.error = error;
  }

  /** Whole tokens that the peer has left. Undefined where nobody can tell. */
  get availableTokens(): number | undefined {
    if (this.#peer === undefined) return undefined;
    const tokens = tokensOf(this.#gate.guard.limiter, this.#peer);
    if (tokens === undefined || this.reason !== 'rate_limited' || this.retryAfterMs === null) return tokens;
    // A peer without a row looks like a new one, with a full bucket. It was refused because a shared bucket lacks the tokens.
    return Math.min(tokens, this.#cost - 1);
  }

  /** Whole milliseconds until it is worth another try; `null` where waiting cannot help, or nobody can tell. */
  get retryAfterMs(): number | null {
    if (this.decision === undefined) return null;
    const waitMs = retryAfterMs(this.decision);
    return Number.isFinite(waitMs) ? waitMs : null;
  }

  /** The error of a JSON-RPC response, with the guard's codes; `-32603` where nothing was decided. */
  toRpcError(): RpcErrorObject | RefusalError {
    if (this.decision !== undefined) return this.#gate.guard.toRpcError(this.decision);
    const message = this.reason === 'unavailable' ? 'Service unavailable' : 'Internal error';
    return { code: INTERNAL_ERROR, message, data: { reason: this.reason, retryAfterMs: null } };
  }

  /** The client got an error. */
  answered(): void {
    this.#count('answered');
  }

  /** The client got no answer. */
  dropped(): void {
    this.#count('dropped');
  }

  /** The connection or the stream was closed for it. */
  closed(): void {
    this.#count('closed');
  }

  /** Only what the limiter decided is a rejection. */
  #count(how: keyof RejectionCounts): void {
    const { counts, told } = this.#gate;
    if (this.decision === undefined) return;
    counts[how]++;
    told?.tell(this.decision, this.#request);
  }
}

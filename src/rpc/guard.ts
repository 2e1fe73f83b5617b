// The guard of an RPC server: who may call, what came of the call, and which error a rejected caller gets.
//
//   request → admit ──rejected──→ toRpcError → the caller
//               │ permit
//               ↓
//           fn(signal) ──→ outcome → the peer's breaker, under that permit

import { type Decision, isAllowed } from '../decision.js';
import { ConfigError } from '../errors.js';
import type { RateLimiter } from '../limiter.js';
import { requireKnownFields } from '../options.js';
import { copyOf, type PeerId } from '../slots.js';
import { errorCodesOf, errorObjectOf, type RpcErrorCodes, type RpcErrorObject, requireDecision } from './codes.js';
import { type Classify, checkedOutcome, type Outcome, outcomeOf, type Settled } from './outcome.js';
import { RpcArgumentError, RpcRejection } from './rejection.js';
import { type Handler, LONGEST_TIMEOUT_MS, watch } from './watch.js';

const DEFAULT_TIMEOUT_MS = 30_000;

/** What the guard uses of a `Peer`. Whatever has these four can stand in for one. */
export interface RpcPeer {
  check(cost?: number, now?: number): Decision;
  recordSuccess(permit?: Decision): boolean;
  recordFailure(permit?: Decision): boolean;
  recordIgnored(permit?: Decision): boolean;
}

export interface RpcGuardOptions {
  /** How long a handler may take: 0 < x ≤ 2³¹ − 1, or `Infinity` for no limit. Default 30 000. */
  readonly timeoutMs?: number | undefined;
  /** Other error codes than the default -32001 and -32002; `eip1474` has Ethereum's. */
  readonly errorCodes?: RpcErrorCodes | undefined;
}

export interface RunOptions<T = unknown> {
  /** Tokens the request costs; integer ≥ 1. Default 1. Not looked at where a `decision` is given. */
  readonly cost?: number | undefined;
  /** What an earlier `admit` decided for this request; without it `run` admits. */
  readonly decision?: Decision | undefined;
  /** Instead of the guard's own. */
  readonly timeoutMs?: number | undefined;
  /** The caller's: when it aborts, `fn`'s signal does, the outcome is ignored and its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Judges how the call ended, in the guard's place. It is not asked about a call its caller aborted. */
  readonly classify?: Classify<T> | undefined;
}

const NONE: RunOptions = Object.freeze({});
const RUN_FIELDS = ['cost', 'decision', 'timeoutMs', 'signal', 'classify'];

/**
 * Puts a limiter before handlers and feeds what came of them back to it.
 *
 * @throws ConfigError for a bad `timeoutMs` or error code.
 *
 * @example
 * const guard = new RpcGuard(limiter, { timeoutMs: 5_000 });
 * const result = await guard.run('peer-a', (signal) => handler(request, signal));
 */
export class RpcGuard {
  /** The limiter that decides. */
  readonly limiter: RateLimiter;
  /** How long a handler may take where `run` is not told otherwise. */
  readonly timeoutMs: number;
  /** The codes in force, frozen. */
  readonly errorCodes: Required<RpcErrorCodes>;

  constructor(limiter: RateLimiter, options: RpcGuardOptions = {}) {
    if (typeof limiter?.check !== 'function') throw new RpcArgumentError('limiter', 'a RateLimiter', limiter);
    requireKnownFields(options, ['timeoutMs', 'errorCodes']);
    const { timeoutMs = DEFAULT_TIMEOUT_MS, errorCodes } = options;
    if (!isTimeout(timeoutMs)) throw new ConfigError('timeoutMs', TIMEOUT_EXPECTED, timeoutMs);
    this.limiter = limiter;
    this.timeoutMs = timeoutMs;
    this.errorCodes = errorCodesOf(errorCodes);
  }

  /**
   * Decides on a request of `cost` tokens (default 1), at `now` (default: the limiter's clock). An allowed decision is the
   * permit to give to `run`.
   *
   * @throws what `RateLimiter.check` throws for a bad peer, cost or time.
   */
  admit(peer: PeerId | RpcPeer, cost?: number, now?: number): Decision {
    return isHandle(peer) ? peer.check(cost, now) : this.limiter.check(peer, cost, now);
  }

  /**
   * What a JSON-RPC response takes as its `error` member for a rejected decision.
   *
   * @throws RangeError (`ERR_PEERGATE_DECISION`) for a decision that was not rejected.
   */
  toRpcError(decision: number): RpcErrorObject {
    return errorObjectOf(decision, this.errorCodes);
  }

  /**
   * Admits the request (or takes the given decision), calls `fn`, tells the breaker what came of it and returns what `fn`
   * returned. All errors, those of bad arguments included, come as a rejected promise.
   *
   * @throws RpcRejection where the request was not let through; `fn` was not called.
   * @throws RpcTimeout where `fn` took longer than `timeoutMs`; a late answer changes nothing.
   * @throws the signal's reason where the caller's `signal` aborted; one that had aborted before costs nothing.
   * @throws what `fn` threw.
   * @throws what `classify` threw, which counts as a failure.
   */
  async run<T>(peer: PeerId | RpcPeer, fn: Handler<T>, options: RunOptions<T> = NONE): Promise<T> {
    if (options !== NONE) requireKnownFields(options, RUN_FIELDS);
    const { cost, decision, timeoutMs = this.timeoutMs, signal, classify = outcomeOf } = options;
    if (typeof fn !== 'function') throw new RpcArgumentError('fn', 'a function', fn);
    if (typeof classify !== 'function') throw new RpcArgumentError('classify', 'a function', classify);
    if (!isTimeout(timeoutMs)) throw new ConfigError('timeoutMs', TIMEOUT_EXPECTED, timeoutMs);
    if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
      throw new RpcArgumentError('signal', 'an AbortSignal', signal);
    }
    if (decision !== undefined) requireDecision(decision);

    // An ID in bytes is copied: the caller may reuse its buffer before the call ends.
    const who = isHandle(peer) ? peer : copyOf(peer);
    // With a decision given, a bad ID would first be noticed when the call has ended; a look notices it now.
    if (decision !== undefined && !isHandle(who)) this.limiter.getCircuitState(who, 0);
    if (signal?.aborted) {
      if (decision !== undefined && isAllowed(decision)) this.#record(who, 'ignored', decision);
      throw signal.reason;
    }
    const permit = decision ?? this.admit(who, cost);
    if (!isAllowed(permit)) throw new RpcRejection(this.toRpcError(permit));

    return new Promise<T>((resolve, reject) => {
      watch(fn, timeoutMs, signal, (settled, cancelled) => {
        try {
          this.#settle(who, permit, settled, cancelled, classify);
        } catch (error) {
          reject(error);
          return;
        }
        if ('error' in settled) reject(settled.error);
        else resolve(settled.value);
      });
    });
  }

  #settle<T>(peer: PeerId | RpcPeer, permit: Decision, settled: Settled<T>, cancelled: boolean, classify: Classify<T>) {
    let outcome: Outcome = cancelled ? 'ignored' : 'failure';
    try {
      if (!cancelled) outcome = checkedOutcome(classify(settled));
    } finally {
      this.#record(peer, outcome, permit);
    }
  }

  #record(peer: PeerId | RpcPeer, outcome: Outcome, permit: Decision): void {
    if (isHandle(peer)) {
      if (outcome === 'success') peer.recordSuccess(permit);
      else if (outcome === 'failure') peer.recordFailure(permit);
      else peer.recordIgnored(permit);
    } else if (outcome === 'success') this.limiter.recordSuccess(peer, permit);
    else if (outcome === 'failure') this.limiter.recordFailure(peer, permit);
    else this.limiter.recordIgnored(peer, permit);
  }
}

const TIMEOUT_EXPECTED = `more than 0 and at most ${LONGEST_TIMEOUT_MS}, or Infinity`;

function isTimeout(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && (value <= LONGEST_TIMEOUT_MS || value === Number.POSITIVE_INFINITY);
}

/** Anything that is no handle goes to the limiter as an ID, whose complaint is the clearer one. */
function isHandle(peer: PeerId | RpcPeer): peer is RpcPeer {
  return typeof peer === 'object' && peer !== null && typeof (peer as RpcPeer).check === 'function';
}

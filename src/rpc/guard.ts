// The guard of an RPC server: who may call, what came of the call, and which error a rejected caller gets.
//
//   request → admit ──rejected──→ toRpcError → the caller
//               │ permit
//               ↓
//           fn(call) ──→ outcome → the peer's breaker, under that permit

import { type Decision, isAllowed } from '../decision.js';
import { ArgumentRangeError, ConfigError, shown } from '../errors.js';
import type { RateLimiter } from '../limiter.js';
import type { Around, RejectionCounts } from '../observed.js';
import { requireKnownFields } from '../options.js';
import { copyOf, type PeerId } from '../slots.js';
import { type Handler, Running, type Surroundings } from './call.js';
import { errorCodesOf, errorObjectOf, type RpcErrorCodes, type RpcErrorObject, requireDecision } from './codes.js';
import { Deadlines } from './deadlines.js';
import { type Classify, checkedOutcome, type Outcome, outcomeOf } from './outcome.js';
import { RpcArgumentError, RpcRejection } from './rejection.js';
import { isHandle, type RpcPeer, record } from './who.js';

const DEFAULT_TIMEOUT_MS = 30_000;
/** The longest a timer can wait. Node fires at once for anything above. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export interface RpcGuardOptions {
  /** How long a handler may take: 0 < x ≤ 2³¹ − 1, or `Infinity` for no limit. Default 30 000. */
  readonly timeoutMs?: number | undefined;
  /** Other error codes than the default -32001 and -32002; `eip1474` has Ethereum's. */
  readonly errorCodes?: RpcErrorCodes | undefined;
}

export interface RunOptions<T = unknown> {
  /** Tokens that the request costs; an integer ≥ 1. Default 1. Ignored where a `decision` is given. */
  readonly cost?: number | undefined;
  /** What an earlier `admit` decided for this request. Without it `run` admits. */
  readonly decision?: Decision | undefined;
  /** Overrides the guard's `timeoutMs` for this call, which gets a timer of its own. */
  readonly timeoutMs?: number | undefined;
  /** The caller's signal. When it aborts, the signal of the call does, the outcome is ignored and the reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Judges how the call ended, in place of the guard. It is not asked about a call that its caller aborted. */
  readonly classify?: Classify<T> | undefined;
}

const NOBODY: readonly Around[] = [];
const NONE: RunOptions = Object.freeze({});
const RUN_FIELDS = ['cost', 'decision', 'timeoutMs', 'signal', 'classify'];

/**
 * Puts a limiter before handlers and feeds what came of them back to it.
 *
 * @throws ConfigError for a bad `timeoutMs` or error code.
 *
 * @example
 * const guard = new RpcGuard(limiter, { timeoutMs: 5_000 });
 * const result = await guard.run('peer-a', ({ signal }) => handler(request, signal));
 */
export class RpcGuard {
  /** The limiter that decides. */
  readonly limiter: RateLimiter;
  /** How long a handler may take where `run` is not told otherwise. */
  readonly timeoutMs: number;
  /** The codes in force, frozen. */
  readonly errorCodes: Required<RpcErrorCodes>;
  readonly #surroundings: Surroundings;
  /** What stands in for a limiter may count none. */
  readonly #rejections: RejectionCounts | undefined;

  constructor(limiter: RateLimiter, options: RpcGuardOptions = {}) {
    if (typeof limiter?.check !== 'function') throw new RpcArgumentError('limiter', 'a RateLimiter', limiter);
    requireKnownFields(options, ['timeoutMs', 'errorCodes']);
    const { timeoutMs = DEFAULT_TIMEOUT_MS, errorCodes } = options;
    if (!isTimeout(timeoutMs)) throw new ConfigError('timeoutMs', TIMEOUT_EXPECTED, timeoutMs);
    this.limiter = limiter;
    this.#rejections = limiter.rejectionsBy?.('guard');
    this.timeoutMs = timeoutMs;
    this.errorCodes = errorCodesOf(errorCodes);
    this.#surroundings = { limiter, deadlines: new Deadlines(timeoutMs) };
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
   * Tells the breaker what came of a request that `admit` let through, for layers that have no function to wrap. Settle each
   * request once.
   *
   * @param permit What `admit` returned. Without it the outcome counts towards the current period.
   * @param durationMs How long the request took, in milliseconds; finite and ≥ 0.
   * @returns Whether it counted. A rejected decision and a permit of an earlier period do not.
   * @throws TypeError or RangeError for a bad argument, before anything changes.
   */
  settle(peer: PeerId | RpcPeer, permit: Decision | undefined, outcome: Outcome, durationMs?: number): boolean {
    checkedOutcome(outcome, 'outcome');
    if (durationMs !== undefined) requireDuration(durationMs);
    return record(this.limiter, peer, permit, outcome, durationMs);
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
   * returned. All errors come as a rejected promise, those of bad arguments and of a closed limiter included.
   *
   * A deadline never comes early, and late by up to one turn of the event loop. One timer serves all calls of the guard, so
   * in Node a time-out runs `classify` and the listeners of the signal outside the call's `AsyncLocalStorage` context.
   *
   * @throws RpcRejection where the request was not let through; `fn` was not called.
   * @throws RpcTimeout where `fn` took longer than `timeoutMs`; a late answer changes nothing.
   * @throws the signal's reason where the caller's `signal` aborted; one that had aborted before costs nothing.
   * @throws what `fn` threw.
   * @throws what `classify` threw, which counts as a failure.
   */
  run<T>(peer: PeerId | RpcPeer, fn: Handler<T>, options: RunOptions<T> = NONE): Promise<T> {
    try {
      const arounds = this.limiter.arounds ?? NOBODY;
      if (arounds.length > 0) return this.#observed(arounds, peer, fn, options);
      return this.#run(peer, fn, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** The first observer is the outermost. */
  #observed<T>(arounds: readonly Around[], peer: PeerId | RpcPeer, fn: Handler<T>, options: RunOptions<T>): Promise<T> {
    const id = isHandle(peer) ? (peer as { readonly id?: PeerId }).id : peer;
    const call = { peer: id ?? '', signal: options?.signal };
    let run = (): Promise<T> => {
      try {
        return this.#run(peer, fn, options);
      } catch (error) {
        return Promise.reject(error);
      }
    };
    for (const around of [...arounds].reverse()) {
      const inner = run;
      run = () => around(call, inner);
    }
    return run();
  }

  #run<T>(peer: PeerId | RpcPeer, fn: Handler<T>, options: RunOptions<T>): Promise<T> {
    if (options !== NONE) requireKnownFields(options, RUN_FIELDS);
    const { cost, decision, timeoutMs = this.timeoutMs, signal, classify = outcomeOf } = options;
    if (typeof fn !== 'function') throw new RpcArgumentError('fn', 'a function', fn);
    if (typeof classify !== 'function') throw new RpcArgumentError('classify', 'a function', classify);
    if (!isTimeout(timeoutMs)) throw new ConfigError('timeoutMs', TIMEOUT_EXPECTED, timeoutMs);
    if (signal !== undefined) requireSignal(signal);
    if (decision !== undefined) requireDecision(decision);

    // An ID in bytes is copied: the caller may reuse its buffer before the call ends.
    const who = isHandle(peer) ? peer : copyOf(peer);
    // With a decision given, a bad ID would first be noticed when the call has ended. Looking it up finds it now.
    if (decision !== undefined && !isHandle(who)) this.limiter.getCircuitState(who, 0);
    if (signal?.aborted) {
      if (decision !== undefined && isAllowed(decision)) record(this.limiter, who, decision, 'ignored');
      throw signal.reason;
    }
    const permit = decision ?? this.admit(who, cost);
    if (!isAllowed(permit)) {
      if (this.#rejections !== undefined) this.#rejections.answered++;
      throw new RpcRejection(this.toRpcError(permit));
    }
    return new Running(this.#surroundings, who, permit, timeoutMs, signal, classify).start(fn);
  }
}

function requireSignal(signal: AbortSignal): void {
  const isOne = typeof signal?.addEventListener === 'function' && typeof signal.removeEventListener === 'function';
  if (!isOne) throw new RpcArgumentError('signal', 'an AbortSignal', signal);
}

const TIMEOUT_EXPECTED = `more than 0 and at most ${LONGEST_TIMEOUT_MS}, or Infinity`;

function requireDuration(durationMs: number): void {
  if (Number.isFinite(durationMs) && durationMs >= 0) return;
  throw new ArgumentRangeError(
    'ERR_PEERGATE_DURATION',
    `durationMs: expected finite milliseconds of at least 0, got ${shown(durationMs)}`,
  );
}

function isTimeout(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && (value <= LONGEST_TIMEOUT_MS || value === Number.POSITIVE_INFINITY);
}

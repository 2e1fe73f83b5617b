// What every adapter is written with. It knows no framework: an adapter hands requests in, does with them what the gate says,
// and tells how they ended.
//
//   request ─► enter ─┬─► undefined   not limited
//                     ├─► Refusal     turned away: answer, drop or close it, and say which
//                     └─► Passage     let in: progress() for a stream, settle(end) in any case

import { type Decision, isAllowed } from '../decision.js';
import { ConfigError } from '../errors.js';
import { requireKnownFields } from '../options.js';
import { copyOf, type PeerId } from '../slots.js';
import { Deadlines } from './deadlines.js';
import type { RpcGuard } from './guard.js';
import type { Outcome } from './outcome.js';
import { type End, Passage, type Surroundings } from './passage.js';
import { Refusal } from './refusal.js';
import { quiet, Told } from './told.js';
import type { RpcPeer } from './who.js';

/** The options that every adapter has. `R` is what the framework hands over for a request. */
export interface GateOptions<R> {
  /**
   * Who asks. `undefined`: the request is not limited. A client must not be able to choose: take a name that you have checked, else
   * the address. If it throws, or returns what is no ID, the request is answered with an error of the server. The adapter says
   * what its default is.
   */
  readonly peer?: ((request: R) => PeerId | RpcPeer | undefined) | undefined;
  /** Tokens that the request costs: an integer ≥ 1. Default 1. Anything else is treated like a bad peer. */
  readonly cost?: ((request: R) => number) | undefined;
  /** Judges the end of a request, in place of the adapter. If it throws, the request is a failure. */
  readonly classify?: ((end: End, request: R) => Outcome) | undefined;
  /**
   * Told of rejections, at most ten times a second; `passedOver` is how many were not told since the last time. What it throws
   * is swallowed.
   */
  readonly onReject?: ((decision: Decision, request: R, passedOver: number) => void) | undefined;
}

/** What an adapter brings along. */
export interface GateKind<R> {
  /** The name of the adapter's entry, such as `http`: a label of the metric `peergate.rejections`. */
  readonly name: string;
  /** Who asks, where the options do not say. Without it the option `peer` is required. */
  readonly peer?: ((request: R) => PeerId | RpcPeer | undefined) | undefined;
  /** Requests that are not limited, whoever sent them. Where it throws, that counts as a bad peer. */
  readonly skip?: ((request: R) => boolean) | undefined;
  /** Whether an answer with this status is a failure. Default: no answer is. Errors and time-outs always are. */
  readonly isFailure?: ((status: number | string | undefined) => boolean) | undefined;
  /** Names of options that the adapter has beside those of `GateOptions`. */
  readonly optionNames?: readonly string[] | undefined;
}

const HOOKS = ['peer', 'cost', 'classify', 'onReject'] as const;
const TOLD_EVERY_MS = 100;
const COMPLAIN_EVERY_MS = 1000;

/**
 * Decides on the requests of one adapter, and tells the breaker what came of them. `docs/adapters.md` shows an adapter that is
 * written with it.
 *
 * @throws ConfigError for what is no guard, an unknown option, or one that is no function.
 *
 * @example
 * const gate = new RpcGate(guard, options, { name: 'lines', peer: (socket) => socket.remoteAddress });
 * const entry = gate.enter(socket);
 * if (entry?.allowed === false) {
 *   socket.end(`${entry.reason}\n`);
 *   entry.closed();
 * } else socket.once('close', () => entry?.settle({ how: 'done' }));
 */
export class RpcGate<R> {
  readonly guard: RpcGuard;
  readonly #peer: (request: R) => PeerId | RpcPeer | undefined;
  readonly #skip: ((request: R) => boolean) | undefined;
  readonly #cost: ((request: R) => number) | undefined;
  readonly #surroundings: Surroundings<R>;
  readonly #complaints: Told<[error: unknown]>;

  constructor(guard: RpcGuard, options: GateOptions<R>, kind: GateKind<R>) {
    if (typeof guard?.limiter?.rejectionsBy !== 'function') throw new ConfigError('guard', 'an RpcGuard', guard);
    requireKnownFields(options, [...HOOKS, ...(kind.optionNames ?? [])]);
    for (const name of HOOKS) {
      const hook: unknown = options[name];
      if (hook !== undefined && typeof hook !== 'function') throw new ConfigError(name, 'a function', hook);
    }
    const { peer = kind.peer, cost, classify, onReject } = options;
    if (peer === undefined) throw new ConfigError('peer', 'a function', peer);
    const { limiter } = guard;
    const { clock } = limiter.config;
    this.guard = guard;
    this.#peer = peer;
    this.#skip = kind.skip;
    this.#cost = cost;
    this.#surroundings = {
      guard,
      counts: limiter.rejectionsBy(kind.name),
      deadlines: new Deadlines(guard.timeoutMs),
      classify: classify ?? judgeOf(kind.isFailure),
      told: onReject && new Told(onReject, TOLD_EVERY_MS, clock),
    };
    const complaint = `peergate/${kind.name}: a function of the options failed, so a request was answered with an error`;
    this.#complaints = new Told((error) => console.error(complaint, error), COMPLAIN_EVERY_MS, clock);
  }

  /**
   * Decides on a request. It throws nothing.
   *
   * @returns `undefined` where the request is not limited; else a `Passage` or a `Refusal`, told apart by `allowed`.
   */
  enter(request: R): Passage<R> | Refusal<R> | undefined {
    try {
      if (this.#isSkipped(request)) return undefined;
      const peer = this.#peer(request);
      if (peer === undefined) return undefined;
      quiet(peer);
      const cost = this.#costOf(request);
      const decision = this.guard.admit(peer, cost);
      // Bytes are copied: their buffer may be used for another peer before the request ends.
      if (isAllowed(decision)) return new Passage(this.#surroundings, request, copyOf(peer as PeerId), decision);
      return new Refusal(this.#surroundings, request, peer, decision, cost);
    } catch (error) {
      const refusal = new Refusal(this.#surroundings, request, undefined, undefined, 1, error);
      if (refusal.reason === 'internal') this.#complaints.tell(error);
      return refusal;
    }
  }

  /** A promise is true, so an async function would let every request through. */
  #isSkipped(request: R): boolean {
    const skipped: unknown = this.#skip?.(request);
    quiet(skipped);
    if (typeof (skipped as Partial<PromiseLike<unknown>> | undefined)?.then !== 'function') return Boolean(skipped);
    throw new ConfigError('skip', 'a function that returns true or false', skipped);
  }

  /** A function that returns nothing would make every request cost 1 in silence. */
  #costOf(request: R): number {
    if (this.#cost === undefined) return 1;
    const cost: unknown = this.#cost(request);
    quiet(cost);
    return cost === undefined ? Number.NaN : (cost as number);
  }
}

function judgeOf(isFailure: GateKind<never>['isFailure']): (end: End) => Outcome {
  return ({ how, status }) => {
    if (how === 'cancelled') return 'ignored';
    return how !== 'done' || isFailure?.(status) ? 'failure' : 'success';
  };
}

// A request or a notification at work: what the guard runs, how its end is judged, and what it is answered with.

import type { JSONRPCRequest, JSONRPCResponse, JSONRPCServer } from 'json-rpc-2.0';
import type { FlowCall, Link, Work } from '../../flow/index.js';
import {
  ClosedError,
  type Decision,
  type Outcome,
  type Peer,
  type RpcPeer,
  RpcTimeout,
  type Settled,
} from '../../index.js';
import { AnswerTooLarge, type Batch } from './batch.js';
import { type ErrorMember, errorText, INTERNAL_ERROR, TOO_LARGE, UNAVAILABLE } from './message.js';
import type { JsonRpcCall, Settings } from './options.js';
import { type Sighting, watchRequest } from './witness.js';

/** What all requests of a connection share. */
export interface Context<ServerParams> {
  readonly link: Link;
  readonly server: JSONRPCServer<ServerParams>;
  readonly settings: Settings<ServerParams>;
}

/** The signal is made when a method asks for it. An own property with a getter would cost more than all the rest. */
class LazyCall implements JsonRpcCall {
  readonly peer: Peer;
  readonly request: JSONRPCRequest;
  readonly #call: FlowCall;

  constructor(peer: Peer, request: JSONRPCRequest, call: FlowCall) {
    this.peer = peer;
    this.request = request;
    this.#call = call;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }
}

type Response = JSONRPCResponse | null;

export class Call<ServerParams> implements Work<Response> {
  readonly permit: Decision;
  readonly peer: RpcPeer | undefined;
  readonly isAwaited: boolean;
  readonly isHeld: boolean;
  readonly #context: Context<ServerParams>;
  readonly #request: JSONRPCRequest;
  readonly #batch: Batch | undefined;
  readonly #place: number;
  /** What a response does not show: a notification's crash, and what was thrown, for those who want to judge by it. */
  readonly #sighting: Sighting | undefined;
  #text: string | null = null;
  /** Why the response cannot be sent. */
  #unsent: { readonly error: unknown } | undefined;

  constructor(context: Context<ServerParams>, request: JSONRPCRequest, permit: Decision, batch?: Batch, place = 0) {
    this.permit = permit;
    this.peer = batch?.peer;
    this.isAwaited = request.id !== undefined;
    this.isHeld = batch !== undefined;
    this.#context = context;
    this.#request = request;
    this.#batch = batch;
    this.#place = place;
    const isWatched = !this.isAwaited || context.settings.classify !== undefined;
    this.#sighting = isWatched ? watchRequest(request) : undefined;
  }

  run(call: FlowCall): PromiseLike<Response> {
    const { link, server, settings } = this.#context;
    const request = this.#request;
    const own = new LazyCall(link.peer, request, call);
    if (settings.serverParams === undefined) return server.receive(request, own as ServerParams);
    const params = settings.serverParams(own);
    swallow(params);
    return server.receive(request, params);
  }

  /** The text is written here, so that a result that JSON cannot express is its handler's failure. */
  judge(settled: Settled<Response>): Outcome {
    const { server, settings } = this.#context;
    const end = this.#seen(this.#written(settled));
    // A notification that no method took, or that never came past the witness, says nothing about its peer.
    if (!('error' in end) && !this.isAwaited && !(this.#sighting?.reached && server.hasMethod(this.#request.method))) {
      return 'ignored';
    }
    if (settings.classify !== undefined) return settings.classify(end);
    return 'error' in end || (end.value?.error ?? null) !== null ? 'failure' : 'success';
  }

  ended(): string | undefined {
    if (this.#unsent !== undefined) return this.failed(this.#unsent.error);
    return this.#answer(this.#text);
  }

  failed(error: unknown): string | undefined {
    const { link } = this.#context;
    if (this.isAwaited && !link.isOpen) return this.#answer(null);
    this.#report(error);
    return this.#answer(this.isAwaited ? errorText(this.#request.id ?? null, errorMemberOf(error)) : null);
  }

  #answer(text: string | null): string | undefined {
    if (text !== null) this.#context.link.counters.responses++;
    if (this.#batch === undefined) return text ?? undefined;
    this.#batch.answer(this.#place, text);
    return undefined;
  }

  #written(settled: Settled<Response>): Settled<Response> {
    if ('error' in settled || settled.value === null || !this.isAwaited) return settled;
    try {
      this.#text = JSON.stringify(settled.value);
      this.#batch?.makeRoom(this.#text);
      return settled;
    } catch (error) {
      this.#unsent = { error };
      return this.#unsent;
    }
  }

  /** A crash counts where it shows: another middleware may have made a good response of it. */
  #seen(settled: Settled<Response>): Settled<Response> {
    const crash = this.#sighting?.crash;
    if (crash === undefined || 'error' in settled) return settled;
    const { value } = settled;
    return value !== null && value.error === undefined ? settled : crash;
  }

  /** What the server could not report itself. A hook that throws must not let a peer take the process down. */
  #report(error: unknown): void {
    try {
      swallow(this.#context.settings.onError?.(error, this.#request));
    } catch {}
  }
}

/** What the client is told of an error that the server did not answer itself. */
function errorMemberOf(error: unknown): ErrorMember {
  const { code } = INTERNAL_ERROR;
  if (error instanceof ClosedError) return UNAVAILABLE;
  if (error instanceof AnswerTooLarge) {
    return { ...TOO_LARGE, data: { maxBatchAnswerBytes: error.maxBatchAnswerBytes } };
  }
  if (!(error instanceof RpcTimeout)) return INTERNAL_ERROR;
  return { code, message: 'Request timed out', data: { reason: 'timeout', timeoutMs: error.timeoutMs } };
}

/** A hook may return a promise although nobody waits for it. Its rejection must not end the process. */
function swallow(returned: unknown): void {
  if (typeof (returned as { then?: unknown } | null | undefined)?.then !== 'function') return;
  Promise.resolve(returned).catch(() => {});
}

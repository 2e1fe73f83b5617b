// A request or a notification at work: what the guard runs, how its end is judged, and what it is answered with.

import type { JSONRPCRequest, JSONRPCResponse, JSONRPCServer } from 'json-rpc-2.0';
import { AnswerTooLarge, type Batch, type Link, Work } from '../../flow/index.js';
import { ClosedError, type Decision, type Outcome, type Peer, RpcTimeout, type Settled } from '../../index.js';
import { type ErrorMember, errorText, INTERNAL_ERROR, TOO_LARGE, UNAVAILABLE } from './message.js';
import type { JsonRpcCall, Settings } from './options.js';
import { type Sighting, watchRequest } from './witness.js';

/** What all requests of a connection share. */
export interface Context<ServerParams> {
  readonly link: Link;
  readonly server: JSONRPCServer<ServerParams>;
  readonly settings: Settings<ServerParams>;
}

type Response = JSONRPCResponse | null;

/** It is also what methods get, so that a request is one object. */
export class Call<ServerParams> extends Work<Response> implements JsonRpcCall {
  readonly request: JSONRPCRequest;
  readonly #context: Context<ServerParams>;
  readonly #batch: Batch | undefined;
  readonly #place: number;
  /** What a response does not show: a notification's crash, and what was thrown, for those who want to judge by it. */
  readonly #sighting: Sighting | undefined;
  #text: string | null = null;
  /** Why the response cannot be sent. */
  #unsent: { readonly error: unknown } | undefined = undefined;

  constructor(context: Context<ServerParams>, request: JSONRPCRequest, permit: Decision, batch?: Batch, place = 0) {
    const isAwaited = request.id !== undefined;
    super(permit, isAwaited, batch !== undefined, batch?.peer);
    this.request = request;
    this.#context = context;
    this.#batch = batch;
    this.#place = place;
    const isWatched = !isAwaited || context.settings.classify !== undefined;
    this.#sighting = isWatched ? watchRequest(request) : undefined;
  }

  /** Who asks. */
  get peer(): Peer {
    return this.#context.link.peer;
  }

  protected run(): PromiseLike<Response> {
    const { server, settings } = this.#context;
    if (settings.serverParams === undefined) return server.receive(this.request, this as unknown as ServerParams);
    const params = settings.serverParams(this);
    swallow(params);
    return server.receive(this.request, params);
  }

  /** The text is written here, so that a result that JSON cannot express is its handler's failure. */
  protected override judge(settled: Settled<Response>): Outcome {
    const { server, settings } = this.#context;
    const end = this.#seen(this.#written(settled));
    // A notification that no method took, or that never came past the witness, says nothing about its peer.
    if (!('error' in end) && !this.isAwaited && !(this.#sighting?.reached && server.hasMethod(this.request.method))) {
      return 'ignored';
    }
    if (settings.classify !== undefined) return settings.classify(end);
    return 'error' in end || (end.value?.error ?? null) !== null ? 'failure' : 'success';
  }

  protected ended(): string | undefined {
    if (this.#unsent !== undefined) return this.failed(this.#unsent.error);
    return this.#answer(this.#text);
  }

  protected failed(error: unknown): string | undefined {
    const { link } = this.#context;
    if (this.isAwaited && !link.isOpen) return this.#answer(null);
    this.#report(error);
    return this.#answer(this.isAwaited ? errorText(this.request.id ?? null, errorMemberOf(error)) : null);
  }

  #answer(text: string | null): string | undefined {
    if (text !== null) this.#context.link.counters.responses++;
    if (this.#batch === undefined) return text ?? undefined;
    this.#batch.answer(this.#place, text);
    return undefined;
  }

  #written(settled: Settled<Response>): Settled<Response> {
    if ('error' in settled || !this.isAwaited) return settled;
    try {
      const text = JSON.stringify(settled.value ?? undefined) as string | undefined;
      // A middleware of the server may have lost the response. The client must not wait for it forever.
      if (text === undefined) throw new TypeError('response: expected one to a request with an id, got none');
      this.#batch?.makeRoom(text);
      this.#text = text;
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
    return (value ?? null) !== null && value?.error === undefined ? settled : crash;
  }

  /** What the server could not report itself. A hook that throws must not let a peer take the process down. */
  #report(error: unknown): void {
    try {
      swallow(this.#context.settings.onError?.(error, this.request));
    } catch {}
  }
}

/** What the client is told of an error that the server did not answer itself. */
function errorMemberOf(error: unknown): ErrorMember {
  const { code } = INTERNAL_ERROR;
  if (error instanceof ClosedError) return UNAVAILABLE;
  if (error instanceof AnswerTooLarge) {
    return { ...TOO_LARGE, data: { maxBatchAnswerBytes: error.maxBytes } };
  }
  if (!(error instanceof RpcTimeout)) return INTERNAL_ERROR;
  return { code, message: 'Request timed out', data: { reason: 'timeout', timeoutMs: error.timeoutMs } };
}

/** A hook may return a promise although nobody waits for it. Its rejection must not end the process. */
function swallow(returned: unknown): void {
  if (typeof (returned as { then?: unknown } | null | undefined)?.then !== 'function') return;
  Promise.resolve(returned).catch(() => {});
}

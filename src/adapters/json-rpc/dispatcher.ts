// From an admitted frame to its answer: parse, pay for a batch, let guard and server work on each member, write the answer.

import type { JSONRPCRequest, JSONRPCResponse, JSONRPCServer } from 'json-rpc-2.0';
import {
  ClosedError,
  type Decision,
  isAllowed,
  type Outcome,
  type Peer,
  type RpcGuard,
  type RpcPeer,
  RpcTimeout,
  type Settled,
} from '../../index.js';
import { AnswerTooLarge, Batch, type Work } from './batch.js';
import {
  batchText,
  type ErrorMember,
  errorText,
  INTERNAL_ERROR,
  INVALID_REQUEST,
  idOf,
  isRequest,
  PARSE_ERROR,
  TOO_LARGE,
  UNAVAILABLE,
} from './message.js';
import type { Settings } from './options.js';
import { BatchProbe } from './probe.js';
import type { Verdict } from './rejections.js';
import { type FrameData, frameText } from './socket.js';
import type { JsonRpcStats } from './stats.js';
import { openOr, swallow, tell } from './tell.js';
import type { Turns } from './turns.js';
import { type Sighting, watchRequest } from './witness.js';

/** What all connections of a gate share. */
export interface Shared<ServerParams> {
  readonly server: JSONRPCServer<ServerParams>;
  readonly guard: RpcGuard;
  readonly settings: Settings<ServerParams>;
  readonly turns: Turns;
}

/** Who is told. */
export interface DispatchOwner {
  send(text: string): void;
  /** A batch could not pay for its members. */
  refuse(decision: Verdict, members: readonly unknown[]): void;
  /** Something that was being worked on no longer is. */
  done(): void;
}

/** A response and its text. */
interface Answer {
  readonly response: JSONRPCResponse | null;
  readonly text: string | null;
}

/** A request that somebody waits for. */
interface Awaited {
  readonly peer: RpcPeer;
  readonly permit: Decision;
}

export class Dispatcher<ServerParams> {
  /** Requests and notifications whose answers are not out yet. */
  inFlight = 0;
  readonly #shared: Shared<ServerParams>;
  readonly #peer: Peer;
  readonly #stats: JsonRpcStats;
  readonly #owner: DispatchOwner;
  readonly #gone = new AbortController();
  readonly #awaited = new Set<Awaited>();
  #batch: Batch | undefined;

  constructor(shared: Shared<ServerParams>, peer: Peer, stats: JsonRpcStats, owner: DispatchOwner) {
    this.#shared = shared;
    this.#peer = peer;
    this.#stats = stats;
    this.#owner = owner;
  }

  /** Whether a batch has members that wait to be begun. They come before any other frame. */
  get isMidBatch(): boolean {
    return this.#batch?.hasMore ?? false;
  }

  /** Works on a frame that was admitted under `permit`; of a batch, begins the first member. */
  dispatch(data: FrameData, permit: Decision): void {
    let message: unknown;
    try {
      message = JSON.parse(frameText(data));
    } catch {
      this.fail(permit, PARSE_ERROR);
      return;
    }
    if (Array.isArray(message)) this.#open(message, permit);
    else this.#answer([this.#member(message, permit, this.#peer, undefined)], ([text]) => text ?? null);
  }

  /** Begins the next member of the batch. */
  next(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    const isComplete = batch.begin((member, permit, peer) => this.#member(member, permit, peer, batch));
    if (isComplete) this.#answer(batch.work, batchText);
    if (!batch.hasMore && this.#batch === batch) this.#batch = undefined;
  }

  /** Begins no further member of the batch. */
  abandon(): void {
    const batch = this.#batch;
    if (batch?.abandon()) this.#answer(batch.work, batchText);
  }

  /** Answers a frame that nothing can be made of, which is the peer's failure. */
  fail(permit: Decision, error: ErrorMember): void {
    this.#stats.invalid++;
    tell(this.#peer, 'failure', permit);
    this.#owner.send(errorText(null, error));
  }

  /**
   * Nobody waits for answers any more: what works on them is told by its signal. Where it is the client who is gone, that is
   * one failure of its, however many answers it left behind. Notifications, which nobody waits for, run on.
   */
  close(isFailure: boolean): void {
    if (isFailure) {
      for (const { peer, permit } of this.#awaited) {
        if (tell(peer, 'failure', permit)) break;
      }
    }
    this.#gone.abort(new Error('the connection is closed'));
  }

  /** Lets the batch pay. Where it can, its members are begun. */
  #open(members: readonly unknown[], permit: Decision): void {
    const { guard, settings } = this.#shared;
    const count = members.length;
    if (count === 0 || count > settings.maxBatch) {
      this.fail(permit, count === 0 ? INVALID_REQUEST : { ...INVALID_REQUEST, data: { maxBatch: settings.maxBatch } });
      return;
    }
    let batch = { peer: this.#peer as RpcPeer, permit };
    if (count > 1) {
      // The frame may hold the only probe of a half-open circuit, and the payment for the members would be rejected for it,
      // each time anew. So the probe goes back first, and the payment takes it again for the batch as a whole.
      const wasProbe = tell(this.#peer, 'ignored', permit);
      const paid = openOr(undefined, () => guard.admit(this.#peer, count - 1));
      if (paid === undefined || !isAllowed(paid)) {
        this.#owner.refuse(paid, members);
        return;
      }
      // While the frame waited for its turn the circuit may have opened, and the payment may be its first probe.
      const isProbe = wasProbe || paid !== permit;
      batch = { peer: isProbe ? new BatchProbe(this.#peer, count) : this.#peer, permit: paid };
    }
    this.#batch = new Batch(members, batch.peer, batch.permit, settings.maxBatchAnswerBytes);
    this.next();
  }

  #member(message: unknown, permit: Decision, peer: RpcPeer, batch: Batch | undefined): Work {
    if (isRequest(message)) return this.#serve(message, permit, peer, batch);
    this.#stats.invalid++;
    tell(peer, 'failure', permit);
    return errorText(idOf(message) ?? null, INVALID_REQUEST);
  }

  /** Waits for all, sends what they make together, and only then counts them as done, so that no answer is uncounted. */
  async #answer(work: readonly Work[], join: (texts: readonly (string | null)[]) => string | null): Promise<void> {
    const running = work.filter((one) => typeof one !== 'string').length;
    try {
      const text = join(running > 0 ? await Promise.all(work) : (work as string[]));
      if (text !== null) this.#owner.send(text);
    } catch {
      // The answers are too long to be joined. Only options far above their defaults get here.
      this.#owner.send(errorText(null, TOO_LARGE));
    } finally {
      this.inFlight -= running;
    }
    if (running > 0) this.#owner.done();
  }

  /** Never rejects. In flight from here on, and until its answer is out. */
  async #serve(
    request: JSONRPCRequest,
    permit: Decision,
    peer: RpcPeer,
    batch: Batch | undefined,
  ): Promise<string | null> {
    const { guard } = this.#shared;
    const { id } = request;
    const sighting = watchRequest(request);
    const awaited = { peer, permit };
    this.inFlight++;
    this.#stats.requests++;
    if (id !== undefined) this.#awaited.add(awaited);
    try {
      const { text } = await guard.run(peer, (signal) => this.#ask(request, signal, batch), {
        decision: permit,
        signal: id === undefined ? undefined : this.#gone.signal,
        classify: (settled) => this.#judge(request, sighting, settled),
      });
      if (text !== null) this.#stats.responses++;
      return text;
    } catch (error) {
      if (id !== undefined && this.#gone.signal.aborted) return null;
      this.#report(error, request);
      if (id === undefined) return null;
      this.#stats.responses++;
      return errorText(id, errorMemberOf(error));
    } finally {
      this.#awaited.delete(awaited);
    }
  }

  /** The text is written here, so that a result that JSON cannot express is its handler's failure. */
  async #ask(request: JSONRPCRequest, signal: AbortSignal, batch: Batch | undefined): Promise<Answer> {
    const { server, settings } = this.#shared;
    const params = settings.serverParams({ peer: this.#peer, request, signal });
    swallow(params);
    const response = await server.receive(request, params);
    if (response === null || request.id === undefined) return { response, text: null };
    const text = JSON.stringify(response);
    batch?.makeRoom(text);
    return { response, text };
  }

  #judge(request: JSONRPCRequest, sighting: Sighting, settled: Settled<Answer>): Outcome {
    const { server, settings } = this.#shared;
    const end = endOf(sighting, settled);
    // A notification that no method took, or that never came past the witness, says nothing about its peer.
    if (!('error' in end) && request.id === undefined && !(sighting.reached && server.hasMethod(request.method))) {
      return 'ignored';
    }
    if (settings.classify !== undefined) return settings.classify(end);
    return 'error' in end || (end.value?.error ?? null) !== null ? 'failure' : 'success';
  }

  /** What the server could not report itself. A hook that throws must not let a peer take the process down. */
  #report(error: unknown, request: JSONRPCRequest): void {
    try {
      swallow(this.#shared.settings.onError?.(error, request));
    } catch {}
  }
}

/** A crash counts where it shows: another middleware may have made a good response of it. */
function endOf(sighting: Sighting, settled: Settled<Answer>): Settled<JSONRPCResponse | null> {
  if ('error' in settled) return settled;
  const { response } = settled.value;
  const isGood = response !== null && response.error === undefined;
  return sighting.crash !== undefined && !isGood ? sighting.crash : { value: response };
}

/** What the client is told of an error that the server did not answer itself. */
function errorMemberOf(error: unknown): ErrorMember {
  if (error instanceof RpcTimeout) return timedOut(error);
  if (error instanceof ClosedError) return UNAVAILABLE;
  return error instanceof AnswerTooLarge ? error.member : INTERNAL_ERROR;
}

function timedOut(timeout: RpcTimeout): ErrorMember {
  return {
    code: INTERNAL_ERROR.code,
    message: 'Request timed out',
    data: { reason: 'timeout', timeoutMs: timeout.timeoutMs },
  };
}

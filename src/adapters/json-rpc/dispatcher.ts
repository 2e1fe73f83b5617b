// From an admitted frame to its answer: parse, pay for a batch, let guard and server work on each member, write the answer.

import type { JSONRPCRequest, JSONRPCResponse, JSONRPCServer } from 'json-rpc-2.0';
import {
  type Decision,
  isAllowed,
  type Outcome,
  type Peer,
  type RpcGuard,
  type RpcPeer,
  RpcTimeout,
  type Settled,
} from '../../index.js';
import { Batch, type Work } from './batch.js';
import {
  batchText,
  type ErrorMember,
  errorText,
  INTERNAL_ERROR,
  INVALID_REQUEST,
  idOf,
  isRequest,
  PARSE_ERROR,
} from './message.js';
import type { Settings } from './options.js';
import { BatchProbe } from './probe.js';
import { type FrameData, frameText } from './socket.js';
import type { JsonRpcStats } from './stats.js';
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
  refuse(decision: Decision, members: readonly unknown[]): void;
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
    else this.#answer([this.#member(message, permit, this.#peer)], ([text]) => text ?? null);
  }

  /** Begins the next member of the batch. */
  next(): void {
    const batch = this.#batch;
    if (batch === undefined) return;
    const isComplete = batch.begin((member, permit, peer) => this.#member(member, permit, peer));
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
    this.#peer.recordFailure(permit);
    this.#owner.send(errorText(null, error));
  }

  /**
   * Nobody waits for answers any more: what works on them is told by its signal. Where it is the client who is gone, that is
   * one failure of its, however many answers it left behind. Notifications, which nobody waits for, run on.
   */
  close(isFailure: boolean): void {
    if (isFailure) {
      for (const { peer, permit } of this.#awaited) {
        if (peer.recordFailure(permit)) break;
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
    let peer: RpcPeer = this.#peer;
    let first = permit;
    let others = permit;
    if (count > 1) {
      // The frame may hold the only probe of a half-open circuit, and the payment for the members would be rejected for it,
      // each time anew. So the probe goes back first, and the payment takes it again for the batch as a whole.
      const wasProbe = this.#peer.recordIgnored(permit);
      others = guard.admit(this.#peer, count - 1);
      if (!isAllowed(others)) {
        this.#owner.refuse(others, members);
        return;
      }
      if (wasProbe) {
        peer = new BatchProbe(this.#peer, count);
        first = others;
      }
    }
    this.#batch = new Batch(members, peer, first, others);
    this.next();
  }

  #member(message: unknown, permit: Decision, peer: RpcPeer): Work {
    if (isRequest(message)) return this.#serve(message, permit, peer);
    this.#stats.invalid++;
    peer.recordFailure(permit);
    return errorText(idOf(message) ?? null, INVALID_REQUEST);
  }

  /** Waits for all, sends what they make together, and only then counts them as done, so that no answer is uncounted. */
  async #answer(work: readonly Work[], join: (texts: readonly (string | null)[]) => string | null): Promise<void> {
    const running = work.filter((one) => typeof one !== 'string').length;
    const text = join(running > 0 ? await Promise.all(work) : (work as string[]));
    if (text !== null) this.#owner.send(text);
    this.inFlight -= running;
    if (running > 0) this.#owner.done();
  }

  /** Never rejects. In flight from here on, and until its answer is out. */
  async #serve(request: JSONRPCRequest, permit: Decision, peer: RpcPeer): Promise<string | null> {
    const { guard } = this.#shared;
    const { id } = request;
    const sighting = watchRequest(request);
    const awaited = { peer, permit };
    this.inFlight++;
    this.#stats.requests++;
    if (id !== undefined) this.#awaited.add(awaited);
    try {
      const { text } = await guard.run(peer, ({ signal }) => this.#ask(request, signal), {
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
      return errorText(id, error instanceof RpcTimeout ? timedOut(error) : INTERNAL_ERROR);
    } finally {
      this.#awaited.delete(awaited);
    }
  }

  /** The text is written here, so that a result that JSON cannot express is its handler's failure. */
  async #ask(request: JSONRPCRequest, signal: AbortSignal): Promise<Answer> {
    const { server, settings } = this.#shared;
    const response = await server.receive(request, settings.serverParams({ peer: this.#peer, request, signal }));
    const isAnswered = response !== null && request.id !== undefined;
    return { response, text: isAnswered ? JSON.stringify(response) : null };
  }

  #judge(request: JSONRPCRequest, sighting: Sighting, settled: Settled<Answer>): Outcome {
    const { server, settings } = this.#shared;
    const end = endOf(sighting, settled);
    if (settings.classify !== undefined) return settings.classify(end);
    if ('error' in end || (end.value?.error ?? null) !== null) return 'failure';
    if (request.id !== undefined) return 'success';
    // A notification that no method took, or that never came past the witness, says nothing about its peer.
    return sighting.reached && server.hasMethod(request.method) ? 'success' : 'ignored';
  }

  /** What the server could not report itself. A hook that throws must not let a peer take the process down. */
  #report(error: unknown, request: JSONRPCRequest): void {
    try {
      this.#shared.settings.onError?.(error, request);
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

function timedOut(timeout: RpcTimeout): ErrorMember {
  return {
    code: INTERNAL_ERROR.code,
    message: 'Request timed out',
    data: { reason: 'timeout', timeoutMs: timeout.timeoutMs },
  };
}

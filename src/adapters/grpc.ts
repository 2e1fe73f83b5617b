// The adapter for gRPC: an interceptor for servers of `@grpc/grpc-js`.
//
//   the client ─► grpc-js ─► start ──refused──► a status with trailers; nothing was read
//                              │ let in
//                              ▼
//                            handler ─► sendMessage   progress of a stream
//                                    ─► sendStatus    the end, by its code
//   grpc-js itself ends a call below all interceptors: its deadline has passed, a message is too large or cannot be decoded.

import { Metadata, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { type End, type GateOptions, type Passage, type Refusal, RpcGate, type RpcGuard } from '../index.js';
import { addressPeer } from './address.js';
import { codeOf, codes, isFailureCode, isLate, statusWithRetryInfo } from './grpc/status.js';
import { turnedAway } from './turned-away.js';

const STREAMING: End = { how: 'done', status: 0 };
const CANCELLED: End = { how: 'cancelled' };
const TIMED_OUT: End = { how: 'timeout', status: codes.DEADLINE_EXCEEDED };

type InnerCall = Parameters<ServerInterceptor>[1];
type Method = Parameters<ServerInterceptor>[0];
type Listener = Parameters<ServerInterceptingCall['start']>[0];
type Status = Parameters<ServerInterceptingCall['sendStatus']>[0];

/** A call as the options see it: its address, authority and certificate, and which method it is of. It has no metadata yet. */
export interface GrpcCall extends ServerInterceptingCall {
  /** The definition of the method; `method.path` is like `/package.Service/Method`. */
  readonly method: Method;
}

/** Options of `guardGrpc`. The default `peer` is the address of the connection, as `addressPeer` of `peergate/address` groups it. */
export type GrpcOptions = GateOptions<GrpcCall>;

/**
 * Puts the guard before all methods of a server. A call over the limit ends with RESOURCE_EXHAUSTED before anything of it is
 * read, and the client is told when to try again. The breaker learns the status of every call. `docs/adapters.md` has the rules.
 *
 * Make it the first of the server's interceptors. Behind another one it does not see what grpc-js itself ends.
 *
 * @throws ConfigError for an option that does not exist or is no function, or what is not a guard.
 *
 * @example
 * const server = new Server({ interceptors: [guardGrpc(new RpcGuard(limiter))] });
 */
export function guardGrpc(guard: RpcGuard, options: GrpcOptions = {}): ServerInterceptor {
  const gate = new RpcGate<GrpcCall>(guard, options, {
    name: 'grpc',
    peer: (call) => addressPeer(call.getConnectionInfo().remoteAddress),
    isFailure: isFailureCode,
  });
  return (method, call) => new GuardedCall(gate, method, call);
}

/**
 * What the base class would do for interceptors that may wait, is left out here: nothing waits, so each event goes straight on.
 * That is a third of what the guard would cost otherwise (bench/server/grpc.ts).
 */
class GuardedCall extends ServerInterceptingCall implements GrpcCall {
  readonly method: Method;
  readonly #gate: RpcGate<GrpcCall>;
  readonly #inner: InnerCall;
  /** Undefined where the call is not limited, or not let in. */
  #passage: Passage<GrpcCall> | undefined;
  #hasMetadata = false;
  #hasMessage = false;
  #isTurnedAway = false;

  constructor(gate: RpcGate<GrpcCall>, method: Method, inner: InnerCall) {
    super(inner);
    this.method = method;
    this.#gate = gate;
    this.#inner = inner;
  }

  override start(listener: Listener): void {
    const entry = this.#gate.enter(this);
    if (entry?.allowed === false) {
      this.#turnAway(entry);
      entry.answered();
      // Another guard may have let it in already.
      listener.onCancel();
      return;
    }
    if (entry === undefined) {
      this.#inner.start(listener);
      return;
    }
    this.#passage = entry;
    this.#watchInner(entry);
    this.#inner.start({
      onReceiveMetadata: (metadata) => {
        this.#hasMetadata = true;
        listener.onReceiveMetadata(metadata);
      },
      onReceiveMessage: (message) => {
        if (this.#takesMessage(entry)) listener.onReceiveMessage(message);
      },
      onReceiveHalfClose: () => listener.onReceiveHalfClose(),
      // Comes after every call, also after a good one.
      onCancel: () => {
        entry.settle(isLate(Number(this.getDeadline())) ? TIMED_OUT : CANCELLED);
        listener.onCancel();
      },
    });
    // A stream that was reset before it came here is never started, and never cancelled either.
    if (!this.#hasMetadata && !(this.#inner instanceof ServerInterceptingCall)) entry.settle(CANCELLED);
  }

  override sendMetadata(metadata: Metadata): void {
    if (!this.#isTurnedAway) this.#inner.sendMetadata(metadata);
  }

  /** What a handler still writes to a stream that is turned away would take the place of its status, which then never comes. */
  override sendMessage(message: unknown, callback: () => void): void {
    if (this.#isTurnedAway) return;
    if (this.method.responseStream) this.#passage?.progress(STREAMING);
    this.#inner.sendMessage(message, callback);
  }

  override sendStatus(status: Status): void {
    if (this.#isTurnedAway) return;
    if (turnedAway.has(status)) this.#passage?.abandon();
    else this.#passage?.settle(this.#isWithoutRequest(status.code) ? CANCELLED : { how: 'done', status: status.code });
    this.#inner.sendStatus(status);
  }

  /** A stream that its client resets seems to end at first, and so grpc-js complains that no request came. */
  #isWithoutRequest(code: number): boolean {
    return code === codes.UNIMPLEMENTED && !this.#hasMessage && !this.method.requestStream;
  }

  /** grpc-js ends a call through the innermost call's own method. What the handler sends comes by here as well, settled already. */
  #watchInner(passage: Passage<GrpcCall>): void {
    const inner = this.#inner;
    const { sendStatus } = inner;
    inner.sendStatus = (status) => {
      const { code } = status;
      if (!passage.isOver)
        passage.settle(code === codes.DEADLINE_EXCEEDED ? TIMED_OUT : { how: 'error', status: code });
      sendStatus.call(inner, status);
    };
  }

  /** A stream of requests pays for each message. The first one was paid for when the stream began. */
  #takesMessage(passage: Passage<GrpcCall>): boolean {
    const isFirst = !this.#hasMessage;
    this.#hasMessage = true;
    if (isFirst || !this.method.requestStream || passage.isOver) return true;
    const refusal = passage.charge();
    if (refusal === undefined) return true;
    this.#turnAway(refusal);
    refusal.closed();
    return false;
  }

  #turnAway(refusal: Refusal<GrpcCall>): void {
    const { decision, retryAfterMs } = refusal;
    const code = codeOf(refusal.reason);
    const { message } = refusal.toRpcError();
    const metadata = new Metadata();
    if (decision !== undefined) metadata.set('grpc-retry-pushback-ms', `${retryAfterMs ?? -1}`);
    if (retryAfterMs !== null) {
      metadata.set('grpc-status-details-bin', Buffer.from(statusWithRetryInfo(code, message, retryAfterMs)));
    }
    this.#isTurnedAway = true;
    const status: Status = { code, details: message, metadata };
    turnedAway.add(status);
    this.#inner.sendStatus(status);
  }
}

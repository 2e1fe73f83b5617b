// The adapter for Connect: the guard around the node handler of `@connectrpc/connect-node`, which speaks Connect, gRPC and
// gRPC-web.

import { type ContextValues, createContextKey, createContextValues, type Interceptor } from '@connectrpc/connect';
import type { connectNodeAdapter } from '@connectrpc/connect-node';
import { type GateOptions, type Refusal, RpcGate, type RpcGuard } from '../index.js';
import { answerTo } from './connect/answer.js';
import { Call } from './connect/call.js';
import { deadlineOf } from './connect/deadline.js';
import { isFailureCode } from './grpc/status.js';
import { isFinished, isLongUpload, socketPeer, whenClosed } from './http/node.js';
import { turnedAway } from './turned-away.js';

/** A handler of Node's HTTP servers, over HTTP/1 or HTTP/2. */
export type ConnectNodeHandler = ReturnType<typeof connectNodeAdapter>;

/** The request of a Node server, as the options see it. */
export type ConnectRequest = Parameters<ConnectNodeHandler>[0];

type ConnectResponse = Parameters<ConnectNodeHandler>[1];

/** Options of `guardConnect`. The default `peer` is the address of the connection, as `addressPeer` of `peergate/address` groups it. */
export type ConnectOptions = GateOptions<ConnectRequest>;

/** The three parts of the guard. All of them are needed. */
export interface ConnectGuard {
  /** Puts the guard before a handler. What is turned away does not reach it. */
  handler(handler: ConnectNodeHandler): ConnectNodeHandler;
  /** The option `contextValues` of `connectNodeAdapter`. Set your own values on what it returns. */
  contextValues(request: ConnectRequest): ContextValues;
  /** The first of the router's interceptors. It tells the breaker how each call ended. */
  readonly interceptor: Interceptor;
}

/**
 * Puts the guard before the methods of a Connect router. A call over the limit ends with `resource_exhausted` before anything
 * of it is read, and the client is told when to try again, in the protocol that it speaks. `docs/adapters.md` has the rules.
 *
 * @throws ConfigError for an option that does not exist or is no function, or what is not a guard.
 *
 * @example
 * const { handler, contextValues, interceptor } = guardConnect(new RpcGuard(limiter));
 * createServer(handler(connectNodeAdapter({ routes, contextValues, interceptors: [interceptor] })));
 */
export function guardConnect(guard: RpcGuard, options: ConnectOptions = {}): ConnectGuard {
  const gate = new RpcGate<ConnectRequest>(guard, options, {
    name: 'connect',
    peer: socketPeer,
    isFailure: isFailureCode,
  });
  const calls = new WeakMap<ConnectRequest, Call>();
  const key = createContextKey<Call | undefined>(undefined, { description: 'peergate' });
  return {
    handler: (handler) => (request, response) => {
      const entry = gate.enter(request);
      if (entry?.allowed === false) {
        turnAway(entry, request, response);
        return;
      }
      if (entry === undefined) {
        handler(request, response);
        return;
      }
      const call = new Call(entry as never, deadlineOf(request.headers));
      calls.set(request, call);
      whenClosed(response, request, () => {
        if (turnedAway.has(response)) entry.abandon();
        else call.close(isFinished(response), response.statusCode);
      });
      try {
        handler(request, response);
      } catch (error) {
        entry.settle({ how: 'error', error });
        throw error;
      }
    },
    contextValues(request) {
      const call = calls.get(request);
      if (call !== undefined) call.isCall = true;
      return createContextValues().set(key, call);
    },
    interceptor: (next) => (request) => request.contextValues.get(key)?.run(next, request) ?? next(request),
  };
}

function turnAway(refusal: Refusal<ConnectRequest>, request: ConnectRequest, response: ConnectResponse): void {
  turnedAway.add(response);
  const { status, headers, body, trailers } = answerTo(
    refusal as Refusal<never>,
    request.headers['content-type'] ?? '',
  );
  // Over HTTP/2, Node itself tells the client to leave the rest of a request that nobody reads.
  if (isLongUpload(request)) response.setHeader('connection', 'close');
  response.writeHead(status, headers);
  if (trailers !== undefined) response.addTrailers(trailers);
  response.end(body);
  refusal.answered();
}

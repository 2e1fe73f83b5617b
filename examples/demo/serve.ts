// One thread's server: JSON-RPC over WebSockets, with the limiter before it or without.

import { createServer, type Server } from 'node:http';
import { JSONRPCServer } from 'json-rpc-2.0';
import { type WebSocket, WebSocketServer } from 'ws';
import { guardJsonRpc } from '../../src/adapters/json-rpc.js';
import { type RateLimiter, RpcGuard } from '../../src/index.js';
import { FLOODER, type Plan, WORK_MS } from './plan.js';

/** What a thread has seen so far. */
export interface Seen {
  /** Connections of whomever, and of the flooder. */
  connections: number;
  flooding: number;
  /** Requests that reached the handler, of each peer; counted only where no limiter does. */
  readonly handled: Record<string, number>;
  /** When the flooder's first request came, on a clock that all threads share. */
  floodStart: number | undefined;
}

/** A server that has yet to listen, and what it sees. */
export function serve(limiter: RateLimiter, { isProtected }: Plan): { http: Server; seen: Seen } {
  const seen: Seen = { connections: 0, flooding: 0, handled: {}, floodStart: undefined };
  const server = new JSONRPCServer<void>({ errorListener: () => {} });
  server.addMethod('work', work);
  const gate = guardJsonRpc(server, new RpcGuard(limiter));

  const http = createServer();
  const sockets = new WebSocketServer({ server: http, maxPayload: 2 ** 20, perMessageDeflate: false });
  sockets.on('connection', (socket, request) => {
    // Names in the URL are the demo's simplification: a real server takes them from where they cannot be invented.
    const peer = (request.url ?? '/').slice(1);
    seen.connections++;
    if (peer === FLOODER) seen.flooding++;
    socket.on('error', () => socket.terminate());
    socket.on('message', () => {
      if (peer === FLOODER) seen.floodStart ??= performance.now();
    });
    if (isProtected) gate.accept(socket, peer);
    else serveAnybody(server, socket, peer, seen.handled);
  });
  return { http, seen };
}

/** Busy for as long as a request takes; fails if that is what was asked for. */
function work(params: { readonly fail?: boolean } | undefined): string {
  const end = performance.now() + WORK_MS;
  while (performance.now() < end);
  if (params?.fail) throw new Error('asked to fail');
  return 'done';
}

/** The same without a limiter. */
function serveAnybody(server: JSONRPCServer<void>, socket: WebSocket, peer: string, handled: Seen['handled']): void {
  socket.on('message', async (data) => {
    handled[peer] = (handled[peer] ?? 0) + 1;
    const response = await server.receiveJSON(String(data));
    if (response !== null && socket.readyState === socket.OPEN) socket.send(JSON.stringify(response));
  });
}

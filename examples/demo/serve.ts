// One thread's part of the server: JSON-RPC over WebSockets, with the limiter before it or without, and what it counts.

import { createServer } from 'node:http';
import type { ListenOptions } from 'node:net';
import { JSONRPCServer } from 'json-rpc-2.0';
import { type WebSocket, WebSocketServer } from 'ws';
import { guardJsonRpc } from '../../src/adapters/json-rpc.js';
import { type RateLimiter, RpcGuard } from '../../src/index.js';
import { FLOODER, type Plan, THREAD_HEADER, type ThreadReport, WORK_MS } from './plan.js';

interface Caller {
  readonly name: string;
}

/** Serves as this thread, where it is told to; `report()` gives the counts so far. */
export function serve(
  plan: Plan,
  limiter: RateLimiter,
  thread: number,
  where: ListenOptions | { readonly fd: number },
) {
  const handled: Record<string, number> = {};
  let connections = 0;
  let flooding = 0;
  let floodStartMs: number | null = null;

  /** Busy for as long as a request takes; fails if that is what was asked for. */
  function work(params: { readonly fail?: boolean } | undefined, { name }: Caller): string {
    handled[name] = (handled[name] ?? 0) + 1;
    const end = performance.now() + WORK_MS;
    while (performance.now() < end);
    if (params?.fail) throw new Error('asked to fail');
    return 'done';
  }

  const rpc = new JSONRPCServer<Caller>({ errorListener: () => {} });
  rpc.addMethod('work', work);
  const gate = guardJsonRpc(rpc, new RpcGuard(limiter), { serverParams: ({ peer }) => ({ name: String(peer.id) }) });

  /** The same without a limiter. */
  function serveAnybody(socket: WebSocket, name: string): void {
    socket.on('message', async (data) => {
      const response = await rpc.receiveJSON(String(data), { name });
      if (response !== null && socket.readyState === socket.OPEN) socket.send(JSON.stringify(response));
    });
  }

  const server = createServer();
  const sockets = new WebSocketServer({ server, maxPayload: 2 ** 20, perMessageDeflate: false });
  sockets.on('headers', (headers) => headers.push(`${THREAD_HEADER}: ${thread}`));
  sockets.on('connection', (socket, request) => {
    connections++;
    // Names in the URL are the demo's simplification: a real server takes them from where they cannot be invented.
    const name = (request.url ?? '/').slice(1);
    socket.on('error', () => socket.terminate());
    if (name === FLOODER) {
      socket.once('message', () => {
        flooding++;
        floodStartMs ??= performance.now();
      });
    }
    if (plan.isProtected) gate.accept(socket, name);
    else serveAnybody(socket, name);
  });
  server.listen(where);

  // A copy, since other threads are asked as well: what is handled meanwhile must not be counted as of this moment.
  const report = (): ThreadReport => ({
    connections,
    flooding,
    handled: { ...handled },
    floodStartMs,
    atMs: performance.now(),
  });
  return { server, report };
}

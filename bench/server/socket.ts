// A socket.io server with and without the guard, both in this process.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import type * as Adapter from '../../src/adapters/socket.io.js';
import type { Figures } from '../measure.js';
import { Limiter, RpcGuard } from '../peergate.js';
import { inTurns } from './pair.js';

async function serve(prepare: (server: Server) => void): Promise<number> {
  const http = createServer();
  const server = new Server(http, { serveClient: false });
  prepare(server);
  server.on('connection', (socket) => {
    socket.on('add', (a: number, b: number, reply: (sum: number) => void) => reply(a + b));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return (http.address() as AddressInfo).port;
}

export async function socketPair(): Promise<Figures> {
  const file = new URL('../../dist/socket.io.js', import.meta.url).href;
  const { guardNamespace } = (await import(file)) as typeof Adapter;
  const guard = new RpcGuard(new Limiter({ maxRequestsPerSec: 1e6, burstSize: 1e9 }));
  const bare = await serve(() => {});
  const guarded = await serve((server) => guardNamespace(guard, server.of('/')));
  return inTurns([bare, guarded], 'socket-clients');
}

// MetaMask's engine over WebSockets, with and without the guard, both in this process.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { JsonRpcServer, type MiddlewareParams } from '@metamask/json-rpc-engine/v2';
import { WebSocketServer } from 'ws';
import type * as Adapter from '../../src/adapters/json-rpc-engine.js';
import type { Figures } from '../measure.js';
import { Limiter, RpcGuard } from '../peergate.js';
import { inTurns } from './pair.js';

function add({ request }: MiddlewareParams): number {
  const { a, b } = request.params as { a: number; b: number };
  return a + b;
}

async function serve(server: JsonRpcServer): Promise<number> {
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await once(sockets, 'listening');
  let connections = 0;
  sockets.on('connection', (socket) => {
    const origin = `peer ${connections++}`;
    socket.on('message', async (data) => {
      socket.send(JSON.stringify(await server.handle(JSON.parse(String(data)), { context: { origin } })));
    });
  });
  return (sockets.address() as AddressInfo).port;
}

export async function enginePair(): Promise<Figures> {
  const file = new URL('../../dist/json-rpc-engine.js', import.meta.url).href;
  const { guardEngine } = (await import(file)) as typeof Adapter;
  const guard = new RpcGuard(new Limiter({ maxRequestsPerSec: 1e6, burstSize: 1e9 }));
  const limit = guardEngine(guard, { peer: (context) => context.get('origin') as string });
  const bare = new JsonRpcServer({ middleware: [add] });
  const guarded = new JsonRpcServer({ middleware: [limit, add] });
  return inTurns([await serve(bare), await serve(guarded)], 'pair-clients');
}

// Starts a server in this process and clients in another, and counts the answers.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { JSONRPCServer } from 'json-rpc-2.0';
import { WebSocketServer } from 'ws';
import type * as Adapter from '../../src/adapters/json-rpc.js';
import { type Figures, QUICK } from '../measure.js';
import { Limiter, RpcGuard } from '../peergate.js';

const CLIENTS = fileURLToPath(new URL('./clients.ts', import.meta.url));
const SECONDS = QUICK ? 0.5 : 3;

export async function serve(guarded: boolean): Promise<Figures> {
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(sockets, 'listening');
  const add = ({ a, b }: { a: number; b: number }) => a + b;
  if (guarded) {
    const file = new URL('../../dist/json-rpc.js', import.meta.url).href;
    const { guardJsonRpc } = (await import(file)) as typeof Adapter;
    const limiter = new Limiter({ maxRequestsPerSec: 1e6, burstSize: 1e9 });
    const server = new JSONRPCServer<Adapter.JsonRpcCall>();
    server.addMethod('add', add);
    const gate = guardJsonRpc(server, new RpcGuard(limiter));
    let connections = 0;
    sockets.on('connection', (socket) => gate.accept(socket, `peer ${connections++}`));
  } else {
    const server = new JSONRPCServer();
    server.addMethod('add', add);
    sockets.on('connection', (socket) => {
      socket.on('message', async (data) => {
        const answer = await server.receiveJSON(String(data));
        if (answer) socket.send(JSON.stringify(answer));
      });
    });
  }

  const { port } = sockets.address() as AddressInfo;
  const client = spawn(process.execPath, ['--import', 'tsx', CLIENTS, String(port), String(SECONDS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  client.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const before = process.cpuUsage();
  const [code] = (await once(client, 'close')) as [number];
  if (code !== 0) throw new Error(`the clients ended with ${code}`);
  const { user, system } = process.cpuUsage(before);
  const { answered, seconds, p50, p99 } = JSON.parse(output) as Record<string, number>;
  if (!answered || !seconds) throw new Error('nothing was answered');
  return {
    'requests/s': answered / seconds,
    'p50, ms': p50 ?? Number.NaN,
    'p99, ms': p99 ?? Number.NaN,
    'CPU of the server, µs a request': (user + system) / answered,
  };
}

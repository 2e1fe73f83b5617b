// A server in this process under a flood from another process, with several kinds of defence, and what honest peers notice.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { JSONRPCServer } from 'json-rpc-2.0';
import { type WebSocket, WebSocketServer } from 'ws';
import type * as Adapter from '../../src/adapters/json-rpc.js';
import { type Figures, QUICK } from '../measure.js';
import { Limiter, RpcGuard } from '../peergate.js';

const CLIENTS = fileURLToPath(new URL('./flood-clients.ts', import.meta.url));
const SECONDS = QUICK ? 0.5 : 5;
const WORK_MS = 0.2;

/** What protects the server: nothing, a limiter that answers or drops its rejections, or the adapter. */
export type Defence = 'none' | 'answering' | 'silent' | 'adapter';

const busy = () => {
  const end = performance.now() + WORK_MS;
  while (performance.now() < end);
  return 'done';
};

interface Service {
  accept(socket: WebSocket, peer: string): void;
  /** Frames received from the flooder so far. */
  taken(): number;
}

function byHand(defence: 'none' | 'answering' | 'silent'): Service {
  const server = new JSONRPCServer();
  server.addMethod('work', busy);
  const guard = new RpcGuard(new Limiter());
  let taken = 0;
  return {
    taken: () => taken,
    accept(socket, name) {
      const peer = guard.limiter.peer(name);
      socket.on('message', async (data) => {
        if (name === 'flooder') taken++;
        const decision = defence === 'none' ? 0 : peer.check();
        if (decision < 0) {
          if (defence === 'silent') return;
          const { id } = JSON.parse(String(data));
          socket.send(JSON.stringify({ jsonrpc: '2.0', id, error: guard.toRpcError(decision) }));
          return;
        }
        const answer = await server.receiveJSON(String(data));
        if (answer && socket.readyState === socket.OPEN) socket.send(JSON.stringify(answer));
      });
    },
  };
}

async function byAdapter(): Promise<Service> {
  const file = new URL('../../dist/json-rpc.js', import.meta.url).href;
  const { guardJsonRpc } = (await import(file)) as typeof Adapter;
  const server = new JSONRPCServer<Adapter.JsonRpcCall>();
  server.addMethod('work', busy);
  const gate = guardJsonRpc(server, new RpcGuard(new Limiter()));
  let flooder: Adapter.JsonRpcConnection | undefined;
  return {
    taken: () => flooder?.stats().received ?? 0,
    accept(socket, name) {
      const connection = gate.accept(socket, name);
      if (name === 'flooder') flooder = connection;
    },
  };
}

async function clients(role: string, port: number): Promise<Record<string, number>> {
  const child = spawn(process.execPath, ['--import', 'tsx', CLIENTS, role, String(port), String(SECONDS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`the ${role} clients ended with ${code}`);
  return JSON.parse(output);
}

export async function underFlood(defence: Defence, isFlooded: boolean): Promise<Figures> {
  const service = defence === 'adapter' ? await byAdapter() : byHand(defence);
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await once(sockets, 'listening');
  sockets.on('connection', (socket, request) => {
    socket.on('error', () => {});
    service.accept(socket, (request.url ?? '').slice(1));
  });
  const { port } = sockets.address() as AddressInfo;
  const before = process.cpuUsage();
  const [honest, flooder] = await Promise.all([
    clients('honest', port),
    isFlooded ? clients('flooder', port) : { sent: 0, heard: 0 },
  ]);
  const { user, system } = process.cpuUsage(before);
  const { asked = 0, answered = 0, p50 = Number.NaN, p99 = Number.NaN } = honest;
  return {
    'frames taken in': service.taken(),
    'answers to the flooder': flooder['heard'] ?? 0,
    'honest p50, ms': p50,
    'honest p99, ms': p99,
    'honest unanswered, %': (100 * (asked - answered)) / asked,
    'CPU of the server, s': (user + system) / 1e6,
  };
}

/** A socket.io server on loopback whose events are guarded, and its own client. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type Socket } from 'socket.io';
import { type Socket as ClientSocket, io } from 'socket.io-client';
import { guardNamespace, type SocketOptions } from '../../../src/adapters/socket.io.js';
import type { RpcGuard } from '../../../src/index.js';
import { until } from '../../rpc/support.js';
import type { AdapterRig, Options, Seen, Served } from '../behaviours.js';

/** What an acknowledgement says. */
export interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly code: unknown; readonly message?: string; readonly data?: Seen };
}

type Reply = (answer: Answer) => void;

export async function serveSockets(
  guard: RpcGuard,
  options: SocketOptions<Socket>,
  transport = 'websocket',
  second?: RpcGuard,
) {
  const http = createServer();
  const server = new Server(http, { serveClient: false });
  const namespace = server.of('/limited');
  guardNamespace(guard, namespace, { peer: ({ handshake }) => handshake.auth['as'] as string, ...options });
  if (second !== undefined) guardNamespace(second, namespace, { peer: () => 'everyone' });
  const seen = { handled: 0, noted: 0, replies: [] as Reply[] };
  namespace.on('connection', (socket) => {
    socket.on('ok', (reply: Reply) => {
      seen.handled++;
      reply({ result: 'fine' });
    });
    // A handler that throws would end the process. This one says so.
    socket.on('crash', (reply: Reply) => {
      seen.handled++;
      reply({ error: { code: 'CRASH' } });
    });
    socket.on('hang', (reply: Reply) => {
      seen.handled++;
      seen.replies.push(reply);
    });
    socket.on('note', () => {
      seen.noted++;
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/limited`;

  const clients = new Map<string, { socket: ClientSocket; lost: Set<() => void> }>();
  async function clientOf(as: string) {
    let client = clients.get(as);
    if (client === undefined) {
      const socket = io(url, { transports: [transport], auth: { as }, forceNew: true, reconnection: false });
      const lost = new Set<() => void>();
      socket.on('disconnect', () => {
        clients.delete(as);
        for (const tell of lost) tell();
      });
      client = { socket, lost };
      clients.set(as, client);
    }
    const { socket } = client;
    if (!socket.connected) await new Promise<void>((resolve) => socket.once('connect', resolve));
    return client;
  }

  const ask = async (event: string, as: string): Promise<Answer> => {
    const { socket, lost } = await clientOf(as);
    return new Promise((resolve, reject) => {
      const tell = () => reject(new Error('disconnected'));
      lost.add(tell);
      socket.emit(event, (answer: Answer) => {
        lost.delete(tell);
        resolve(answer);
      });
    });
  };

  return {
    seen,
    ask,
    socketOf: async (as: string) => (await clientOf(as)).socket,
    cancel: async (as: string) => {
      const before = seen.handled;
      const call = ask('hang', as).catch(() => {});
      await until(() => seen.handled > before, 'the handler to begin');
      (await clientOf(as)).socket.disconnect();
      await call;
    },
    async stop(): Promise<void> {
      for (const { socket } of clients.values()) socket.disconnect();
      if (http.listening) await server.close();
    },
  };
}

export function rigOf(name: string, transport: string): AdapterRig {
  return {
    name,
    entry: 'socket.io',
    codes: {
      ok: 'fine',
      rate_limited: -32001,
      circuit_open: -32002,
      table_full: -32001,
      unavailable: -32603,
      internal: -32603,
    },
    without: { 'stream as a probe': 'it has no streams' },
    make: (guard, options) => guardNamespace(guard, { use: () => {}, on: () => {} }, options),
    async serve(guard: RpcGuard, options: Options): Promise<Served> {
      const { seen, ask, cancel, stop } = await serveSockets(guard, options, transport);
      return {
        call: async (method, as) => {
          const { result, error } = await ask(method, as);
          return error === undefined ? { code: result } : { ...error.data, code: error.code };
        },
        cancel,
        stream: () => Promise.reject(new Error('it has none')),
        handled: () => seen.handled,
        stop,
      };
    },
  };
}

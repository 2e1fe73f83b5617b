/** A guarded JSON-RPC server on loopback, and clients that speak to it over real sockets. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { JSONRPCServer } from 'json-rpc-2.0';
import { WebSocket, WebSocketServer } from 'ws';
import {
  guardJsonRpc,
  type JsonRpcCall,
  type JsonRpcConnection,
  type JsonRpcGate,
  type JsonRpcOptions,
} from '../../src/adapters/json-rpc.js';
import { RateLimiter, RpcGuard, type RpcGuardOptions } from '../../src/index.js';
import { type Deferred, deferred, until } from '../rpc/support.js';

export interface RigOptions {
  limiter?: object;
  guard?: RpcGuardOptions;
  adapter?: JsonRpcOptions<JsonRpcCall>;
  /** Called with the server's end of each connection before the gate gets it. */
  onSocket?: (socket: WebSocket) => void;
  /** Called with the server before the gate is put before it. */
  prepare?: (server: JSONRPCServer<JsonRpcCall>) => void;
  compress?: boolean;
}

/** A response as it came over the wire. */
export interface Wire {
  jsonrpc: string;
  id: unknown;
  result?: unknown;
  error?: { code: number; message: string; data?: unknown };
}

export class Client {
  /** Every message so far, parsed. */
  readonly received: (Wire | Wire[])[] = [];
  readonly socket: WebSocket;
  closeCode: number | undefined;
  #lastId = 0;

  constructor(url: string, options: { compress?: boolean } = {}) {
    this.socket = new WebSocket(url, { perMessageDeflate: options.compress ?? false });
    this.socket.on('message', (data) => this.received.push(parse(String(data))));
    this.socket.on('close', (code) => {
      this.closeCode = code;
    });
    this.socket.on('error', () => {});
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Sends a request and waits for its response. */
  async call(method: string, params?: unknown): Promise<Wire> {
    const id = `call ${++this.#lastId}`;
    const isMine = (message: Wire | Wire[]): message is Wire => !Array.isArray(message) && message.id === id;
    this.send({ jsonrpc: '2.0', id, method, params });
    await until(() => this.received.some(isMine), `${method}'s answer`);
    return this.received.find(isMine) as Wire;
  }

  /** Waits for as many messages in all, and gives them. */
  async messages(count: number): Promise<(Wire | Wire[])[]> {
    await until(() => this.received.length >= count, `${count} messages, got ${this.received.length}`);
    return this.received;
  }

  /** Waits until the server has read everything sent so far: its pong comes after. */
  async read(): Promise<void> {
    const pong = once(this.socket, 'pong');
    this.socket.ping();
    await pong;
  }

  async closed(): Promise<number> {
    await until(() => this.closeCode !== undefined, 'the close');
    return this.closeCode as number;
  }
}

// Kept, since a test counts how often the server parses.
const { parse } = JSON;

export interface Rig {
  /** The limiter's clock. It stands still until it is moved. */
  readonly at: { ms: number };
  readonly limiter: RateLimiter;
  readonly guard: RpcGuard;
  readonly server: JSONRPCServer<JsonRpcCall>;
  readonly gate: JsonRpcGate;
  /** The methods that were called, in order. */
  readonly calls: string[];
  /** What `hang` waits for. */
  readonly hanging: (Deferred<unknown> & { readonly signal: AbortSignal })[];
  /** The server's ends of the connections, in order. */
  readonly sockets: WebSocket[];
  readonly connections: JsonRpcConnection[];
  connect(peer: string): Promise<Client>;
  stop(): Promise<void>;
}

/** The methods of the server: `add`, `crash`, `hang` (until the test lets go), `big` (a string so long). */
function methods(calls: string[], hanging: Rig['hanging']): JSONRPCServer<JsonRpcCall> {
  const server = new JSONRPCServer<JsonRpcCall>({ errorListener: () => {} });
  const add = (name: string, method: (params: unknown[], call: JsonRpcCall) => unknown) =>
    server.addMethod(name, (params, call) => {
      calls.push(name);
      return method(params, call);
    });
  add('add', ([a, b]) => (a as number) + (b as number));
  add('crash', () => {
    throw new Error('crash');
  });
  add('hang', (_, { signal }) => {
    const one = { ...deferred<unknown>(), signal };
    hanging.push(one);
    return one.promise;
  });
  add('big', ([length]) => 'x'.repeat(length as number));
  add('who', (_, { peer, request }) => [peer.id, request.id]);
  add('unspeakable', () => 5n);
  return server;
}

export async function rig(options: RigOptions = {}): Promise<Rig> {
  const at = { ms: 0 };
  const limiter = new RateLimiter({
    maxRequestsPerSec: 10,
    burstSize: 20,
    circuitBreakerThreshold: 5,
    circuitBreakerTimeoutMs: 1_000,
    clock: () => at.ms,
    ...options.limiter,
  });
  const guard = new RpcGuard(limiter, options.guard);
  const calls: string[] = [];
  const hanging: Rig['hanging'] = [];
  const sockets: WebSocket[] = [];
  const connections: JsonRpcConnection[] = [];
  const clients: Client[] = [];
  const server = methods(calls, hanging);
  options.prepare?.(server);
  const gate = guardJsonRpc(server, guard, options.adapter ?? {});
  const listening = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    maxPayload: 2 ** 20,
    perMessageDeflate: options.compress ?? false,
  });
  listening.on('connection', (socket, request) => {
    options.onSocket?.(socket);
    sockets.push(socket);
    connections.push(gate.accept(socket, decodeURIComponent(request.url?.slice(1) ?? '')));
  });
  await once(listening, 'listening');
  const { port } = listening.address() as AddressInfo;

  return {
    at,
    limiter,
    guard,
    server,
    gate,
    calls,
    hanging,
    sockets,
    connections,
    async connect(peer) {
      const client = new Client(`ws://127.0.0.1:${port}/${encodeURIComponent(peer)}`, {
        compress: options.compress ?? false,
      });
      clients.push(client);
      const accepted = connections.length + 1;
      await once(client.socket, 'open');
      await until(() => connections.length >= accepted, 'the connection');
      return client;
    },
    async stop() {
      for (const one of hanging) one.resolve(null);
      for (const client of clients) client.socket.terminate();
      for (const socket of sockets) socket.terminate();
      await new Promise((resolve) => listening.close(resolve));
    },
  };
}

/** Runs a test with a server of its own, and stops that whatever comes of it. */
export function withRig(options: RigOptions, act: (rig: Rig) => Promise<void>): () => Promise<void> {
  return async () => {
    const own = await rig(options);
    try {
      await act(own);
    } finally {
      await own.stop();
    }
  };
}

/** What the limiter says of a peer. */
export function peerInfo(limiter: RateLimiter, id: string) {
  const found = [...limiter.peers()].find((peer) => peer.id === id);
  if (found === undefined) throw new Error(`no row for ${id}`);
  return found;
}

export const request = (id: unknown, method: string, params?: unknown) => ({ jsonrpc: '2.0', id, method, params });
export const notification = (method: string, params?: unknown) => ({ jsonrpc: '2.0', method, params });

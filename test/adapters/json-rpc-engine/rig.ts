/** Both of MetaMask's engines behind WebSockets on loopback, with the guard as their first middleware. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { JsonRpcEngine } from '@metamask/json-rpc-engine';
import {
  JsonRpcEngineV2,
  type JsonRpcRequest,
  JsonRpcServer,
  type MiddlewareContext,
  type MiddlewareParams,
} from '@metamask/json-rpc-engine/v2';
import { rpcErrors } from '@metamask/rpc-errors';
import { WebSocket, WebSocketServer } from 'ws';
import { type EngineOptions, guardEngine } from '../../../src/adapters/json-rpc-engine.js';
import type { RpcGuard } from '../../../src/index.js';
import type { AdapterRig, Options, Seen, Served } from '../behaviours.js';

export type Context = MiddlewareContext<{ origin: string }>;
export type OriginRequest = JsonRpcRequest & { origin?: string };

export interface Response {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: Seen };
}

/** Answers a message of a peer. */
export type Answer = (message: object, origin: string) => Promise<unknown>;

export class Methods {
  handled = 0;
  /** The method of this name. An error with a code is thrown for `fail`. */
  call(method: string, params: unknown): unknown {
    this.handled++;
    if (method === 'ok') return 'fine';
    if (method === 'hang') return new Promise(() => {});
    if (method === 'crash') throw new Error('crash');
    if (method === 'fail') {
      const [code] = params as [number];
      throw Object.assign(new Error('failed'), { code });
    }
    throw rpcErrors.methodNotFound();
  }
}

export function newEngine(guard: RpcGuard, options: Partial<EngineOptions<Context>>, methods: Methods): Answer {
  const limit = guardEngine(guard, { peer: (context: Context) => context.get('origin'), ...options });
  const answer = async ({ request }: MiddlewareParams): Promise<string | undefined> => {
    const result = (await methods.call(request.method, request.params)) as string;
    return 'id' in request ? result : undefined;
  };
  const engine = JsonRpcEngineV2.create({ middleware: [limit, answer] });
  const server = new JsonRpcServer({ engine: engine as never }); // its type knows no context
  return (message, origin) => server.handle(message as JsonRpcRequest, { context: { origin } });
}

export function oldEngine(guard: RpcGuard, options: Partial<EngineOptions<OriginRequest>>, methods: Methods): Answer {
  const engine = new JsonRpcEngine();
  engine.push(guardEngine(guard, { peer: (request: OriginRequest) => request.origin, ...options }));
  engine.push(async ({ method, params }, response, _next, end) => {
    try {
      response.result = (await methods.call(method, params)) as string;
      end();
    } catch (error) {
      end(error);
    }
  });
  return (message, origin) => engine.handle({ ...message, origin } as never);
}

/** Serves it over WebSockets; the peer is named in the address. */
export async function serve(answer: Answer) {
  const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await once(sockets, 'listening');
  sockets.on('connection', (socket, { url }) => {
    socket.on('message', async (data) => {
      const response = await answer(JSON.parse(String(data)), String(url).slice(1));
      if (response !== undefined) socket.send(JSON.stringify(response));
    });
  });
  const address = `ws://127.0.0.1:${(sockets.address() as AddressInfo).port}`;
  const waiting = new Map<number, (response: Response) => void>();
  const clients = new Map<string, Promise<WebSocket>>();

  async function connect(as: string): Promise<WebSocket> {
    const socket = new WebSocket(`${address}/${as}`, { perMessageDeflate: false });
    socket.on('message', (data) => {
      const response = JSON.parse(String(data)) as Response & { readonly id: number };
      waiting.get(response.id)?.(response);
      waiting.delete(response.id);
    });
    await once(socket, 'open');
    return socket;
  }

  let lastId = 0;
  async function send(message: object, as: string): Promise<void> {
    let client = clients.get(as);
    if (client === undefined) {
      client = connect(as);
      clients.set(as, client);
    }
    (await client).send(JSON.stringify({ jsonrpc: '2.0', ...message }));
  }

  return {
    notify: (method: string, as: string) => send({ method }, as),
    ask(method: string, as: string, params: unknown[] = []): Promise<Response> {
      const id = ++lastId;
      return new Promise((resolve, reject) => {
        waiting.set(id, resolve);
        send({ id, method, params }, as).catch(reject);
      });
    },
    async stop(): Promise<void> {
      for (const socket of sockets.clients) socket.terminate();
      for (const settle of waiting.values()) settle({ error: { code: 0, message: 'the server has gone' } });
      await new Promise((resolve) => sockets.close(resolve));
    },
  };
}

export function rigOf(name: string, engine: typeof newEngine | typeof oldEngine): AdapterRig {
  return {
    name,
    entry: 'json-rpc-engine',
    codes: {
      ok: 'fine',
      rate_limited: -32005,
      circuit_open: -32002,
      table_full: -32005,
      unavailable: -32603,
      internal: -32603,
    },
    without: {
      'cancelled call': 'the engine cannot cancel',
      'stream as a probe': 'it has no streams',
    },
    make: (guard, options) => guardEngine(guard, { peer: () => 'peer', ...options }),
    async serve(guard: RpcGuard, options: Options): Promise<Served> {
      const methods = new Methods();
      const { ask, stop } = await serve(engine(guard, options as never, methods));
      return {
        call: async (method, as) => {
          const { result, error } = await ask(method, as);
          return error === undefined ? { code: result } : { ...error.data, code: error.code };
        },
        cancel: () => Promise.reject(new Error('it cannot')),
        stream: () => Promise.reject(new Error('it cannot')),
        handled: () => methods.handled,
        stop,
      };
    },
  };
}

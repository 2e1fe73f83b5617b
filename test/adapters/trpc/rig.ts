/** A tRPC server on loopback, over HTTP and WebSockets, whose base procedure is guarded, and its own client. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import {
  createTRPCClient,
  createWSClient,
  httpBatchLink,
  httpSubscriptionLink,
  splitLink,
  TRPCClientError,
  wsLink,
} from '@trpc/client';
import { initTRPC, TRPCError } from '@trpc/server';
import { createHTTPServer } from '@trpc/server/adapters/standalone';
import { applyWSSHandler } from '@trpc/server/adapters/ws';
import { observable } from '@trpc/server/observable';
import { EventSource } from 'eventsource';
import { WebSocket, WebSocketServer } from 'ws';
import { guardTrpc, rejectionOf, type TrpcOptions } from '../../../src/adapters/trpc.js';
import type { RpcGuard } from '../../../src/index.js';
import { type Deferred, deferred, until } from '../../rpc/support.js';
import type { AdapterRig, OpenStream, Options, Seen, Served } from '../behaviours.js';

export interface Context {
  readonly as: string;
}

/** What the methods did, and how a test has a say in it. */
class Work {
  handled = 0;
  parsed = 0;
  /** Ends the stream that began last. */
  last: Deferred<void> = deferred();
  /** Streams that were given up by whoever read them. */
  left = 0;

  begin(): Deferred<void> {
    this.handled++;
    this.last = deferred();
    return this.last;
  }
}

function routerOf(guard: RpcGuard, options: TrpcOptions<Context>, work: Work) {
  const t = initTRPC.context<Context>().create({
    errorFormatter: ({ shape, error }) => ({ ...shape, data: { ...shape.data, ...rejectionOf(error) } }),
  });
  const guarded = t.procedure.use(guardTrpc(guard, options));
  const parse = (value: unknown) => {
    work.parsed++;
    return value as string | undefined;
  };
  return t.router({
    ok: guarded.input(parse).query(() => {
      work.handled++;
      return 'fine';
    }),
    crash: guarded.mutation((): string => {
      work.handled++;
      throw new Error('crash');
    }),
    /** Ends with an error that has this code. */
    answer: guarded
      .input((code) => code as TRPCError['code'])
      .query(({ input }): string => {
        work.handled++;
        throw new TRPCError({ code: input });
      }),
    /** Runs until it is told to end, whatever its client does. */
    hang: guarded.query(async () => {
      await work.begin().promise;
      return 'late';
    }),
    ticks: guarded.subscription(async function* () {
      const end = work.begin();
      try {
        yield 'first';
        await end.promise;
        yield 'last';
      } finally {
        work.left++;
      }
    }),
    /** Has nothing to say. */
    quiet: guarded.subscription(async function* (): AsyncGenerator<string> {
      await work.begin().promise;
      yield 'late';
    }),
    observed: guarded.subscription(() =>
      observable<string>((observer) => {
        const end = work.begin();
        observer.next('first');
        end.promise.then(
          () => observer.complete(),
          (error) => observer.error(error),
        );
        return () => {
          work.left++;
        };
      }),
    ),
    open: t.procedure.query(() => 'for everyone'),
  });
}

export type Router = ReturnType<typeof routerOf>;

export type Transport = 'http' | 'ws';

/** What a client sees of an error. */
export function seenOf(error: unknown): Seen {
  if (!(error instanceof TRPCClientError)) throw error;
  const { code, reason, retryAfterMs } = (error.data ?? {}) as Seen;
  if (reason === undefined || retryAfterMs === undefined) return { code };
  return { code, reason, retryAfterMs };
}

export async function serveTrpc(guard: RpcGuard, options: Partial<TrpcOptions<Context>>, transport: Transport) {
  const work = new Work();
  const router = routerOf(guard, { peer: (ctx) => ctx.as, ...options }, work);
  const server = createHTTPServer({ router, createContext: ({ req }) => ({ as: String(req.headers['x-as']) }) });
  const sockets = new WebSocketServer({ server, perMessageDeflate: false });
  const asOf = (url = '') => new URL(url, 'http://localhost').searchParams.get('as') ?? '';
  applyWSSHandler({ wss: sockets, router, createContext: ({ req }) => ({ as: asOf(req.url) }) });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const closers: (() => void)[] = [];

  function connect(as: string) {
    if (transport === 'ws') {
      const client = createWSClient({
        url: `ws://${address}?as=${as}`,
        WebSocket: WebSocket as never,
        retryDelayMs: () => 5,
      });
      const close = () => client.close();
      closers.push(close);
      return { client: createTRPCClient<Router>({ links: [wsLink({ client })] }), close };
    }
    const headers = { 'x-as': as };
    const url = `http://${address}`;
    const calls = httpBatchLink({ url, headers });
    const streams = httpSubscriptionLink({
      url,
      EventSource: EventSource as never,
      eventSourceOptions: {
        fetch: (to: string, init: RequestInit) => fetch(to, { ...init, headers: { ...init.headers, ...headers } }),
      } as never,
    });
    const links = [splitLink({ condition: ({ type }) => type === 'subscription', true: streams, false: calls })];
    return { client: createTRPCClient<Router>({ links }), close: () => {} };
  }

  const known = new Map<string, ReturnType<typeof connect>>();
  function clientOf(as: string) {
    let one = known.get(as);
    if (one === undefined) {
      one = connect(as);
      known.set(as, one);
    }
    return one.client;
  }

  async function stream(as: string, method: 'ticks' | 'observed' = 'ticks'): Promise<OpenStream & { leave(): void }> {
    const first = deferred();
    const over = deferred();
    const { unsubscribe } = clientOf(as)[method].subscribe(undefined, {
      onData: () => first.resolve(),
      onError: (error) => {
        first.reject(error);
        over.resolve();
      },
      onComplete: () => over.resolve(),
      // After an error of the server the client would subscribe again.
      onConnectionStateChange: ({ error }) => {
        if (error === null) return;
        unsubscribe();
        first.reject(error);
        over.resolve();
      },
    });
    await first.promise;
    const end = work.last;
    return {
      end: () => {
        end.resolve();
        return over.promise;
      },
      fail: () => {
        end.reject(new Error('the stream broke'));
        return over.promise;
      },
      leave: unsubscribe,
    };
  }

  const served = {
    call: async (method: 'ok' | 'crash' | 'hang', as: string): Promise<Seen> => {
      const client = clientOf(as);
      try {
        await (method === 'crash' ? client.crash.mutate() : client[method].query());
        return { code: 'OK' };
      } catch (error) {
        return seenOf(error);
      }
    },
    cancel: async (as: string) => {
      const before = work.handled;
      const begun = () => until(() => work.handled > before, 'the handler to begin');
      if (transport === 'ws') {
        // Nobody hears there of a query that was given up.
        const { unsubscribe } = clientOf(as).quiet.subscribe(undefined, { onData: () => {} });
        await begun();
        unsubscribe();
        return;
      }
      const controller = new AbortController();
      const call = clientOf(as).hang.query(undefined, { signal: controller.signal });
      await begun();
      controller.abort();
      await call.catch(() => {});
    },
    stream,
    handled: () => work.handled,
    parsed: () => work.parsed,
    stop: async () => {
      for (const close of closers) close();
      sockets.close();
      for (const socket of sockets.clients) socket.terminate();
      if (!server.listening) return;
      server.close();
      (server as { closeAllConnections(): void }).closeAllConnections();
      await once(server, 'close');
    },
  } satisfies Served;
  return { ...served, work, clientOf, url: `http://${address}` };
}

export function rigOf(name: string, transport: Transport): AdapterRig {
  const code = { code: 'SERVICE_UNAVAILABLE' };
  return {
    name,
    entry: 'trpc',
    codes: {
      ok: 'OK',
      rate_limited: 'TOO_MANY_REQUESTS',
      circuit_open: 'TOO_MANY_REQUESTS',
      table_full: code.code,
      unavailable: code.code,
      internal: 'INTERNAL_SERVER_ERROR',
    },
    make: (guard, options) => guardTrpc(guard, { peer: () => 'peer', ...options }),
    serve: (guard: RpcGuard, options: Options) => serveTrpc(guard, options, transport),
  };
}

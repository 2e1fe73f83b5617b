// A tRPC server with and without the guard, both in this process.

import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { initTRPC } from '@trpc/server';
import { createHTTPServer } from '@trpc/server/adapters/standalone';
import type * as Adapter from '../../src/adapters/trpc.js';
import type { Figures } from '../measure.js';
import { Limiter, RpcGuard } from '../peergate.js';
import { inTurns } from './pair.js';

interface Context {
  readonly from: string;
}

const t = initTRPC.context<Context>().create();
const parse = (input: unknown) => input as { a: number; b: number };

async function serve(procedure: typeof t.procedure): Promise<number> {
  const router = t.router({ add: procedure.input(parse).query(({ input }) => input.a + input.b) });
  const createContext = ({ req }: { readonly req: IncomingMessage }) => ({
    from: req.socket.remoteAddress ?? '',
  });
  const server = createHTTPServer({ router, createContext });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

export async function trpcPair(): Promise<Figures> {
  const file = new URL('../../dist/trpc.js', import.meta.url).href;
  const { guardTrpc } = (await import(file)) as typeof Adapter;
  const guard = new RpcGuard(new Limiter({ maxRequestsPerSec: 1e6, burstSize: 1e9 }));
  const guarded = t.procedure.use(guardTrpc(guard, { peer: (ctx) => ctx.from }));
  return inTurns([await serve(t.procedure), await serve(guarded)], 'trpc-clients');
}

// A tRPC server whose procedures are limited by the address of their client.
//
//     node --import tsx examples/trpc.ts [port]

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { initTRPC } from '@trpc/server';
import { createHTTPServer } from '@trpc/server/adapters/standalone';
import { presets, RateLimiter, RpcGuard } from 'peergate';
import { addressPeer, clientAddress } from 'peergate/address';
import { guardTrpc, rejectionOf } from 'peergate/trpc';

const guard = new RpcGuard(new RateLimiter({ ...presets.strict }), { timeoutMs: 5_000 });

const t = initTRPC.context<{ address: string }>().create({
  // Tells clients why they were rejected, and for how long: error.data.reason, error.data.retryAfterMs.
  errorFormatter: ({ shape, error }) => ({ ...shape, data: { ...shape.data, ...rejectionOf(error) } }),
});
const procedure = t.procedure.use(guardTrpc(guard, { peer: (ctx) => addressPeer(ctx.address) }));

const router = t.router({
  time: procedure.query(() => new Date().toISOString()),
  broken: procedure.mutation(() => {
    throw new Error('no such block');
  }),
});

const server = createHTTPServer({ router, createContext: ({ req }) => ({ address: clientAddress(req) }) });
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1');
process.once('SIGTERM', () => server.close());
await once(server, 'listening');
console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);

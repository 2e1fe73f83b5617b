// Koa 3, limited by API key where there is one, else by address.
//
//     node --import tsx examples/koa.ts [PORT]

import Koa from 'koa';
import { RateLimiter, RpcGuard } from 'peergate';
import { addressPeer } from 'peergate/address';
import { guardKoa } from 'peergate/http';

const limiter = new RateLimiter({ maxRequestsPerSec: 1, burstSize: 5 });
const guard = new RpcGuard(limiter, { timeoutMs: 5_000 });
const keys = new Set(['alice', 'bob']);
const app = new Koa();

app.use(
  guardKoa<Koa.Context>(guard, {
    // A key counts only if it is one, or everybody would have as many buckets as they can think of.
    peer: (ctx) => {
      const key = ctx.get('x-api-key');
      return keys.has(key) ? `key:${key}` : addressPeer(ctx.req.socket.remoteAddress);
    },
    cost: (ctx) => (ctx.path === '/report' ? 3 : 1),
  }),
);
app.use((ctx) => {
  ctx.body = { path: ctx.path };
});

const server = app.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => console.log(server.address()));

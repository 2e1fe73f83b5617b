// Hono 4 on Node. The same app runs on Bun, Deno and Workers; only the last line differs.
//
//     node --import tsx examples/hono.ts [PORT]

import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { RateLimiter, RpcGuard } from 'peergate';
import { guardHono } from 'peergate/fetch';

const guard = new RpcGuard(new RateLimiter({ maxRequestsPerSec: 1, burstSize: 5 }));
const app = new Hono();

app.use(guardHono(guard));
app.get('/', (c) => c.json({ hello: 'world' }));
// A stream is judged by its first event, and once more if it fails later.
app.get('/ticks', (c) =>
  streamSSE(c, async (stream) => {
    for (let i = 0; i < 3; i++) await stream.writeSSE({ data: String(i) });
  }),
);

serve({ fetch: app.fetch, port: Number(process.argv[2] ?? 0), hostname: '127.0.0.1' }, (address) =>
  console.log(address),
);

// Fastify 5. One plugin limits all requests, also those for which there is no route.
//
//     node --import tsx examples/fastify.ts [PORT]

import fastify from 'fastify';
import { RateLimiter, RpcGuard } from 'peergate';
import { fastifyPeergate } from 'peergate/http';

const limiter = new RateLimiter({ maxRequestsPerSec: 1, burstSize: 5 });
const app = fastify();

app.register(fastifyPeergate, {
  guard: new RpcGuard(limiter),
  skip: ({ url }) => url === '/health',
});
app.get('/', async () => ({ hello: 'world' }));
app.get('/health', async () => 'ok');
app.addHook('onClose', async () => limiter.close());

await app.listen({ port: Number(process.argv[2] ?? 0), host: '127.0.0.1' });
console.log(app.server.address());

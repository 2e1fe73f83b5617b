// Express 5, limited by the address of the client: 5 requests at once, then one a second.
//
//     node --import tsx examples/express.ts [PORT]

import express from 'express';
import { RateLimiter, RpcGuard, reasonOf } from 'peergate';
import { addressPeer, clientAddress } from 'peergate/address';
import { guardHttp } from 'peergate/http';

const guard = new RpcGuard(new RateLimiter({ maxRequestsPerSec: 1, burstSize: 5, circuitBreakerThreshold: 3 }));
const app = express();

app.use(
  guardHttp<express.Request>(guard, {
    // Proxies on this machine say whom they serve. Everybody else is who they are.
    peer: (request) => addressPeer(clientAddress(request, { trust: ['loopback'] })),
    skip: ({ method }) => method === 'OPTIONS',
    onReject: (decision, { path }, passedOver) =>
      console.log(`${path}: ${reasonOf(decision)}, and ${passedOver} more since the last of these lines`),
  }),
);
app.use(express.json());
app.post('/echo', (request, response) => void response.json(request.body));
app.get('/broken', () => {
  throw new Error('broken');
});
// What a handler throws ends here, as 500: a failure of the peer that asked. Three of them open its circuit.
app.use((_error: unknown, _request: unknown, response: express.Response, _next: unknown) => {
  response.status(500).end();
});

const server = app.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => console.log(server.address()));

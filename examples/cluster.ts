// An HTTP server of which several run behind a balancer, with one limit for all of them. Start as many as you say:
//
//     node --import tsx examples/cluster.ts redis://127.0.0.1:6379 3

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'iovalkey';
import { isAllowed, RateLimiter, retryAfterMs } from 'peergate';
import { ClusterSync, fromIovalkey } from 'peergate/cluster';

const [url = 'redis://127.0.0.1:6379', nodes = '3'] = process.argv.slice(2);

const client = new Redis(url, { enableOfflineQueue: false, autoResendUnfulfilledCommands: false });
// The client reconnects by itself. Until then this server gives its part of the limit.
client.on('error', ({ message }) => console.error(`engine: ${message}`));

const limiter = new RateLimiter({ maxRequestsPerSec: 10, burstSize: 30 });
const sync = new ClusterSync(limiter, { transport: fromIovalkey(client), nodes: Number(nodes) });

const server = createServer((request, response) => {
  // Take it from where it cannot be invented: an API key that you have checked, or an address that your balancer vouches for.
  const peer = String(request.headers['x-api-key'] ?? request.socket.remoteAddress);
  const decision = limiter.check(peer);
  if (isAllowed(decision)) {
    response.end('done\n');
    return;
  }
  response.writeHead(429, { 'retry-after': String(Math.ceil(retryAfterMs(decision) / 1000)) });
  response.end('too many requests\n');
});
server.listen(0, '127.0.0.1', () => {
  console.log(`serving on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});

process.once('SIGTERM', async () => {
  server.close();
  server.closeAllConnections();
  // What was given and not paid for yet is paid now, so that the other servers know.
  await sync.close();
  client.disconnect();
  console.log(`exchanges: ${sync.stats().exchanges}, failures: ${sync.stats().failures}`);
});

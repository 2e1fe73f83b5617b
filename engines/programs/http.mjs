// A server of node:http with the guard before it: the second request of a peer is one too many.

import { createServer } from 'node:http';
import { RateLimiter, RpcGuard } from 'peergate';
import { guardHttp } from 'peergate/http';

export async function check(expect) {
  const limiter = new RateLimiter({ maxRequestsPerSec: 0.01, burstSize: 1, maxPeers: 100 });
  const limit = guardHttp(new RpcGuard(limiter));
  const server = createServer((request, response) => limit(request, response, () => response.end('served')));
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  try {
    const ask = () => fetch(`http://127.0.0.1:${server.address().port}/`);
    const served = await ask();
    expect('the first answer', `${served.status} ${await served.text()}`, '200 served');
    expect('what is left', served.headers.get('ratelimit'), '"peer";r=0');
    const refused = await ask();
    const problem = await refused.json();
    expect('the second answer', refused.status, 429);
    const wait = Number(refused.headers.get('retry-after'));
    expect('when to come again', wait > 0 && wait <= 100, true);
    expect('why', problem.type, 'https://iana.org/assignments/http-problem-types#quota-exceeded');
    expect('the peer', [...limiter.peers()].map(({ id }) => id).join(), '127.0.0.1');
  } finally {
    server.closeAllConnections?.();
    server.close();
  }
}

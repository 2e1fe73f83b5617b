// A Fetch handler with the guard around it. Bun and Deno serve it, and a Worker names its client in a header; there the peer is
// the one that the adapter finds by itself. Elsewhere the handler is called as a function.

import { RateLimiter, RpcGuard } from 'peergate';
import { guardFetch } from 'peergate/fetch';

const { Bun, Deno, navigator } = globalThis;
const isWorker = navigator?.userAgent === 'Cloudflare-Workers';

export async function check(expect) {
  const limiter = new RateLimiter({ maxRequestsPerSec: 0.01, burstSize: 1, maxPeers: 100 });
  const named = Bun || Deno || isWorker ? {} : { peer: (request) => request.headers.get('cf-connecting-ip') };
  const handler = guardFetch(new RpcGuard(limiter), named)(() => new Response('served'));
  const { ask, stop, peer } = serve(handler);
  try {
    const served = await ask();
    expect('the first answer', `${served.status} ${await served.text()}`, '200 served');
    expect('what is left', served.headers.get('ratelimit'), '"peer";r=0');
    const refused = await ask();
    const problem = await refused.json();
    expect('the second answer', refused.status, 429);
    expect('why', problem.type, 'https://iana.org/assignments/http-problem-types#quota-exceeded');
    expect('the peer', [...limiter.peers()].map(({ id }) => id).join(), peer);
  } finally {
    await stop();
  }
}

function serve(handler) {
  if (Bun) {
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: handler });
    return { ask: () => fetch(server.url), stop: () => server.stop(true), peer: '127.0.0.1' };
  }
  if (Deno) {
    const server = Deno.serve({ port: 0, hostname: '127.0.0.1', onListen() {} }, handler);
    return {
      ask: () => fetch(`http://127.0.0.1:${server.addr.port}/`),
      stop: () => server.shutdown(),
      peer: '127.0.0.1',
    };
  }
  const ask = () => handler(new Request('http://localhost/', { headers: { 'cf-connecting-ip': '192.0.2.1' } }), {});
  return { ask, stop() {}, peer: '192.0.2.1' };
}

// An HTTP server in as many threads as there are cores, behind one port, with one table: a client has one quota,
// whichever thread its connection lands on.
//
//     npm run build && node examples/threads.mjs [port]

import { once } from 'node:events';
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, threadId, Worker, workerData } from 'node:worker_threads';
import { isAllowed, RateLimiter, retryAfterMs } from 'peergate';

/** What every thread does with a request. */
function serve(limiter) {
  return createServer((request, response) => {
    const peer = request.socket.remoteAddress;
    const decision = limiter.check(peer);
    if (!isAllowed(decision)) {
      const seconds = Math.ceil(retryAfterMs(decision) / 1000);
      response.writeHead(429, { 'Retry-After': seconds }).end('too many requests\n');
      return;
    }
    response.end(`thread ${threadId}: ${limiter.getAvailableTokens(peer)} tokens left\n`);
    limiter.recordSuccess(peer, decision);
  });
}

async function startThread(limiter, fd) {
  const ticket = limiter.share(); // one for each thread, and for one only
  const worker = new Worker(new URL(import.meta.url), { workerData: { ticket, fd } });
  worker.once('error', console.error);
  worker.once('exit', () => {
    limiter.detach(ticket); // gives back what it held, however it went
    startThread(limiter, fd);
  });
  await once(worker, 'message');
}

if (isMainThread) {
  const limiter = new RateLimiter({ shared: true, maxRequestsPerSec: 1, burstSize: 20 });
  const server = serve(limiter).listen(Number(process.argv[2] ?? 0), '127.0.0.1');
  await once(server, 'listening');
  // Threads cannot be handed a server, but (not on Windows) they can listen on the same descriptor.
  for (let i = 1; i < availableParallelism(); i++) await startThread(limiter, server._handle.fd);
  process.once('SIGTERM', () => process.exit());
  console.log(`http://127.0.0.1:${server.address().port}`);
} else {
  const limiter = RateLimiter.attach(workerData.ticket);
  serve(limiter).listen({ fd: workerData.fd }, () => parentPort.postMessage('listening'));
}

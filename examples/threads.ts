// A server in several worker threads with one table: a client has one quota, whichever thread it reaches. SIGHUP replaces
// the threads one by one, and nobody's debts go with them.
//
//     node --import tsx examples/threads.ts [threads]

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { isAllowed, presets, RateLimiter, reasonOf, retryAfterMs, type Ticket } from 'peergate';

// Only because this runs from its source: a worker does not inherit the loader of TypeScript.
const execArgv = ['--import', new URL('./loader.mjs', import.meta.url).href];

/** Makes the table, and keeps so many threads at it. */
function supervise(threads: number): void {
  const limiter = new RateLimiter({ ...presets.strict, shared: true });
  const workers = new Set<Worker>();

  const start = () => {
    const ticket = limiter.share(); // one for each thread, once
    const worker = new Worker(new URL(import.meta.url), { workerData: ticket, execArgv });
    workers.add(worker);
    worker.on('message', (port) => console.log(`thread ${ticket.thread}: http://127.0.0.1:${port}`));
    worker.on('error', (error) => console.error(error));
    worker.once('exit', () => {
      workers.delete(worker);
      limiter.detach(ticket); // gives back what it held, however it ended
      start();
    });
  };
  for (let i = 0; i < threads; i++) start();

  process.on('SIGHUP', async () => {
    for (const worker of [...workers]) await worker.terminate();
  });
  process.once('SIGTERM', () => process.exit());
}

/** One thread: the same limiter, and a server of its own. */
async function serve(ticket: Ticket): Promise<void> {
  const limiter = RateLimiter.attach(ticket);
  const server = createServer((request, response) => {
    const decision = limiter.check(request.socket.remoteAddress ?? 'unknown');
    if (isAllowed(decision)) {
      response.end(`hello from thread ${ticket.thread}\n`);
    } else {
      const seconds = String(Math.ceil(retryAfterMs(decision) / 1000));
      response.writeHead(429, { 'retry-after': seconds }).end(`${reasonOf(decision)}\n`);
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  parentPort?.postMessage((server.address() as AddressInfo).port);
}

if (isMainThread) supervise(Number(process.argv[2] ?? 2));
else await serve(workerData as Ticket);

// A worker thread at a shared table whose debts another thread pays. It takes what each peer gets until it has so many tokens, and says
// so. Plain JavaScript over the built package.

import { parentPort, workerData } from 'node:worker_threads';
import { RateLimiter } from 'peergate';

const { ticket, peers, tokens } = workerData;
const limiter = RateLimiter.attach(ticket);

let given = 0;
while (given < tokens) {
  for (const peer of peers) given += Number(limiter.allows(peer));
  await new Promise((resolve) => setImmediate(resolve));
}
parentPort.postMessage(given);

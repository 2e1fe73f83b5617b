// A thread that waits for all others and then decides as fast as it can, by handle, for its own peer or for a shared one.

import { parentPort, workerData } from 'node:worker_threads';
import { RateLimiter } from '../../dist/index.js';

const { ticket, marks, threads, peer, ms } = workerData;
const handle = RateLimiter.attach(ticket).peer(peer);
const CALLS = 4_096;

function batch(from) {
  let allowed = 0;
  for (let i = 0; i < CALLS; i++) if (handle.check(1, from + i / 1_024) >= 0) allowed++;
  if (allowed !== CALLS) throw new Error(`${CALLS - allowed} of ${CALLS} decisions were not as expected`);
}

for (let i = 0; i < 50; i++) batch(0);
Atomics.add(marks, 0, 1);
while (Atomics.load(marks, 0) < threads);
const samples = [];
for (const end = performance.now() + ms; performance.now() < end; ) {
  const start = performance.now();
  batch(start);
  samples.push(((performance.now() - start) * 1e6) / CALLS);
}
samples.sort((a, b) => a - b);
parentPort.postMessage(samples[samples.length >> 1]);

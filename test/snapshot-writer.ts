/** A thread that gives one peer two kinds of lives by turns, for ever: one that owes tokens, one that failed once. */

import { workerData } from 'node:worker_threads';
import { RateLimiter, type Ticket } from '../src/index.js';

const { ticket, stop } = workerData as { ticket: Ticket; stop: Int32Array };
const limiter = RateLimiter.attach(ticket);
for (let turn = 0; Atomics.load(stop, 0) === 0; turn++) {
  if (turn % 2 === 0) limiter.check('turncoat', 3, 1_000);
  else limiter.recordFailure('turncoat', undefined, 1_000);
  Atomics.store(stop, 1, 1);
  limiter.removePeer('turncoat');
}
limiter.close();

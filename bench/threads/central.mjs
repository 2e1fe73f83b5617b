// What one does without a shared table: a limiter in a thread of its own, which is asked by messages.

import { parentPort } from 'node:worker_threads';
import { RateLimiter } from '../../dist/index.js';

const limiter = new RateLimiter({ maxRequestsPerSec: 1e6, burstSize: 1e9 });
parentPort.on('message', (ids) => parentPort.postMessage(ids.map((id) => limiter.check(id))));

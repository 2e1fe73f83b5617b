// The alternative to a shared table: a limiter in its own thread, which other threads ask by messages.

import { parentPort } from 'node:worker_threads';
import { RateLimiter } from '../../dist/index.js';

const limiter = new RateLimiter({ maxRequestsPerSec: 1e6, burstSize: 1e9 });
parentPort.on('message', (ids) => parentPort.postMessage(ids.map((id) => limiter.check(id))));

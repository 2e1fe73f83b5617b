// One of several threads that serve behind one port: it joins the table and listens where the first thread does.

import { parentPort, workerData } from 'node:worker_threads';
import { RateLimiter, type Ticket } from '../../src/index.js';
import type { Plan } from './plan.js';
import { serve } from './serve.js';

const TELL_EVERY_MS = 50;

const { ticket, plan, fd } = workerData as { ticket: Ticket; plan: Plan; fd: number };
const { http, seen } = serve(RateLimiter.attach(ticket), plan);
http.listen({ fd }, () => parentPort?.postMessage(seen));
setInterval(() => parentPort?.postMessage(seen), TELL_EVERY_MS);

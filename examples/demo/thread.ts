// A thread of the server: joins the table, and takes what connections it gets of the port that all threads have.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { RateLimiter, type Ticket } from '../../src/index.js';
import type { FromThread, Plan } from './plan.js';
import { descriptorOf } from './port.js';
import { serve } from './serve.js';

const { plan, ticket, index } = workerData as { plan: Plan; ticket: Ticket; index: number };
const tell = (message: FromThread) => parentPort?.postMessage(message);

const { server, report } = serve(plan, RateLimiter.attach(ticket), index, { fd: descriptorOf(index) });
await once(server, 'listening');
parentPort?.on('message', () => tell({ report: report() }));
tell({ port: (server.address() as AddressInfo).port });

// The server, in a process of its own: the table, the thread or threads that serve at it, and what they report.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Worker } from 'node:worker_threads';
import { type CircuitState, RateLimiter } from '../../src/index.js';
import { join } from './join.js';
import { serveMetrics } from './metrics.js';
import {
  CIRCUIT_OPEN_MS,
  EXIT_BAD_OPTION,
  FAILING,
  type FromServer,
  type FromThread,
  MAX_PEERS,
  type Plan,
  type ServerPeer,
  type ServerReport,
  type ThreadReport,
  type ToServer,
  type Transition,
} from './plan.js';
import { descriptorOf } from './port.js';
import { serve } from './serve.js';

const WATCH_EVERY_MS = 5;

const plan = JSON.parse(process.argv[2] ?? '') as Plan;
const enginePort = Number(process.argv[3]);
const limiter = new RateLimiter({
  maxRequestsPerSec: plan.ratePerSec,
  burstSize: plan.burst,
  circuitBreakerThreshold: plan.threshold,
  circuitBreakerTimeoutMs: CIRCUIT_OPEN_MS,
  maxPeers: MAX_PEERS,
  shared: plan.workers > 1,
});

interface Thread {
  readonly port: number;
  report(): ThreadReport | Promise<ThreadReport>;
}

/** The thread that made the table serves like the others. */
async function here(): Promise<Thread> {
  const where = plan.workers === 1 ? { host: '127.0.0.1', port: 0 } : { fd: descriptorOf(0) };
  const { server, report } = serve(plan, limiter, 0, where);
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, report };
}

async function hired(index: number): Promise<Thread> {
  const ticket = limiter.share();
  const worker = new Worker(new URL('./thread.ts', import.meta.url), {
    workerData: { plan, ticket, index },
    execArgv: ['--import', new URL('../loader.mjs', import.meta.url).href],
  });
  worker.once('exit', () => limiter.detach(ticket));
  const [first] = (await once(worker, 'message')) as [FromThread];
  if (!('port' in first)) throw new Error('expected a thread to say first where it listens');
  const report = async () => {
    const heard = once(worker, 'message');
    worker.postMessage('report');
    const [answer] = (await heard) as [Extract<FromThread, { report: unknown }>];
    return answer.report;
  };
  return { port: first.port, report };
}

let attackStart = performance.now();
const transitions: Transition[] = [];
let lastState: CircuitState = 'closed';
function watch(): void {
  const state = limiter.getCircuitState(FAILING);
  if (state === lastState) return;
  lastState = state;
  transitions.push({ peer: FAILING, to: state, atMs: performance.now() - attackStart });
}

/** All threads read one clock: what they say of time can be compared. */
async function report(): Promise<ServerReport> {
  const reports = await Promise.all(threads.map((thread) => thread.report()));
  const handled: Record<string, number> = {};
  for (const [peer, count] of reports.flatMap((one) => Object.entries(one.handled))) {
    handled[peer] = (handled[peer] ?? 0) + count;
  }
  const floodStarts = reports.flatMap(({ floodStartMs }) => floodStartMs ?? []);
  const peers: Record<string, ServerPeer> = {};
  for (const { id, allowed, rateLimited, circuitRejected, circuitState, availableTokens } of limiter.peers()) {
    peers[String(id)] = { allowed, rateLimited, circuitRejected, state: circuitState, tokens: availableTokens };
  }
  const { tableFull, circuitOpened, circuitClosed } = limiter.stats();
  return {
    peers,
    peerCount: limiter.peerCount,
    transitions,
    tableFull,
    circuitOpened,
    circuitClosed,
    handled,
    floodedForMs:
      floodStarts.length === 0 ? 0 : Math.max(...reports.map(({ atMs }) => atMs)) - Math.min(...floodStarts),
    threads: reports.map(({ connections, flooding }) => ({ connections, flooding })),
    ...(sync && { sync: { state: sync.state, exchanges: sync.stats().exchanges } }),
  };
}

function tell(message: FromServer): void {
  process.send?.(message);
}

process.on('message', async ({ ask }: ToServer) => {
  if (ask === 'attack') attackStart = performance.now();
  else tell({ report: await report() });
});
process.on('disconnect', () => process.exit());

if (plan.metricsPort !== undefined) {
  const server = await serveMetrics(limiter, plan.metricsPort).catch(({ message }: Error) => {
    console.error(`--metrics: cannot listen on 127.0.0.1:${plan.metricsPort}: ${message}`);
    process.exit(EXIT_BAD_OPTION);
  });
  const { port } = server.address() as AddressInfo;
  console.error(`metrics: http://127.0.0.1:${port}/`);
}
if (plan.isProtected) setInterval(watch, WATCH_EVERY_MS);
const sync = enginePort > 0 ? await join(limiter, enginePort, plan) : undefined;
const threads = await Promise.all(Array.from({ length: plan.workers }, (_, i) => (i === 0 ? here() : hired(i))));
tell({ port: threads[0]?.port ?? 0 });

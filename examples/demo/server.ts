// The server, in a process of its own: one thread, or several behind one port with one table.

import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { Worker } from 'node:worker_threads';
import { type CircuitState, RateLimiter } from '../../src/index.js';
import {
  CIRCUIT_OPEN_MS,
  FAILING,
  type FromServer,
  MAX_PEERS,
  type Plan,
  type ServerPeer,
  type ServerReport,
  type ToServer,
  type Transition,
} from './plan.js';
import { type Seen, serve } from './serve.js';

const WATCH_EVERY_MS = 5;
/** A worker does not inherit the loader of TypeScript. */
const THREAD = `import('tsx/esm/api').then(({ register }) => {
  register();
  return import(${JSON.stringify(new URL('./thread.ts', import.meta.url).href)});
});`;

const plan = JSON.parse(process.argv[2] ?? '') as Plan;
const limiter = new RateLimiter({
  maxRequestsPerSec: plan.ratePerSec,
  burstSize: plan.burst,
  circuitBreakerThreshold: plan.threshold,
  circuitBreakerTimeoutMs: CIRCUIT_OPEN_MS,
  maxPeers: MAX_PEERS,
  shared: plan.workers > 1,
});
let attackStart = performance.now();

const { http, seen } = serve(limiter, plan);
http.listen(0, '127.0.0.1');
await once(http, 'listening');
/** What each thread has seen; the first is this one. */
const threads: Seen[] = [seen];
for (let i = 1; i < plan.workers; i++) threads[i] = await startThread(i);

/** Threads cannot be handed a server, but they can listen on the same descriptor, which Node does not show. */
function descriptorOf(server: Server): number {
  return (server as unknown as { readonly _handle: { readonly fd: number } })._handle.fd;
}

async function startThread(index: number): Promise<Seen> {
  const ticket = limiter.share();
  const worker = new Worker(THREAD, { eval: true, workerData: { ticket, plan, fd: descriptorOf(http) } });
  worker.once('exit', () => limiter.detach(ticket));
  const [first] = (await once(worker, 'message')) as [Seen];
  worker.on('message', (latest: Seen) => {
    threads[index] = latest;
  });
  return first;
}

const transitions: Transition[] = [];
let lastState: CircuitState = 'closed';
function watch(): void {
  const state = limiter.getCircuitState(FAILING);
  if (state === lastState) return;
  lastState = state;
  transitions.push({ peer: FAILING, to: state, atMs: performance.now() - attackStart });
}

function report(): ServerReport {
  const peers: Record<string, ServerPeer> = {};
  const handled: Record<string, number> = {};
  for (const { handled: some } of threads) {
    for (const [peer, count] of Object.entries(some)) handled[peer] = (handled[peer] ?? 0) + count;
  }
  for (const { id, allowed, rateLimited, circuitRejected, circuitState, availableTokens } of limiter.peers()) {
    peers[String(id)] = { allowed, rateLimited, circuitRejected, state: circuitState, tokens: availableTokens };
    handled[String(id)] = allowed;
  }
  const floodStart = Math.min(...threads.map((thread) => thread.floodStart ?? Number.POSITIVE_INFINITY));
  return {
    peers,
    peerCount: limiter.peerCount,
    transitions,
    tableFull: limiter.stats().tableFull,
    handled,
    floodedForMs: Math.max(0, performance.now() - floodStart),
    threads: threads.map(({ connections, flooding }) => ({ connections, flooding })),
  };
}

function tell(message: FromServer): void {
  process.send?.(message);
}

process.on('message', ({ ask }: ToServer) => {
  if (ask === 'attack') attackStart = performance.now();
  else tell({ report: report() });
});
process.on('disconnect', () => process.exit());

if (plan.isProtected) setInterval(watch, WATCH_EVERY_MS);
tell({ port: (http.address() as AddressInfo).port });

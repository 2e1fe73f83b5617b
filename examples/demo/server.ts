// The server, in a process of its own: JSON-RPC over WebSockets, with the limiter before it or without.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { JSONRPCServer } from 'json-rpc-2.0';
import { type WebSocket, WebSocketServer } from 'ws';
import { guardJsonRpc } from '../../src/adapters/json-rpc.js';
import { type CircuitState, RateLimiter, RpcGuard } from '../../src/index.js';
import {
  CIRCUIT_OPEN_MS,
  FAILING,
  FLOODER,
  type FromServer,
  MAX_PEERS,
  type Plan,
  type ServerPeer,
  type ServerReport,
  type ToServer,
  type Transition,
  WORK_MS,
} from './plan.js';

const WATCH_EVERY_MS = 5;

const plan = JSON.parse(process.argv[2] ?? '') as Plan;
const limiter = new RateLimiter({
  maxRequestsPerSec: plan.ratePerSec,
  burstSize: plan.burst,
  circuitBreakerThreshold: plan.threshold,
  circuitBreakerTimeoutMs: CIRCUIT_OPEN_MS,
  maxPeers: MAX_PEERS,
});

const handled: Record<string, number> = {};
let attackStart = performance.now();
let floodStart: number | undefined;

/** Busy for as long as a request takes; fails if that is what was asked for. */
function work(params: { readonly fail?: boolean } | undefined): string {
  const end = performance.now() + WORK_MS;
  while (performance.now() < end);
  if (params?.fail) throw new Error('asked to fail');
  return 'done';
}

const server = new JSONRPCServer<void>({ errorListener: () => {} });
server.addMethod('work', work);

const sockets = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 2 ** 20, perMessageDeflate: false });
const gate = guardJsonRpc(server, new RpcGuard(limiter));

sockets.on('connection', (socket, request) => {
  // Names in the URL are the demo's simplification: a real server takes them from where they cannot be invented.
  const peer = (request.url ?? '/').slice(1);
  socket.on('error', () => socket.terminate());
  socket.on('message', () => {
    if (peer === FLOODER) floodStart ??= performance.now();
  });
  if (plan.isProtected) gate.accept(socket, peer);
  else serveAnybody(socket, peer);
});

/** The same without a limiter. */
function serveAnybody(socket: WebSocket, peer: string): void {
  socket.on('message', async (data) => {
    handled[peer] = (handled[peer] ?? 0) + 1;
    const response = await server.receiveJSON(String(data));
    if (response !== null && socket.readyState === socket.OPEN) socket.send(JSON.stringify(response));
  });
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
  for (const { id, allowed, rateLimited, circuitRejected, circuitState, availableTokens } of limiter.peers()) {
    peers[String(id)] = { allowed, rateLimited, circuitRejected, state: circuitState, tokens: availableTokens };
    handled[String(id)] = allowed;
  }
  return {
    peers,
    peerCount: limiter.peerCount,
    transitions,
    tableFull: limiter.stats().tableFull,
    handled,
    floodedForMs: floodStart === undefined ? 0 : performance.now() - floodStart,
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
await once(sockets, 'listening');
tell({ port: (sockets.address() as AddressInfo).port });

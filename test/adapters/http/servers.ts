/** Servers of node:http with the guard before them, and clients that write bytes. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { guardHttp, type HttpOptions } from '../../../src/adapters/http.js';
import { RateLimiter, type RateLimiterConfig, RpcGuard } from '../../../src/index.js';

export type Handle = (request: IncomingMessage, response: ServerResponse) => void;
export type NodeOptions = HttpOptions<IncomingMessage>;

export const LOCAL = '127.0.0.1';
export const ok: Handle = (_request, response) => {
  response.end('ok');
};

export function guarded(config: Partial<RateLimiterConfig> = {}) {
  const at = { ms: 0 };
  const limiter = new RateLimiter({
    maxRequestsPerSec: 10,
    burstSize: 5,
    circuitBreakerThreshold: 2,
    circuitBreakerTimeoutMs: 1_500,
    maxPeers: 16,
    clock: () => at.ms,
    ...config,
  });
  return { at, limiter, guard: new RpcGuard(limiter) };
}

export type World = ReturnType<typeof guarded> & { readonly port: number; readonly url: string };

/** A server of node:http with the guard before `handle`; it is gone when `act` has ended. */
export async function serving(
  handle: Handle,
  act: (world: World) => Promise<void>,
  options: NodeOptions = {},
  config: Partial<RateLimiterConfig> = {},
): Promise<void> {
  const world = guarded(config);
  const limit = guardHttp(world.guard, options);
  const server = createServer((request, response) => limit(request, response, () => handle(request, response)));
  await listened(server, (port) => act({ ...world, port, url: `http://${LOCAL}:${port}/` }));
}

export async function listened(
  server: ReturnType<typeof createServer>,
  act: (port: number) => Promise<void>,
): Promise<void> {
  server.listen(0, LOCAL);
  await once(server, 'listening');
  try {
    await act((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Writes bytes to a socket of its own, and collects what comes back. */
export function raw(port: number, text: string) {
  const socket: Socket = connect(port, LOCAL);
  const got = { text: '', ended: false };
  socket.setEncoding('latin1').on('data', (chunk) => {
    got.text += chunk;
  });
  socket.on('close', () => {
    got.ended = true;
  });
  socket.on('error', () => {});
  socket.write(text);
  return {
    socket,
    got,
    answers: () => [...got.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status)),
  };
}

export const failuresOf = (limiter: RateLimiter) =>
  [...limiter.peers()].reduce((sum, { failures }) => sum + failures, 0);

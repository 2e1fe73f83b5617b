/** A guard with a clock of its own, and requests without a server. */

import type { FetchOptions } from '../../../src/adapters/fetch.js';
import { RateLimiter, RpcGuard } from '../../../src/index.js';

export function rig(timeoutMs = 60_000) {
  const at = { ms: 0 };
  const limiter = new RateLimiter({
    maxRequestsPerSec: 10,
    burstSize: 5,
    circuitBreakerThreshold: 2,
    circuitBreakerTimeoutMs: 1_000,
    maxPeers: 16,
    clock: () => at.ms,
  });
  return { at, limiter, guard: new RpcGuard(limiter, { timeoutMs }) };
}

export const request = (headers: Record<string, string> = {}, signal?: AbortSignal) =>
  new Request('http://test/', { headers, ...(signal && { signal }) });

export const byHeader: FetchOptions<Request> = { peer: ({ headers }) => headers.get('x-peer') ?? 'peer' };

export const peersOf = (limiter: RateLimiter) => [...limiter.peers()].map(({ id }) => id);
export const failuresOf = (limiter: RateLimiter) =>
  [...limiter.peers()].reduce((sum, { failures }) => sum + failures, 0);

/** What several suites share: a repeatable source of chance, and short words for common situations. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Decision, PeerInfo, RateLimiter } from '../src/index.js';

/** A fixed stream of numbers in [0, 1): xorshift on 32 bits. */
export function chance(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** A whole number in [low, high]. */
export function between(random: () => number, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}

export function pick<T>(random: () => number, from: readonly T[]): T {
  return from[between(random, 0, from.length - 1)] as T;
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Records failures until the peer's circuit is open. */
export function openCircuit(limiter: RateLimiter, peer: string | Uint8Array, nowMs: number): void {
  for (let i = 0; i < limiter.config.circuitBreakerThreshold; i++) limiter.recordFailure(peer, undefined, nowMs);
}

/** Takes the peer's whole bucket. */
export function drain(limiter: RateLimiter, peer: string | Uint8Array, nowMs: number): Decision {
  return limiter.check(peer, limiter.config.burstSize, nowMs);
}

/** The listing of a limiter that has one peer. */
export function onlyRow(limiter: RateLimiter, nowMs?: number): PeerInfo {
  const [row, ...others] = limiter.peers(nowMs);
  if (row === undefined || others.length > 0) throw new Error('expected one peer');
  return row;
}

/** All that can be seen of a limiter from outside, to compare before and after. */
export function everything(limiter: RateLimiter, nowMs: number): unknown {
  return {
    config: limiter.config,
    stats: { ...limiter.stats() },
    count: limiter.peerCount,
    peers: [...limiter.peers(nowMs)],
  };
}

/** The error that `act` throws; fails where it throws none. */
export function thrownBy(act: () => unknown): Error & { code?: string; field?: string } {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected it to throw');
}

/** A Proxy that was revoked: every look at it throws. */
export function revoked<T extends object>(target: T): T {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

/** What `make` makes, and the WebAssembly memories that came with it. */
export function withMemories<T>(make: () => T): readonly [made: T, memories: readonly WebAssembly.Memory[]] {
  const { Memory } = WebAssembly;
  const memories: WebAssembly.Memory[] = [];
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor);
      memories.push(this);
    }
  };
  try {
    return [make(), memories];
  } finally {
    WebAssembly.Memory = Memory;
  }
}

/** What `make` makes, and a count of the calls that were made into its WebAssembly instance. */
export function withCalls<T>(make: () => T): readonly [made: T, calls: () => number] {
  const { Instance } = WebAssembly;
  let calls = 0;
  const counted = (target: WebAssembly.ExportValue) =>
    typeof target !== 'function'
      ? target
      : (...args: unknown[]) => {
          calls++;
          return target(...args);
        };
  WebAssembly.Instance = class extends Instance {
    override readonly exports: WebAssembly.Exports;

    constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
      super(module, imports);
      this.exports = Object.fromEntries(Object.entries(super.exports).map(([name, target]) => [name, counted(target)]));
    }
  };
  try {
    return [make(), () => calls];
  } finally {
    WebAssembly.Instance = Instance;
  }
}

/** Bytes of JavaScript objects alive, after everything dead was collected. */
export function liveHeapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

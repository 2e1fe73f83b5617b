/** What the suites about snapshots share: a stopped wall clock, a limiter with something to save, forged checksums. */

import { crc32 } from '../src/crc32.js';
import { type PeerInfo, RateLimiter, type RateLimiterConfig } from '../src/index.js';
import { openCircuit } from './support.js';

export const LIMITS = {
  maxRequestsPerSec: 1,
  burstSize: 10,
  circuitBreakerThreshold: 2,
  circuitBreakerTimeoutMs: 30_000,
};

/** The wall clock, stopped at will: what passes on it between saving and restoring is how long a process was down. */
export function atWallTime<T>(wallMs: number, act: () => T): T {
  const { now } = Date;
  Date.now = () => wallMs;
  try {
    return act();
  } finally {
    Date.now = now;
  }
}

export const save = (limiter: RateLimiter, wallMs = 0) => atWallTime(wallMs, () => limiter.snapshot());
export const restore = (bytes: Uint8Array, options: RateLimiterConfig, wallMs = 0) =>
  atWallTime(wallMs, () => RateLimiter.restore(bytes, options));

export function listed(limiter: RateLimiter, nowMs: number): PeerInfo[] {
  return [...limiter.peers(nowMs)].sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1));
}

export function concatenated(chunks: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(chunks));
}

/** At 50 000: debts, circuits in every state, IDs of every kind. */
export function populate(limiter: RateLimiter): RateLimiter {
  limiter.check('debtor', 7);
  limiter.check(new Uint8Array([255, 0, 254]), 2);
  limiter.check('long '.repeat(100));
  limiter.recordFailure('failed once');
  openCircuit(limiter, 'open', 50_000);
  openCircuit(limiter, 'probing', 10_000);
  limiter.check('probing', 1, 45_000);
  limiter.check('gone');
  limiter.removePeer('gone');
  return limiter;
}

/** Gives altered bytes the checksum that belongs to them. */
export function signed(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(4, true) === 1) view.setUint32(20, crc32(bytes.subarray(24), crc32(bytes.subarray(0, 20))), true);
  else view.setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)), true);
  return bytes;
}

// One decision: what a user of a handle, or of an ID alone, pays for it. Each case is a function that takes a thousand
// decisions and gives back how many of them were allowed, so that nothing can be optimised away unnoticed.

import { type Peer, RateLimiter } from 'peergate';

export const DECISIONS = 1000;

export interface Case {
  readonly name: string;
  /** Takes DECISIONS decisions; how many were allowed. */
  readonly run: () => number;
  readonly allowed: number;
}

/** A fixed stream of slots, at random: the same peers in the same order for every case. */
function order(peers: number): Uint32Array {
  let state = 0x9e3779b9;
  return Uint32Array.from({ length: DECISIONS }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % peers;
  });
}

/** As long as libp2p's: 52 characters. */
const idOf = (i: number) => `12D3KooW${i.toString(36).padStart(44, '0')}`;

export function cases(peers: number): Case[] {
  const open = new RateLimiter({ maxPeers: peers, maxRequestsPerSec: 1e6, burstSize: 1e9 });
  const empty = new RateLimiter({ maxPeers: peers, maxRequestsPerSec: 1e-3, burstSize: 1 });
  const shut = new RateLimiter({ maxPeers: peers, circuitBreakerThreshold: 1, circuitBreakerTimeoutMs: 2 ** 31 - 1 });
  const ids = Array.from({ length: peers }, (_, i) => idOf(i));
  const handlesOf = (limiter: RateLimiter) => ids.map((id) => limiter.peer(id));
  const [openHandles, emptyHandles, shutHandles] = [handlesOf(open), handlesOf(empty), handlesOf(shut)];
  for (const handle of emptyHandles) handle.check();
  for (const handle of shutHandles) handle.recordFailure();
  const picks = order(peers);
  let now = performance.now();

  const byHandle = (handles: readonly Peer[]) => () => {
    let allowed = 0;
    let t = now;
    for (let i = 0; i < DECISIONS; i++) {
      t += 0.001;
      allowed += +((handles[picks[i] as number] as Peer).check(1, t) >= 0);
    }
    now = t;
    return allowed;
  };
  const byId = (limiter: RateLimiter) => () => {
    let allowed = 0;
    let t = now;
    for (let i = 0; i < DECISIONS; i++) {
      t += 0.001;
      allowed += +(limiter.check(ids[picks[i] as number] as string, 1, t) >= 0);
    }
    now = t;
    return allowed;
  };
  const clocked = (check: (pick: number) => number) => () => {
    let allowed = 0;
    for (let i = 0; i < DECISIONS; i++) allowed += +(check(picks[i] as number) >= 0);
    return allowed;
  };

  return [
    { name: 'handle, time given, allowed', run: byHandle(openHandles), allowed: DECISIONS },
    { name: 'handle, time read, allowed', run: clocked((i) => (openHandles[i] as Peer).check()), allowed: DECISIONS },
    { name: 'handle, time given, rate-limited', run: byHandle(emptyHandles), allowed: 0 },
    { name: 'handle, time given, circuit open', run: byHandle(shutHandles), allowed: 0 },
    { name: 'ID, time given, allowed', run: byId(open), allowed: DECISIONS },
    { name: 'ID, time read, allowed', run: clocked((i) => open.check(ids[i] as string)), allowed: DECISIONS },
    { name: 'ID, time given, rate-limited', run: byId(empty), allowed: 0 },
    { name: 'ID, time given, circuit open', run: byId(shut), allowed: 0 },
    { name: 'reading performance.now()', run: clocked(() => performance.now()), allowed: DECISIONS },
  ];
}

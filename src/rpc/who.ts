// Who is calling, to the guard: a peer's ID, or a handle.

import type { Decision } from '../decision.js';
import type { RateLimiter } from '../limiter.js';
import type { PeerId } from '../slots.js';
import type { Outcome } from './outcome.js';

/** What the guard uses of a `Peer`. Anything that has these four methods can stand in for one. */
export interface RpcPeer {
  check(cost?: number, now?: number): Decision;
  recordSuccess(permit?: Decision, now?: number, durationMs?: number): boolean;
  recordFailure(permit?: Decision): boolean;
  recordIgnored(permit?: Decision): boolean;
}

/** Anything that is not a handle goes to the limiter as an ID, because its complaint is the clearer one. */
export function isHandle(peer: PeerId | RpcPeer): peer is RpcPeer {
  return typeof peer === 'object' && peer !== null && typeof (peer as RpcPeer).check === 'function';
}

/** Tells the breaker what came of a call, and how long it took where that matters. Returns whether it counted. */
export function record(
  limiter: RateLimiter,
  peer: PeerId | RpcPeer,
  permit: Decision | undefined,
  outcome: Outcome,
  durationMs?: number,
): boolean {
  if (isHandle(peer)) {
    if (outcome === 'success') return peer.recordSuccess(permit, undefined, durationMs);
    return outcome === 'failure' ? peer.recordFailure(permit) : peer.recordIgnored(permit);
  }
  if (outcome === 'success') return limiter.recordSuccess(peer, permit, undefined, durationMs);
  return outcome === 'failure' ? limiter.recordFailure(peer, permit) : limiter.recordIgnored(peer, permit);
}

/** Whole tokens that the peer has. Undefined where nobody can tell: the limiter is closed, or it is no real handle. */
export function tokensOf(limiter: RateLimiter, peer: PeerId | RpcPeer): number | undefined {
  try {
    if (!isHandle(peer)) return limiter.getAvailableTokens(peer);
    return (peer as { readonly availableTokens?: number }).availableTokens;
  } catch {
    return undefined;
  }
}

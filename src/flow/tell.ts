// Talking to a limiter that may have been closed meanwhile. Connections do so from socket listeners and timers, where an error
// that is thrown would end the process.

import { ClosedError, type Decision, type Outcome, type RpcGuard, type RpcPeer } from '../index.js';

/** Tells the breaker the outcome; whether it counted. A closed limiter is told nothing. */
export function tell(guard: RpcGuard, peer: RpcPeer, outcome: Outcome, permit: Decision, durationMs?: number): boolean {
  try {
    return guard.settle(peer, permit, outcome, durationMs);
  } catch (error) {
    if (error instanceof ClosedError) return false;
    throw error;
  }
}

/** What `ask` returns, or `closed` where the limiter is. */
export function openOr<T, C>(closed: C, ask: () => T): T | C {
  try {
    return ask();
  } catch (error) {
    if (error instanceof ClosedError) return closed;
    throw error;
  }
}

// Telling a limiter what came of a request when that limiter may have been closed meanwhile. The adapter does so from socket
// listeners and timers, where an error that is thrown would end the process.

import { ClosedError, type Decision, type Outcome, type RpcPeer } from '../../index.js';

/** Records the outcome; whether it counted. A closed limiter is told nothing. */
export function tell(peer: RpcPeer, outcome: Outcome, permit: Decision): boolean {
  return openOr(false, () => {
    if (outcome === 'failure') return peer.recordFailure(permit);
    return outcome === 'success' ? peer.recordSuccess(permit) : peer.recordIgnored(permit);
  });
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

/** A hook may return a promise although nobody waits for it. Its rejection must not end the process. */
export function swallow(returned: unknown): void {
  if (typeof (returned as { then?: unknown } | null | undefined)?.then !== 'function') return;
  Promise.resolve(returned).catch(() => {});
}

// A timer that does not keep the process alive, and ends with the limiter.

import { ClosedError } from '../index.js';

/** Runs `act`; calls `closed` instead of throwing when the limiter is closed. */
export function untilClosed(act: () => void, closed: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof ClosedError)) throw error;
    closed();
  }
}

/** Calls `act` after so many milliseconds. Returns what cancels it. */
export function after(ms: number, act: () => void): () => void {
  const timer: unknown = setTimeout(act, ms);
  // Node's timers are objects, those of browsers are numbers.
  if (typeof timer === 'object' && timer !== null && 'unref' in timer && typeof timer.unref === 'function')
    timer.unref();
  return () => clearTimeout(timer as number);
}

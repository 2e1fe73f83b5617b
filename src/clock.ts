// The clocks that `now` comes from when a call does not pass it.

import { ConfigError } from './errors.js';

/**
 * Returns a time in milliseconds, possibly fractional. It should be monotonic. If it runs backwards it adds no tokens and
 * shortens no open circuit; it only makes peers wait.
 */
export type Clock = () => number;

/** `performance.now()`. It is monotonic. In Node all threads of a process share its origin. */
export const monotonicClock: Clock = () => performance.now();

/**
 * The clock of a thread whose `performance.timeOrigin` is `origin`, read in this thread. Each web worker has its own
 * origin; the threads of Node share one.
 */
export function monotonicClockSince(origin: number): Clock {
  const behind = performance.timeOrigin - origin;
  return behind === 0 ? monotonicClock : () => performance.now() + behind;
}

/**
 * A clock that reads the time once for many decisions. The first call reads it, and a microtask forgets the reading.
 * Reading a clock costs more than a decision.
 *
 * A reading gets as old as your code runs without reaching a microtask. It is never ahead. So tokens and deadlines can
 * come late by that much, but never early.
 *
 * @param read The clock that it reads. Default `performance.now`.
 * @throws ConfigError for what is not a function.
 *
 * @example
 * const limiter = new RateLimiter({ clock: coarseClock() });
 */
export function coarseClock(read: Clock = monotonicClock): Clock {
  if (typeof read !== 'function') throw new ConfigError('read', 'a function', read);
  let reading: number | undefined;
  const forget = () => {
    reading = undefined;
  };
  // `then` makes a microtask, as `queueMicrotask` does, but in Node `queueMicrotask` costs several times as much.
  const settled = Promise.resolve();
  return () => {
    if (reading === undefined) {
      reading = read();
      settled.then(forget);
    }
    return reading;
  };
}

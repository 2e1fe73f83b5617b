// Where `now` comes from when a call does not give it.

/**
 * Reads a time in milliseconds, possibly fractional. It should be monotonic: one that runs back never adds tokens and
 * never shortens an open circuit, it only makes peers wait.
 */
export type Clock = () => number;

/** `performance.now()`: monotonic, and in Node of one origin for all threads of the process. */
export const monotonicClock: Clock = () => performance.now();

/**
 * The same clock as another thread reads it whose `performance.timeOrigin` is `origin`. Web workers have an origin each,
 * Node's threads share one.
 */
export function monotonicClockSince(origin: number): Clock {
  const behind = performance.timeOrigin - origin;
  return behind === 0 ? monotonicClock : () => performance.now() + behind;
}

/**
 * A clock that is read once for all that is decided in one go: the first call reads it, and a microtask forgets the
 * reading. Reading a clock costs more than a decision.
 *
 * What it gives is as old as the code that runs without a break: the current job of the event loop up to its next
 * microtask. It never runs ahead, so tokens and deadlines come late by that much, never early.
 *
 * @param read The clock behind it. Default `performance.now`.
 *
 * @example
 * const limiter = new RateLimiter({ clock: coarseClock() });
 */
export function coarseClock(read: Clock = monotonicClock): Clock {
  let reading: number | undefined;
  const forget = () => {
    reading = undefined;
  };
  // A microtask, as `queueMicrotask` would make one; in Node that costs several times as much.
  const settled = Promise.resolve();
  return () => {
    if (reading === undefined) {
      reading = read();
      settled.then(forget);
    }
    return reading;
  };
}

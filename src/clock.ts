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

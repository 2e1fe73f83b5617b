// Where `now` comes from when a call does not give it.

/**
 * Reads a time in milliseconds, possibly fractional. It should be monotonic: one that runs back never adds tokens and
 * never shortens an open circuit, it only makes peers wait.
 */
export type Clock = () => number;

/** `performance.now()`: monotonic, and in Node of one origin for all threads of the process. */
export const monotonicClock: Clock = () => performance.now();

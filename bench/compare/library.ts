// The interface of the other libraries: either a keyed limiter, or something that also runs the handler and judges the outcome.
// The libraries are installed only under bench/. So they are imported by name at run time, and the few types that are used
// are declared here.

/** Whether a limiter allows every request or rejects every request. */
export type Mode = 'allow' | 'reject';

export interface Library {
  readonly name: string;
  /** The part of the library that is used, in a few words. */
  readonly how: string;
}

/** Returns its decision. */
export interface SyncLimiter extends Library {
  readonly make: (ids: readonly string[], mode: Mode) => Promise<(id: string) => boolean>;
}

/** Returns a promise of its decision. */
export interface AsyncLimiter extends Library {
  /** How many requests are awaited together. Default 1. */
  readonly atOnce?: number;
  readonly make: (ids: readonly string[], mode: Mode) => Promise<(id: string) => Promise<boolean>>;
}

/** Limits, runs the handler if the breaker allows it, and judges the outcome. With `reject` its circuit is open. */
export interface Protection extends Library {
  readonly make: (
    ids: readonly string[],
    mode: Mode,
    handler: () => Promise<unknown>,
  ) => Promise<(id: string) => Promise<boolean>>;
}

/** A library of bench/package.json. */
export async function load<T>(name: string): Promise<T> {
  return (await import(name)) as T;
}

/** Makes one object for each ID, as a service with many peers does. */
export function keyed<T>(ids: readonly string[], make: () => T): Map<string, T> {
  return new Map(ids.map((id) => [id, make()]));
}

/** So long that no window ends while a case runs, but short enough that no timer overflows. */
export const LONG_SECONDS = 1_000_000;
export const PLENTY = 1_000_000_000;

// What the other libraries look like to a question: a keyed limiter, or something that also runs the handler and judges
// what came of it. They are installed under bench/ only, so they are imported by name at run time, with the few types that
// are used here.

/** Where the answers of a limiter are to come from: all yes or all no. */
export type Mode = 'allow' | 'reject';

export interface Library {
  readonly name: string;
  /** What is used of it, in a few words. */
  readonly how: string;
}

/** Decides in the same call. */
export interface SyncLimiter extends Library {
  readonly make: (ids: readonly string[], mode: Mode) => Promise<(id: string) => boolean>;
}

/** Decides by a promise. */
export interface AsyncLimiter extends Library {
  /** How many requests are awaited together; 1 where it is not said. */
  readonly atOnce?: number;
  readonly make: (ids: readonly string[], mode: Mode) => Promise<(id: string) => Promise<boolean>>;
}

/** Limits, runs the handler if its breaker lets it, and judges. `reject`: its circuit is open. */
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

/** One of something for each ID, as a service with many peers keeps it. */
export function keyed<T>(ids: readonly string[], make: () => T): Map<string, T> {
  return new Map(ids.map((id) => [id, make()]));
}

/** So long that no window ends while a case runs, and no timer overflows. */
export const LONG_SECONDS = 1_000_000;
export const PLENTY = 1_000_000_000;

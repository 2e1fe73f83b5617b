// How the end of a call is judged.
//
//   fn returned                     success
//   fn returned { error: … }        failure   (an error response, unless `error` is null or undefined)
//   fn threw or rejected            failure
//   fn outlasted its time           failure
//   the caller's signal aborted     ignored

import { RpcArgumentError } from './rejection.js';

/** What the breaker is told of a call. */
export type Outcome = 'success' | 'failure' | 'ignored';

/** How a call ended: with a value, or with what was thrown (an `RpcTimeout` where it took too long). */
export type Settled<T = unknown> = { readonly value: T } | { readonly error: unknown };

/** Judges the end of a call in the guard's place. */
export type Classify<T = unknown> = (settled: Settled<T>) => Outcome;

/** The guard's own judgement. */
export function outcomeOf(settled: Settled): Outcome {
  return 'error' in settled || isErrorResponse(settled.value) ? 'failure' : 'success';
}

/** Throws a `TypeError` for anything but the three outcomes. */
export function checkedOutcome(outcome: unknown, what = 'what classify returned'): Outcome {
  if (outcome === 'success' || outcome === 'failure' || outcome === 'ignored') return outcome;
  // An async classify is a mistake, but its rejection must not end the process as well.
  Promise.resolve(outcome).catch(() => {});
  throw new RpcArgumentError(what, "'success', 'failure' or 'ignored'", outcome);
}

/** JSON-RPC 1.0 answers a success with `error: null`, and typed clients with `error: undefined`. */
function isErrorResponse(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { error } = value as { error?: unknown };
  return error !== undefined && error !== null;
}

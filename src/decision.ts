// Reading a decision: one integer that says "allowed", or why not and when to try again.

import { ArgumentRangeError, ArgumentTypeError, shown } from './errors.js';
import { REASON_SHIFT, RETRY_NEVER, STALE } from './wasm/core.js';

declare const brand: unique symbol;

/**
 * What a check returns. 0 or more: allowed, and the value is the permit that you pass to `record…`. Below 0: rejected,
 * with the reason and the time to wait packed into it. It always fits a small integer.
 *
 * Never test it for truth: rejections are truthy, and a permit may be 0. Use `isAllowed`, or call `allows` instead of
 * `check`. The type is branded, so a status code or a boolean does not pass for a permit.
 */
export type Decision = number & { readonly [brand]: 'Decision' };

/** Why a decision is what it is. */
export type Reason = 'allowed' | 'rate_limited' | 'circuit_open' | 'table_full';

const LEAST = -(2 ** 30);
const REASONS = ['rate_limited', 'circuit_open', 'table_full'] as const;

/**
 * Whether the request may go on. A plain number, such as an element of the array that `checkMany` fills, becomes a
 * `Decision` to the type checker where the answer is true: you can pass it on as a permit.
 *
 * @throws TypeError (`ERR_PEERGATE_DECISION`) for anything that is not a number, `NaN` included.
 */
export function isAllowed(decision: Decision): boolean;
export function isAllowed(decision: number): decision is Decision;
export function isAllowed(decision: number): boolean {
  if (typeof decision === 'number' && !Number.isNaN(decision)) return decision >= 0;
  throw new ArgumentTypeError(
    'ERR_PEERGATE_DECISION',
    `decision: expected an integer that a check returned, got ${shown(decision)}`,
  );
}

/**
 * The decision's reason.
 *
 * @throws RangeError (`ERR_PEERGATE_DECISION`) for a number that no check returns, TypeError for what is not a number.
 */
export function reasonOf(decision: number): Reason {
  const isOne = isAllowed(decision) ? decision < STALE : decision >= LEAST;
  if (isOne && Number.isInteger(decision)) {
    if (decision >= 0) return 'allowed';
    const reason = REASONS[~decision >>> REASON_SHIFT];
    if (reason !== undefined) return reason;
  }
  throw new ArgumentRangeError(
    'ERR_PEERGATE_DECISION',
    `decision: expected an integer that a check returned, got ${shown(decision)}`,
  );
}

/**
 * Whole milliseconds after which the same check is worth another try: 0 when allowed, `Infinity` where waiting cannot
 * help (the cost exceeds the burst), at most 2²⁸ − 2.
 *
 * It is exact for `rate_limited`. For `circuit_open` it is the time until the next probe, for `table_full` a hint of one
 * second.
 *
 * @throws RangeError (`ERR_PEERGATE_DECISION`) for a number that no check returns, TypeError for what is not a number.
 */
export function retryAfterMs(decision: number): number {
  if (reasonOf(decision) === 'allowed') return 0;
  const ms = ~decision & RETRY_NEVER;
  return ms === RETRY_NEVER ? Number.POSITIVE_INFINITY : ms;
}

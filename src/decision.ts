// Reading a decision: one integer that says go, or why not and until when.

import { ArgumentRangeError, shown } from './errors.js';
import { REASON_SHIFT, RETRY_NEVER } from './wasm/core.js';

/**
 * What a check gives back. 0 or more: allowed, and the value is the permit to hand to `record…`. Less than 0: rejected,
 * with reason and retry-after packed into it. It always fits a small integer.
 */
export type Decision = number;

/** Why a decision is what it is. */
export type Reason = 'allowed' | 'rate_limited' | 'circuit_open' | 'table_full';

const LEAST = -(2 ** 30);
const REASONS = ['rate_limited', 'circuit_open', 'table_full'] as const;

/** Whether the peer may go on. */
export function isAllowed(decision: Decision): boolean {
  return decision >= 0;
}

/**
 * The decision's reason.
 *
 * @throws RangeError (`ERR_PEERGATE_DECISION`) for a number that no check gives back.
 */
export function reasonOf(decision: Decision): Reason {
  if (decision >= 0) return 'allowed';
  const reason = decision >= LEAST && Number.isInteger(decision) ? REASONS[~decision >>> REASON_SHIFT] : undefined;
  if (reason !== undefined) return reason;
  throw new ArgumentRangeError(
    'ERR_PEERGATE_DECISION',
    `decision: expected an integer that a check gave back, got ${shown(decision)}`,
  );
}

/**
 * Whole milliseconds after which the same check is worth another try: 0 when allowed, `Infinity` where waiting cannot
 * help (a cost above the burst), at most 2²⁸ − 2.
 *
 * Exact for `rate_limited`, the next probe for `circuit_open`, a hint of one second for `table_full`.
 *
 * @throws RangeError (`ERR_PEERGATE_DECISION`) for a number that no check gives back.
 */
export function retryAfterMs(decision: Decision): number {
  if (reasonOf(decision) === 'allowed') return 0;
  const ms = ~decision & RETRY_NEVER;
  return ms === RETRY_NEVER ? Number.POSITIVE_INFINITY : ms;
}

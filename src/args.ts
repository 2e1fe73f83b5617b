// What every call checks about its arguments before anything changes. The good case comes first and costs a comparison or two.

import type { Decision } from './decision.js';
import { ArgumentRangeError, shown } from './errors.js';
import { NO_PERMIT } from './wasm/core.js';

const NOW_END = 2 ** 41;

/** The `now` of a result whose time was not read yet. The core says where it needs the time. */
export const UNKNOWN = Number.NaN;

/** `cost`: an integer of at least 1. */
export function requireCost(cost: number): void {
  if (Number.isInteger(cost) && cost >= 1) return;
  throw new ArgumentRangeError('ERR_PEERGATE_COST', `cost: expected an integer of at least 1, got ${shown(cost)}`);
}

/** Whether it is finite milliseconds, less than 2⁴¹ from 0. One comparison: two cost half a nanosecond more. */
export function isTime(now: number): boolean {
  return typeof now === 'number' && Math.abs(now) < NOW_END;
}

/** `durationMs`: finite milliseconds of at least 0. */
export function requireDuration(durationMs: number): void {
  if (typeof durationMs === 'number' && durationMs >= 0 && durationMs < Number.POSITIVE_INFINITY) return;
  throw new ArgumentRangeError(
    'ERR_PEERGATE_DURATION',
    `durationMs: expected finite milliseconds of at least 0, got ${shown(durationMs)}`,
  );
}

/** Whether it may be a permit: an integer of 32 bits. */
export function isPermit(permit: number | undefined): permit is number {
  return typeof permit === 'number' && (permit | 0) === permit;
}

/** `now`: finite milliseconds, less than 2⁴¹ from 0. */
export function requireNow(now: number): void {
  if (isTime(now)) return;
  throw new ArgumentRangeError('ERR_PEERGATE_NOW', `now: expected milliseconds with |now| < 2^41, got ${shown(now)}`);
}

/** `permit`: what a check returned, or nothing. */
export function permitCode(permit: Decision | undefined): number {
  if (permit === undefined) return NO_PERMIT;
  if (isPermit(permit) && (permit << 1) >> 1 === permit) return permit;
  throw new ArgumentRangeError(
    'ERR_PEERGATE_PERMIT',
    `permit: expected an integer that a check returned, or undefined, got ${shown(permit)}`,
  );
}

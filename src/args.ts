// What every call checks about its arguments before anything changes. The good case comes first and costs a comparison or two.

import type { Decision } from './decision.js';
import { ArgumentRangeError, shown } from './errors.js';
import { NO_PERMIT } from './wasm/core.js';

const NOW_END = 2 ** 41;
const DECISION_END = 2 ** 30;

/** The `now` of a result whose time was not read yet. The core says where it needs the time. */
export const UNKNOWN = Number.NaN;

/** `cost`: an integer of at least 1. */
export function requireCost(cost: number): void {
  if (Number.isInteger(cost) && cost >= 1) return;
  throw new ArgumentRangeError('ERR_PEERGATE_COST', `cost: expected an integer of at least 1, got ${shown(cost)}`);
}

/** `now`: finite milliseconds, less than 2⁴¹ from 0. */
export function requireNow(now: number): void {
  if (typeof now === 'number' && now < NOW_END && now > -NOW_END) return;
  throw new ArgumentRangeError('ERR_PEERGATE_NOW', `now: expected milliseconds with |now| < 2^41, got ${shown(now)}`);
}

/** `permit`: what a check returned, or nothing. */
export function permitCode(permit: Decision | undefined): number {
  if (permit === undefined) return NO_PERMIT;
  if (Number.isInteger(permit) && permit < DECISION_END && permit >= -DECISION_END) return permit;
  throw new ArgumentRangeError(
    'ERR_PEERGATE_PERMIT',
    `permit: expected an integer that a check returned, or undefined, got ${shown(permit)}`,
  );
}

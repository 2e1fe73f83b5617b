// Looking in. Nothing here writes to a row; time is applied to a copy of the word.

import { stateAt } from './breaker';
import { converted, ticks, tokens } from './bucket';
import {
  AT_FRESH,
  COLD_CIRCUIT_REJECTED,
  COLD_FAILURES,
  COLD_ID,
  COLD_ID_LENGTH,
  ID_KEPT,
  LISTED_ALLOWED,
  LISTED_CIRCUIT_REJECTED,
  LISTED_FAILURES,
  LISTED_ID,
  LISTED_ID_LENGTH,
  LISTED_RATE_LIMITED,
  LISTED_STATE,
  LISTED_TOKENS,
  STATE_CLOSED,
} from './layout';
import { burst, currentLimits, inForce, limitsOf } from './limits';
import { load32 } from './memory';
import { batchRoom, capacity, coldOf, rowAt } from './place';
import { allowedAt, epochOf, getBreaker, getBucket, getMeta, isLive, LIVE, lifeOf, rateLimitedAt } from './row';

/** What a peer without a row has. */
export function fullBurst(): f64 {
  return <f64>burst(currentLimits());
}

export function circuitState(slot: u32, epoch: u32, now: f64): u32 {
  const row = rowAt(slot);
  const breaker = getBreaker(row);
  return isLive(row, epoch) ? stateAt(breaker, now, currentLimits()) : STATE_CLOSED;
}

export function availableTokens(slot: u32, epoch: u32, now: f64): f64 {
  const row = rowAt(slot);
  const bucket = getBucket(row);
  return isLive(row, epoch) ? tokensIn(bucket, now) : fullBurst();
}

function tokensIn(bucket: u64, now: f64): f64 {
  const force = inForce();
  const limits = limitsOf(force);
  return <f64>tokens(converted(bucket, force), ticks(now, limits), limits);
}

/** Slots that have been used so far: a listing looks no further. */
export function usedSlots(): u32 {
  return min<u32>(load32(AT_FRESH), capacity);
}

/** Copies what a listing shows of the row into this thread's room; false where the slot is nobody's. */
export function inspect(slot: u32, now: f64): bool {
  const row = rowAt(slot);
  const cold = coldOf(slot);
  const word = getMeta(row);
  if (lifeOf(word) != LIVE) return false;
  store<f64>(batchRoom + LISTED_TOKENS, tokensIn(getBucket(row), now));
  store<u32>(batchRoom + LISTED_STATE, stateAt(getBreaker(row), now, currentLimits()));
  store<u32>(batchRoom + LISTED_ALLOWED, load32(allowedAt(row)));
  store<u32>(batchRoom + LISTED_RATE_LIMITED, load32(rateLimitedAt(row)));
  store<u32>(batchRoom + LISTED_CIRCUIT_REJECTED, load32(cold + COLD_CIRCUIT_REJECTED));
  store<u32>(batchRoom + LISTED_FAILURES, load32(cold + COLD_FAILURES));
  store<u32>(batchRoom + LISTED_ID_LENGTH, load<u16>(cold + COLD_ID_LENGTH));
  memory.copy(batchRoom + LISTED_ID, cold + COLD_ID, ID_KEPT);
  return isLive(row, epochOf(word));
}

// Rejections: what is counted for each, and what the caller is told.

import { lacking, TICKS_PER_MS } from './bucket';
import { tally } from './counters';
import { NEVER, rejected, retryAfter } from './decision';
import {
  COLD_CIRCUIT_REJECTED,
  COUNT_CIRCUIT_REJECTED,
  COUNT_CLOCK_ANOMALIES,
  COUNT_RATE_LIMITED,
  COUNT_SHADOWED,
  COUNT_TABLE_FULL_REJECTED,
  REASON_CIRCUIT_OPEN,
  REASON_RATE_LIMITED,
  REASON_TABLE_FULL,
  SHADOW_PERMIT,
} from './layout';
import { longestTimeoutMs } from './limits';
import { SHARED } from './memory';
import { coldOf } from './place';
import { longestDebt } from './price';
import { count, rateLimitedAt } from './row';
import { isShadow } from './settings';

/** What a peer is told that found no row, in milliseconds. */
const TABLE_FULL_HINT: i32 = 1000;

/**
 * A bucket or a deadline that lies so many ms further ahead than a monotonic clock can have put it is the sign of a `now` of
 * another origin. Deadlines are rounded up, by less than two; threads that share a table read their clocks a little apart.
 */
const AHEAD_MS: f64 = SHARED ? 1000 : 2;

/** A rejection by a bucket with this TAT; `wait` in ms. */
export function lacks(row: usize, tat: u64, at: u64, wait: u64, limits: usize): i32 {
  if (lacking(tat, at, longestDebt(limits)) > <i64>(AHEAD_MS * TICKS_PER_MS)) tally(COUNT_CLOCK_ANOMALIES);
  return limited(row, wait, limits);
}

/** A rejection by a circuit that is open so many ms more. */
export function isShut(slot: u32, wait: u64, limits: usize): i32 {
  return shut(slot, wait, longestTimeoutMs(limits), limits);
}

/** `longest` is the longest wait that there can be, in ms. */
export function shut(slot: u32, wait: u64, longest: f64, limits: usize): i32 {
  if (wait != NEVER && <f64>wait > longest + AHEAD_MS) tally(COUNT_CLOCK_ANOMALIES);
  count(coldOf(slot) + COLD_CIRCUIT_REJECTED);
  tally(COUNT_CIRCUIT_REJECTED);
  return refused(REASON_CIRCUIT_OPEN, retryAfter(wait), limits);
}

/** A rejection; in shadow mode it is counted and let through. */
export function refused(reason: i32, retry: i32, limits: usize): i32 {
  if (!isShadow(limits)) return rejected(reason, retry);
  tally(COUNT_SHADOWED);
  return SHADOW_PERMIT;
}

/** A row that lacks tokens; `wait` in ms. */
export function limited(row: usize, wait: u64, limits: usize): i32 {
  count(rateLimitedAt(row));
  return limitedUnseen(wait, limits);
}

/** The same for a peer that gets no row to be told so. */
export function limitedUnseen(wait: u64, limits: usize): i32 {
  tally(COUNT_RATE_LIMITED);
  return refused(REASON_RATE_LIMITED, retryAfter(wait), limits);
}

/** There is no row for the peer, and no decision without one. */
export function tableFull(limits: usize): i32 {
  tally(COUNT_TABLE_FULL_REJECTED);
  return refused(REASON_TABLE_FULL, TABLE_FULL_HINT, limits);
}

// What came of a request: a success, a failure, or nothing that should be judged.

import { closed, coarse, due, failed, failuresOf, generationOf, stateOf, unprobed, withFailures } from './breaker';
import { converted, refunded } from './bucket';
import { BORN, claim } from './claim';
import { tally } from './counters';
import { permitOf } from './decision';
import { NO_SLOT } from './free';
import { epochIn, find, NONE, slotOf } from './index';
import {
  COLD_FAILURES,
  COUNT_CIRCUIT_CLOSED,
  COUNT_CIRCUIT_OPENED,
  COUNT_STALE_RESULTS,
  NEEDS_TIME,
  NO_PERMIT,
  OUTCOME_FAILURE,
  OUTCOME_SUCCESS,
  STALE,
  STATE_CLOSED,
  STATE_HALF_OPEN,
  STATE_OPEN,
} from './layout';
import { currentLimits, inForce, limitsOf } from './limits';
import { coldOf, leaveFound, rowAt } from './place';
import { casBreaker, casBucket, count, getBreaker, getBucket, isLive, setLastFailure } from './row';

/** 1 if the result counted, 0 if not, STALE if the row is no longer that life's, NEEDS_TIME if `now` is NaN and matters. */
export function settle(slot: u32, epoch: u32, outcome: i32, permit: i32, now: f64): i32 {
  const row = rowAt(slot);
  while (true) {
    const stored = getBreaker(row);
    const limits = currentLimits();
    if (!isLive(row, epoch)) return STALE;
    // A success of a closed circuit is the same at any time, and reading a clock costs more than all of this.
    if (F64.isNaN(now) && stateOf(stored) != STATE_CLOSED) return NEEDS_TIME;
    const breaker = due(stored, now, limits);
    if (breaker != stored) {
      if (casBreaker(row, stored, breaker)) tally(COUNT_CIRCUIT_OPENED);
      continue;
    }
    if (permit != NO_PERMIT && permit != permitOf(epoch, generationOf(breaker))) return stale(permit);
    const next = after(breaker, outcome, now, limits);
    if (next == UNCOUNTED) return 0;
    // Dated before it counts: a thread that wants the row and sees the failure has to see its date as well.
    if (outcome == OUTCOME_FAILURE) setLastFailure(row, coarse(now));
    if (next != breaker && !casBreaker(row, breaker, next)) continue;
    if (outcome == OUTCOME_FAILURE) count(coldOf(slot) + COLD_FAILURES);
    if (stateOf(next) != stateOf(breaker)) {
      tally(stateOf(next) == STATE_OPEN ? COUNT_CIRCUIT_OPENED : COUNT_CIRCUIT_CLOSED);
    }
    return 1;
  }
}

/** No breaker's word: its state would be 3. */
const UNCOUNTED: u64 = ~(<u64>0);

/** The breaker's next word, the same one where the result changes nothing, UNCOUNTED where it does not count. */
function after(breaker: u64, outcome: i32, now: f64, limits: usize): u64 {
  const state = stateOf(breaker);
  if (state == STATE_OPEN) return UNCOUNTED;
  if (outcome == OUTCOME_FAILURE) return failed(breaker, now, limits);
  if (outcome == OUTCOME_SUCCESS) {
    if (state == STATE_HALF_OPEN) return closed(breaker);
    return failuresOf(breaker) == 0 ? breaker : withFailures(breaker, 0);
  }
  const next = unprobed(breaker);
  return next == breaker ? UNCOUNTED : next;
}

/** The same for the peer whose fingerprint this is. Only a failure without a permit makes a row for it. */
export function settleFingerprint(fingerprint: u64, length: u32, outcome: i32, permit: i32, now: f64): i32 {
  leaveFound(NO_SLOT, 0);
  while (true) {
    let ref = find(fingerprint);
    if (ref == NONE) {
      if (outcome != OUTCOME_FAILURE || permit != NO_PERMIT) return stale(permit);
      ref = claim(fingerprint, length, now, 0, 1, 0);
      if (ref == NONE) return 0;
      if (ref & BORN) return 1;
    }
    leaveFound(slotOf(ref), epochIn(ref));
    const settled = settle(slotOf(ref), epochIn(ref), outcome, permit, now);
    if (settled != STALE) return settled;
  }
}

function stale(permit: i32): i32 {
  if (permit >= 0) tally(COUNT_STALE_RESULTS);
  return 0;
}

/** Gives tokens back; STALE if the row is no longer that life's. */
export function refund(slot: u32, epoch: u32, cost: u64): i32 {
  const row = rowAt(slot);
  while (true) {
    const bucket = getBucket(row);
    const force = inForce();
    if (!isLive(row, epoch)) return STALE;
    if (casBucket(row, bucket, refunded(converted(bucket, force), cost, limitsOf(force)))) return 0;
  }
}

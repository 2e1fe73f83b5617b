// What came of a request: a success, a failure, or nothing that should be judged.

import {
  closed,
  coarse,
  failuresOf,
  generationOf,
  isForced,
  isRunLong,
  stateOf,
  unprobed,
  withFailure,
  withFailures,
} from './breaker';
import { converted, instantOf, refunded } from './bucket';
import { BORN, claim } from './claim';
import { tally } from './counters';
import { permitOf } from './decision';
import { NO_SLOT } from './free';
import { epochIn, find, NONE, slotOf } from './index';
import {
  AT_EXTRAS,
  COLD_FAILURES,
  COUNT_STALE_RESULTS,
  NEEDS_TIME,
  NO_PERMIT,
  OUTCOME_FAILURE,
  OUTCOME_IGNORED,
  STALE,
  STATE_CLOSED,
  STATE_HALF_OPEN,
  STATE_OPEN,
  STATE_RECOVERING,
} from './layout';
import { currentLimits, inForce, limitsOf, ticksPerToken } from './limits';
import { load32 } from './memory';
import { counts, unowe } from './owed';
import { coldOf, lastInstant, leaveFound, rowAt } from './place';
import { mostOf, PRICED, priceOf } from './price';
import { FAILS, GOES_BACK, GOES_UP, inStage, stageOf, verdict } from './recovery';
import {
  casBreaker,
  casBucket,
  count,
  getBreaker,
  getBucket,
  getOwed,
  getPeer,
  getWindow,
  isLive,
  setLastFailure,
} from './row';
import { failureRate, slowCallMs, stages } from './settings';
import { sliceAt } from './slices';
import { due, dueMs, nextStage, noteTurn, openedAt } from './turn';
import { isHeldBack, isRateHigh, isSimple, noteHeld, noteResult, noteSuccess } from './watch';

/** The result counts in no generation yet. */
const NOWHERE: i32 = -1;

/**
 * 1 if the result counted, 0 if not, STALE if the row is no longer that life's, NEEDS_TIME if `now` is NaN and matters. A
 * success that took `durationMs` may count as a failure, except for the run of failures.
 */
export function settle(slot: u32, epoch: u32, outcome: i32, permit: i32, now: f64, durationMs: f64): i32 {
  const row = rowAt(slot);
  let counted = NOWHERE;
  while (true) {
    const stored = getBreaker(row);
    const limits = currentLimits();
    const state = stateOf(stored);
    if (!isLive(row, epoch)) return STALE;
    // Where nothing depends on it, a success counts at the time of the last check: reading a clock costs more than all of this.
    if (F64.isNaN(now) && (state != STATE_CLOSED || failureRate(limits) > 0)) return NEEDS_TIME;
    const breaker = state == STATE_CLOSED ? stored : due(slot, stored, now, limits);
    if (breaker != stored) {
      if (casBreaker(row, stored, breaker)) noteTurn(slot, epoch, stored, breaker, dueMs(stored, now), limits);
      continue;
    }
    if (permit != NO_PERMIT && permit != permitOf(epoch, generationOf(breaker))) return stale(permit);
    if (state == STATE_OPEN || isForced(breaker)) return 0;
    if (outcome == OUTCOME_IGNORED) {
      const next = unprobed(breaker);
      if (next == breaker) return 0;
      if (!casBreaker(row, breaker, next)) continue;
      return 1;
    }

    const failure = outcome == OUTCOME_FAILURE;
    const instant = F64.isNaN(now) ? lastInstant() : instantOf(now);
    const slice = sliceAt(instant, limits);
    const bad = failure || (durationMs > 0 && slowCallMs(limits) > 0 && durationMs >= slowCallMs(limits));
    if (!bad && state == STATE_CLOSED && failuresOf(breaker) == 0 && isSimple(row, epoch, breaker, slice)) return 1;
    // Every result is one for the window once, in whatever generation it counts; the breaker is tried until it takes it.
    if (counted != <i32>generationOf(breaker)) {
      if (!failure) noteSuccess(row, epoch, slice, state == STATE_RECOVERING, limits);
      noteResult(row, epoch, slice, instant, breaker, bad, limits);
      counted = generationOf(breaker);
    }
    const ms = F64.isNaN(now) ? 0 : now;
    let next = after(slot, breaker, failure, bad, slice, ms, limits);
    const held = state == STATE_CLOSED && stateOf(next) == STATE_OPEN && isHeldBack(row, slice, limits);
    if (held) next = inRun(breaker, failure);
    // Dated before it counts: a thread that wants the row and sees the failure has to see its date as well.
    if (failure) setLastFailure(slot, coarse(now));
    if (next != breaker && !casBreaker(row, breaker, next)) continue;
    if (failure) count(coldOf(slot) + COLD_FAILURES);
    if (held) noteHeld(slot, epoch, slice, ms);
    if (generationOf(next) != generationOf(breaker)) noteTurn(slot, epoch, breaker, next, ms, limits);
    return 1;
  }
}

/** The breaker's next word after a result that counts, the same one where the result changes nothing. */
function after(slot: u32, breaker: u64, failure: bool, bad: bool, slice: u32, now: f64, limits: usize): u64 {
  const state = stateOf(breaker);
  if (state == STATE_HALF_OPEN) {
    if (bad) return openedAt(slot, breaker, now, limits);
    return stages(limits) ? inStage(breaker, 1, now, limits) : closed(breaker);
  }
  const window = getWindow(rowAt(slot));
  if (state == STATE_RECOVERING) return afterInStage(slot, breaker, window, now, limits);
  const trips = (failure && isRunLong(breaker, limits)) || (bad && isRateHigh(window, breaker, slice, limits));
  return trips ? openedAt(slot, breaker, now, limits) : inRun(breaker, failure);
}

/** The closed word with the run of failures one longer, or over. */
function inRun(breaker: u64, failure: bool): u64 {
  if (failure) return withFailure(breaker);
  return failuresOf(breaker) ? withFailures(breaker, 0) : breaker;
}

function afterInStage(slot: u32, breaker: u64, window: u64, now: f64, limits: usize): u64 {
  const said = verdict(breaker, window, now, limits);
  if (said == FAILS) return openedAt(slot, breaker, now, limits);
  if (said == GOES_BACK) return inStage(breaker, max<u32>(stageOf(breaker) - 1, 1), now, limits);
  return said == GOES_UP ? nextStage(breaker, now, limits) : breaker;
}

/** The same for the peer whose fingerprint this is. Only a failure without a permit makes a row for it. */
export function settleFingerprint(
  fingerprint: u64,
  length: u32,
  outcome: i32,
  permit: i32,
  now: f64,
  durationMs: f64,
): i32 {
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
    const settled = settle(slotOf(ref), epochIn(ref), outcome, permit, now, durationMs);
    if (settled != STALE) return settled;
  }
}

function stale(permit: i32): i32 {
  if (permit >= 0) tally(COUNT_STALE_RESULTS);
  return 0;
}

/** Gives tokens back at what they cost as of the last check; STALE if the row is no longer that life's. */
export function refund(slot: u32, epoch: u32, cost: u64): i32 {
  const row = rowAt(slot);
  while (true) {
    const bucket = getBucket(row);
    const peer = getPeer(row);
    const owed = getOwed(row);
    const force = inForce();
    if (!isLive(row, epoch)) return STALE;
    const limits = limitsOf(force);
    const extras = load32(AT_EXTRAS);
    const priced = ((<u32>peer & PRICED) | extras) != 0;
    const price = priced ? priceOf(peer, extras, lastInstant(), limits) : ticksPerToken(limits);
    const back = min<u64>(cost, mostOf(peer, limits));
    if (!casBucket(row, bucket, refunded(converted(bucket, force), back, price))) continue;
    // What is paid already stays paid.
    if (counts(slot, extras)) unowe(slot, owed, back);
    return 0;
  }
}

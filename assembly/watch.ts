// What a result tells of a peer beside the run of failures: its window, whether it is established, and what it adds to what
// is known of the fleet. None of it is written where there is nothing new, so that a peer that is doing well costs a look.

import { generationOf, stateOf } from './breaker';
import { tally } from './counters';
import { isEstablished, succeeded } from './established';
import { noteHeldBack } from './events';
import { countEstablished, countResult, countTurned, fleetRate, isSuspected } from './fleet';
import { COUNT_HELD_BACK, STATE_CLOSED, STATE_RECOVERING } from './layout';
import { countsAll, minimumCalls, sliceTicks } from './limits';
import { rowAt } from './place';
import { unitsOf } from './reputation';
import { casPeer, casWindow, getPeer, getWindow, isLive } from './row';
import { failureRate, isAutomatic, perCleanWindow, relativeThreshold } from './settings';
import { quietNow } from './slices';
import { adjustBy, markWindow } from './turn';
import {
  added,
  countsOf,
  failuresIn,
  HELD,
  isQuiet,
  isSteady,
  markBefore,
  markIn,
  quieted,
  resultsIn,
  sliceAge,
  TRIPPED,
  tagIn,
  turned,
  UNMARKED,
  withSuccess,
} from './window';

/** What the fleet fails by may raise the threshold up to this. */
const HIGHEST_THRESHOLD: f64 = 0.95;
const MINUTE_TICKS: u64 = 62914560000;

/** Takes a success on a closed circuit without failures the short way; false where it may change more than a count. */
export function isSimple(row: usize, epoch: u32, breaker: u64, slice: u32): bool {
  const word = getWindow(row);
  if (!isLive(row, epoch)) return false;
  if (isQuiet(word, quietNow())) return true;
  return isSteady(word, slice, generationOf(breaker)) && casWindow(row, word, withSuccess(word));
}

/**
 * Counts a success towards being established. The window of a peer that becomes so is in this slice first: whoever finds it
 * established then finds it counted as well, by whoever made it so.
 */
export function noteSuccess(row: usize, epoch: u32, slice: u32, inStage: bool, limits: usize): void {
  while (true) {
    const peer = getPeer(row);
    if (isEstablished(peer) || !isLive(row, epoch)) return;
    const next = succeeded(peer, limits);
    if (isEstablished(next)) turnWindow(row, epoch, slice, inStage);
    if (!casPeer(row, peer, next)) continue;
    if (isEstablished(next)) countEstablished(slice);
    return;
  }
}

function turnWindow(row: usize, epoch: u32, slice: u32, inStage: bool): void {
  while (true) {
    const word = getWindow(row);
    if (!isLive(row, epoch)) return;
    const next = turned(word, slice, tagIn(word), inStage);
    if (next == word || casWindow(row, word, next)) return;
  }
}

/** Counts a result in the window of the peer and, if it has not given too many, for the fleet. */
export function noteResult(
  row: usize,
  epoch: u32,
  slice: u32,
  instant: u64,
  breaker: u64,
  bad: bool,
  limits: usize,
): void {
  const inStage = stateOf(breaker) == STATE_RECOVERING;
  while (true) {
    const word = getWindow(row);
    const established = isEstablished(getPeer(row));
    if (!isLive(row, epoch)) return;
    if (!established && !inStage && !countsAll(limits)) return;
    const now = turned(word, slice, generationOf(breaker), inStage);
    // Once a circuit tripped, what follows in the window is of a new generation: it adds nothing to the fleet.
    const adds =
      stateOf(breaker) == STATE_CLOSED &&
      resultsIn(now) < minimumCalls(limits) &&
      markIn(now) != TRIPPED &&
      markBefore(now) != TRIPPED;
    let next = adds || inStage || countsAll(limits) ? added(now, bad) : now;
    if (established && stateOf(breaker) == STATE_CLOSED && resultsIn(next) >= minimumCalls(limits))
      next = quieted(next);
    if (next != word && !casWindow(row, word, next)) continue;
    if (established) {
      countTurned(word, slice);
      if (adds) countResult(slice, bad);
    }
    if (isAutomatic(limits)) reward(row, epoch, word, slice, instant, breaker, limits);
    return;
  }
}

/** Whether the failures of the window are too many. */
export function isRateHigh(window: u64, breaker: u64, slice: u32, limits: usize): bool {
  const least = failureRate(limits);
  if (!(least > 0)) return false;
  const now = turned(window, slice, generationOf(breaker), false);
  const results = resultsIn(now);
  if (results < minimumCalls(limits)) return false;
  const rate = <f64>failuresIn(now) / <f64>results;
  return rate >= least && rate >= relative(slice, limits);
}

/** How often the fleet fails, times a factor: what is usual for all is nobody's fault. */
function relative(slice: u32, limits: usize): f64 {
  const factor = relativeThreshold(limits);
  return factor > 0 ? min<f64>(factor * fleetRate(slice), HIGHEST_THRESHOLD) : 0;
}

/** Whether a trip of the peer is held back, because too many trip at once. */
export function isHeldBack(row: usize, slice: u32, limits: usize): bool {
  if (!isEstablished(getPeer(row))) return false;
  const now = turned(getWindow(row), slice, 0, true);
  const unmarked = markIn(now) == UNMARKED && markBefore(now) == UNMARKED;
  return isSuspected(slice, <u32>unmarked, limits);
}

/** Writes down that one was held back. */
export function noteHeld(slot: u32, epoch: u32, slice: u32, ms: f64): void {
  tally(COUNT_HELD_BACK);
  noteHeldBack(slot, epoch, ms);
  markWindow(rowAt(slot), epoch, slice, HELD);
}

/** A point for a clean window: one with a success and without a trip, and at most one a minute. */
function reward(row: usize, epoch: u32, before: u64, slice: u32, instant: u64, breaker: u64, limits: usize): void {
  const age = sliceAge(before, slice);
  if (age == 0 || markIn(before) == TRIPPED || markBefore(before) == TRIPPED) return;
  const minute = max<u32>(<u32>min<u64>((MINUTE_TICKS - 1) / sliceTicks(limits) + 1, 1 << 30), 2);
  if (slice / minute == (slice - age) / minute) return;
  const counts = countsOf(before, generationOf(breaker));
  if (resultsIn(counts) > failuresIn(counts)) {
    adjustBy(row, epoch, unitsOf(perCleanWindow(limits)), instant, limits, false);
  }
}

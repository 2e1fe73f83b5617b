// The fleet: what the peers that are established did in this slice of the window and in the one before, all together.
//
//      slice s − 1     slice s           every count is a word of its own with the number of its slice, so that a count of
//      ├───────────┬───────────┤         an older slice is 0 by itself, and adding to one is one compare-and-swap
//       active, tripped, held back, results, failures
//
// If so many of them trip at once that one more would be too many, the fault is probably ours.

import {
  AT_FLEET,
  FLEET_ACTIVE,
  FLEET_COUNTS,
  FLEET_FAILURES,
  FLEET_HELD,
  FLEET_RESULTS,
  FLEET_TRIPPED,
} from './layout';
import { cas64, load64, store64 } from './memory';
import { maxOpenFraction } from './settings';
import { isNews, markBefore, markIn, sliceAge, TRIPPED, UNMARKED } from './window';

/** Below so many active peers nothing can be said of the fleet. */
const LEAST_PEERS: u32 = 10;
/** A count of a later slice is not overwritten; one that is far ahead is the sign of a clock that was set back. */
const MOST_AHEAD: i32 = 1 << 15;

function wordAt(kind: u32, slice: u32): usize {
  return <usize>AT_FLEET + ((<usize>((slice & 1) * FLEET_COUNTS + kind)) << 3);
}

function countIn(word: u64, slice: u32): u32 {
  return <u32>(word >> 32) == slice ? <u32>word : 0;
}

function add(kind: u32, slice: u32, by: i32): void {
  const at = wordAt(kind, slice);
  while (true) {
    const word = load64(at);
    const ahead = <i32>(<u32>(word >> 32) - slice);
    if (ahead > 0 && ahead < MOST_AHEAD) return;
    const sum = max<i32>(<i32>countIn(word, slice) + by, 0);
    if (cas64(at, word, ((<u64>slice) << 32) | <u64>sum)) return;
  }
}

/** The count of a kind over the window. */
export function counted(kind: u32, slice: u32): u32 {
  return countIn(load64(wordAt(kind, slice)), slice) + countIn(load64(wordAt(kind, slice - 1)), slice - 1);
}

/** A peer that became one of the established in this slice. */
export function countEstablished(slice: u32): void {
  add(FLEET_ACTIVE, slice, 1);
}

/** An established peer whose window's word was this one and is of this slice now: it counts in its last slice only. */
export function countTurned(window: u64, slice: u32): void {
  const age = sliceAge(window, slice);
  if (age == 0) return;
  add(FLEET_ACTIVE, slice, 1);
  if (age == 1) add(FLEET_ACTIVE, slice - 1, -1);
}

/** A mark that a peer gets, whose window's word was this one before: each peer counts by its last mark. */
export function countMark(window: u64, mark: u32, slice: u32): void {
  if (!isNews(window, mark)) return;
  if (markIn(window) != UNMARKED) add(kindOf(markIn(window)), slice, -1);
  else if (markBefore(window) != UNMARKED) add(kindOf(markBefore(window)), slice - 1, -1);
  add(kindOf(mark), slice, 1);
}

function kindOf(mark: u32): u32 {
  return mark == TRIPPED ? FLEET_TRIPPED : FLEET_HELD;
}

/** A result of a peer that has not given too many in this window. */
export function countResult(slice: u32, failure: bool): void {
  add(FLEET_RESULTS, slice, 1);
  if (failure) add(FLEET_FAILURES, slice, 1);
}

/** The background: how often established peers fail. 0 where nothing is known. */
export function fleetRate(slice: u32): f64 {
  const results = counted(FLEET_RESULTS, slice);
  return results ? <f64>counted(FLEET_FAILURES, slice) / <f64>results : 0;
}

/**
 * Whether one circuit more would be too many. Those that were held back count as well: they would have tripped, and a fault
 * that lasts longer than the window would be forgotten otherwise.
 */
export function isSuspected(slice: u32, more: u32, limits: usize): bool {
  const active = counted(FLEET_ACTIVE, slice);
  if (active < LEAST_PEERS || maxOpenFraction(limits) >= 1) return false;
  const tripped = counted(FLEET_TRIPPED, slice) + counted(FLEET_HELD, slice);
  return <f64>(tripped + more) > maxOpenFraction(limits) * <f64>active;
}

/** Forgets everything: the slices are about to be of another length. */
export function resetFleet(): void {
  for (let i: usize = 0; i < 2 * FLEET_COUNTS; i++) store64(<usize>AT_FLEET + (i << 3), 0);
}

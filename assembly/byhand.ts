// What the operator does to a peer: force its circuit, reset it, give it a class, change its reputation. Everything here is one
// compare-and-swap on one word of the row; STALE where the row is no longer that life's.

import { closed, forcedClosed, forcedOpen, generationOf } from './breaker';
import { instantOf } from './bucket';
import { withClass } from './classes';
import { noteCircuit } from './events';
import { AT_PRICED, CLASSES, STALE, STATE_FORCED_CLOSED, STATE_FORCED_OPEN } from './layout';
import { currentLimits } from './limits';
import { store32 } from './memory';
import { rowAt } from './place';
import { pointsOf, scoreAt, unitsOf } from './reputation';
import { casBreaker, casPeer, getBreaker, getPeer, isLive, setBackoff } from './row';
import { adjustBy, clearWindow, due, dueMs, noteTurn } from './turn';

/** Forces the circuit open or closed, or makes it closed and clean, in a new generation. */
export function force(slot: u32, epoch: u32, state: u32, now: f64): i32 {
  const row = rowAt(slot);
  while (true) {
    const word = getBreaker(row);
    const limits = currentLimits();
    if (!isLive(row, epoch)) return STALE;
    const by = due(slot, word, now, limits);
    if (by != word) {
      if (casBreaker(row, word, by)) noteTurn(slot, epoch, word, by, dueMs(word, now), limits);
      continue;
    }
    const next =
      state == STATE_FORCED_OPEN ? forcedOpen(word) : state == STATE_FORCED_CLOSED ? forcedClosed(word) : closed(word);
    if (!casBreaker(row, word, next)) continue;
    setBackoff(slot, 0);
    clearWindow(row, epoch, generationOf(next));
    noteCircuit(slot, epoch, word, next, now);
    return 1;
  }
}

/** Gives the peer the class of this number; 0: none. */
export function setClass(slot: u32, epoch: u32, number: u32): i32 {
  if (number >= <u32>CLASSES) return 0;
  if (number) store32(AT_PRICED, 1);
  const row = rowAt(slot);
  while (true) {
    const word = getPeer(row);
    if (!isLive(row, epoch)) return STALE;
    const next = withClass(word, number);
    if (next == word || casPeer(row, word, next)) return 1;
  }
}

/** Adds points to the peer's reputation; what it is then, or NaN where the row is no longer that life's. */
export function adjust(slot: u32, epoch: u32, points: f64, now: f64): f64 {
  const row = rowAt(slot);
  const instant = instantOf(now);
  adjustBy(row, epoch, unitsOf(points), instant, currentLimits(), false);
  const word = getPeer(row);
  return isLive(row, epoch) ? pointsOf(scoreAt(word, instant, currentLimits())) : Number.NaN;
}

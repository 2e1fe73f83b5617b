// The breaker's turns: what time makes of a circuit, how long one stays open, and what is written down once a turn was made.
// Whoever wins the compare-and-swap on BREAKER makes the turn and writes it down; what a death leaves out then is one count.

import { closedAt, doublings, openedAgain, openMs } from './backoff';
import { closed, generationOf, isLapsed, lapseMs, nextGeneration, opened, stateOf } from './breaker';
import { instantOf } from './bucket';
import { tally } from './counters';
import { isEstablished } from './established';
import { noteCircuit } from './events';
import { countMark, countTurned, isSuspected } from './fleet';
import {
  AT_PRICED,
  COUNT_CIRCUIT_CLOSED,
  COUNT_CIRCUIT_OPENED,
  COUNT_RECOVERED,
  STATE_CLOSED,
  STATE_HALF_OPEN,
  STATE_OPEN,
  STATE_RECOVERING,
} from './layout';
import { store32 } from './memory';
import { rowAt } from './place';
import { endMs, GOES_UP, inStage, stageOf, verdict } from './recovery';
import { adjusted, penalised, unitsOf } from './reputation';
import { casPeer, casWindow, getBackoff, getFingerprint, getPeer, getWindow, isLive, setBackoff } from './row';
import { isAutomatic, perTrip, stages } from './settings';
import { sliceAt } from './slices';
import { cleared, countsOf, marked, TRIPPED, tagIn, turned } from './window';

/** The breaker's word as time has made it by `now`; one step of it, so ask again. */
export function due(slot: u32, word: u64, now: f64, limits: usize): u64 {
  const state = stateOf(word);
  if (state == STATE_HALF_OPEN) return isLapsed(word, now) ? openedAt(slot, word, lapseMs(word), limits) : word;
  if (state != STATE_RECOVERING) return word;
  if (stageOf(word) > stages(limits)) return closed(word);
  const results = countsOf(getWindow(rowAt(slot)), generationOf(word));
  return verdict(word, results, now, limits) == GOES_UP ? nextStage(word, endMs(word, now), limits) : word;
}

/** The word as all steps of time have made it, for looks, which change nothing. */
export function matured(slot: u32, word: u64, now: f64, limits: usize): u64 {
  let breaker = word;
  while (stateOf(breaker) != STATE_CLOSED) {
    const by = due(slot, breaker, now, limits);
    if (by == breaker) break;
    breaker = by;
  }
  return breaker;
}

/** When that happened. */
export function dueMs(word: u64, now: f64): f64 {
  return stateOf(word) == STATE_HALF_OPEN ? lapseMs(word) : min<f64>(endMs(word, now), now);
}

/** The word of a circuit that opens at this time, for as long as it has to by its openings before. */
export function openedAt(slot: u32, word: u64, ms: f64, limits: usize): u64 {
  const count = doublings(getBackoff(slot), stateOf(word) == STATE_CLOSED, ms, limits);
  return opened(word, ms, openMs(count, getFingerprint(rowAt(slot)), <u32>nextGeneration(word), limits));
}

/** The word of the stage after this one, or of the closed circuit after the last. */
export function nextStage(word: u64, ms: f64, limits: usize): u64 {
  const stage = stageOf(word) + 1;
  return stage > stages(limits) ? closed(word) : inStage(word, stage, ms, limits);
}

/** Writes down a turn that was made, as of its time. */
export function noteTurn(slot: u32, epoch: u32, before: u64, after: u64, ms: f64, limits: usize): void {
  const was = stateOf(before);
  const state = stateOf(after);
  const slice = sliceAt(instantOf(ms), limits);
  const trips = state == STATE_OPEN;
  if (trips) {
    tally(COUNT_CIRCUIT_OPENED);
    setBackoff(slot, openedAgain(doublings(getBackoff(slot), was == STATE_CLOSED, ms, limits)));
    penalise(rowAt(slot), epoch, slice, ms, limits);
  } else if (state == STATE_CLOSED) {
    tally(COUNT_CIRCUIT_CLOSED);
    if (was == STATE_RECOVERING) tally(COUNT_RECOVERED);
    setBackoff(slot, closedAt(getBackoff(slot), ms, limits));
  }
  clearWindow(rowAt(slot), epoch, generationOf(after));
  if (trips) markWindow(rowAt(slot), epoch, slice, TRIPPED);
  noteCircuit(slot, epoch, before, after, ms);
}

/** Clears the window for a generation that begins; its counts are void already, since they are those of another one. */
export function clearWindow(row: usize, epoch: u32, generation: u32): void {
  while (true) {
    const word = getWindow(row);
    if (!isLive(row, epoch)) return;
    const next = cleared(word, generation);
    if (next == word || casWindow(row, word, next)) return;
  }
}

/** Marks the window of an established peer with what happened to it in this slice, and counts that for the fleet. */
export function markWindow(row: usize, epoch: u32, slice: u32, mark: u32): void {
  while (true) {
    const word = getWindow(row);
    if (!isEstablished(getPeer(row)) || !isLive(row, epoch)) return;
    const now = turned(word, slice, tagIn(word), false);
    const next = marked(now, mark);
    if (next != word && !casWindow(row, word, next)) continue;
    countTurned(word, slice);
    countMark(now, mark, slice);
    return;
  }
}

/** What a trip costs of the reputation, unless the fault is probably ours. */
function penalise(row: usize, epoch: u32, slice: u32, ms: f64, limits: usize): void {
  if (!isAutomatic(limits) || isSuspected(slice, 1, limits)) return;
  adjustBy(row, epoch, unitsOf(perTrip(limits)), instantOf(ms), limits, true);
}

/** Adds units to the peer's score, as a penalty or not. */
export function adjustBy(row: usize, epoch: u32, units: i32, instant: u64, limits: usize, penalty: bool): void {
  while (true) {
    const peer = getPeer(row);
    if (!isLive(row, epoch)) return;
    const next = penalty ? penalised(peer, units, instant, limits) : adjusted(peer, units, instant, limits);
    if (next != peer && !casPeer(row, peer, next)) continue;
    store32(AT_PRICED, 1);
    return;
  }
}

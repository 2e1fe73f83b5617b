// The ramp from a probe that succeeded to a closed circuit, as pure functions from word to word.
//
//      of S stages, stage s lets 2^(s − S − 1) of the requests through        S = 4:  1/16  1/8  1/4  1/2  closed
//
//      recovering   47 ─ end of the stage 38, ms mod 2³⁸ ─ 10 ─ stage 3 ─ 7 ─ requests 7 ─ 0
//
// A stage is judged by its own results, which the WINDOW word counts, and never ends by time alone. Every stage is a generation.
// Requests are counted up to 127 and from there on again from 64: which of them passes depends on the last six bits.

import { generationOf, moved as movedBreaker, nextGeneration, payloadOf, stateOf, wordOf } from './breaker';
import { STATE_RECOVERING } from './layout';
import { rampRate, stageCalls, stageMs, stages } from './settings';
import { failuresIn, resultsIn } from './window';

const STAGE_SHIFT: u64 = 7;
const END_SHIFT: u64 = 10;
const REQUESTS_MASK: u64 = 127;
const REQUESTS_AGAIN: u64 = 64;
const END_BITS: u64 = 38;
const END_MASK: u64 = (1 << END_BITS) - 1;
/** The longest stage in ms: an end that seems further away is over. */
const LONGEST: u64 = 1 << 31;
const PHASE_MASK: u64 = 63;

export function stageOf(word: u64): u32 {
  return <u32>(payloadOf(word) >> STAGE_SHIFT) & 7;
}

function requestsOf(word: u64): u64 {
  return payloadOf(word) & REQUESTS_MASK;
}

function endOf(word: u64): u64 {
  return payloadOf(word) >> END_SHIFT;
}

function msOf(now: f64): u64 {
  return <u64>max<f64>(now, 0);
}

function stageWord(generation: u64, stage: u32, end: u64, requests: u64): u64 {
  return wordOf(
    STATE_RECOVERING,
    generation,
    ((end & END_MASK) << END_SHIFT) | ((<u64>stage) << STAGE_SHIFT) | requests,
  );
}

/** The word of a stage that begins at this time. */
export function inStage(word: u64, stage: u32, atMs: f64, limits: usize): u64 {
  return stageWord(nextGeneration(word), stage, <u64>ceil(max<f64>(atMs, 0) + stageMs(limits)), 0);
}

/** The fraction of the requests and of the burst that the stage lets through, as a shift; 0: all of them. */
export function shiftOf(word: u64, limits: usize): u64 {
  const left = <i32>(stages(limits) + 1) - <i32>stageOf(word);
  return <u64>max<i32>(left, 0);
}

/** Whether the stage lets its next request through. The first ones always pass, then every 2^shift-th one. */
export function passes(word: u64, fingerprint: u64, limits: usize): bool {
  const requests = requestsOf(word);
  if (requests < <u64>stageCalls(limits)) return true;
  const phase = fingerprint & PHASE_MASK;
  return ((requests + phase) & (((<u64>1) << shiftOf(word, limits)) - 1)) == 0;
}

/** The word with one request more, let through or not. */
export function advanced(word: u64): u64 {
  const requests = requestsOf(word) + 1;
  return withRequests(word, requests > REQUESTS_MASK ? REQUESTS_AGAIN : requests);
}

/** The word with the last request taken back. */
export function takenBack(word: u64): u64 {
  const requests = requestsOf(word);
  return requests ? withRequests(word, requests - 1) : word;
}

function withRequests(word: u64, requests: u64): u64 {
  return stageWord(<u64>generationOf(word), stageOf(word), endOf(word), requests);
}

/** Milliseconds to the stage's end; 0 where it is over. */
export function untilEnd(word: u64, now: f64): u64 {
  const left = (endOf(word) - msOf(now)) & END_MASK;
  return left > LONGEST ? 0 : left;
}

/** When the stage ends, or ended, as of a time that is not before it began. */
export function endMs(word: u64, now: f64): f64 {
  const left = untilEnd(word, now);
  if (left) return <f64>(msOf(now) + left);
  return <f64>(msOf(now) - ((msOf(now) - endOf(word)) & END_MASK));
}

export const GOES_ON: u32 = 0;
export const GOES_UP: u32 = 1;
export const GOES_BACK: u32 = 2;
export const FAILS: u32 = 3;

/** What the results of the stage say at this time. */
export function verdict(word: u64, window: u64, now: f64, limits: usize): u32 {
  const results = resultsIn(window);
  if (results < stageCalls(limits)) return GOES_ON;
  const rate = <f64>failuresIn(window) / <f64>results;
  if (rate >= rampRate(limits)) return FAILS;
  if (rate >= rampRate(limits) / 2) return GOES_BACK;
  return untilEnd(word, now) == 0 ? GOES_UP : GOES_ON;
}

/** The word of any circuit with its instant moved by `shift` ms. */
export function moved(word: u64, shift: f64): u64 {
  if (stateOf(word) != STATE_RECOVERING) return movedBreaker(word, shift);
  const end = <u64>(<i64>endOf(word) + <i64>ceil(shift));
  return stageWord(<u64>generationOf(word), stageOf(word), end, requestsOf(word));
}

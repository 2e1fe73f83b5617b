// Reputations: a score from −100 to 100 that goes back to 0 by itself, half of it in each half-life.
//
// A score is kept in units of 1/256 with the quantum in which it was written. A quantum is a sixteenth of the half-life.
// Whole quanta decay, and always from the score as it was written: nothing is lost by looking, and nothing gets stuck.

import { THREAD_QUANTUM } from './layout';
import { quantumTicks } from './limits';
import { periodAt, since } from './periods';
import { block } from './place';
import { shrunk } from './scale';

const SCORE_SHIFT: u64 = 6;
const SCORE_MASK: u64 = 0xffff;
const PENALTIES_SHIFT: u64 = 32;
const PENALTIES_MASK: u64 = 31;
const QUANTUM_SHIFT: u64 = 37;
const QUANTUM_MASK: u32 = (1 << 27) - 1;
/** The last ages there are numbers for: such a word was written by a clock that is ahead. */
const QUANTA_BACK: u32 = (1 << 27) - (1 << 20);
/** Classes and successes, which a reputation leaves as they are. */
const OTHERS: u64 = 0xffc0003f;

const PER_POINT: f64 = 256;
const MOST: i32 = 25600;
/** What is taken automatically in one quantum: 20 points. */
const MOST_PENALTY: i32 = 5120;

/** A word that no writer of the row's last life expects. */
export function newborn(epoch: u32): u64 {
  return (<u64>(epoch & QUANTUM_MASK)) << QUANTUM_SHIFT;
}

function scoreIn(peer: u64): i32 {
  return <i32>(<i16>((peer >> SCORE_SHIFT) & SCORE_MASK));
}

function quantumIn(peer: u64): u32 {
  return <u32>(peer >> QUANTUM_SHIFT);
}

function penaltiesIn(peer: u64): u32 {
  return <u32>((peer >> PENALTIES_SHIFT) & PENALTIES_MASK);
}

/** The quantum in which an instant lies. */
export function quantumAt(instant: u64, limits: usize): u32 {
  return <u32>periodAt(instant, THREAD_QUANTUM, quantumTicks(limits));
}

/** Whether it is the one that this thread worked out last. */
export function isQuantumKept(instant: u64, limits: usize): bool {
  const ticks = quantumTicks(limits);
  return instant - load<u64>(block, THREAD_QUANTUM) < ticks && load<u64>(block, THREAD_QUANTUM + 8) == ticks;
}

export function quantumKept(): u32 {
  return <u32>load<u64>(block, THREAD_QUANTUM + 16);
}

/** What is left of a score in a quantum, without its sign, in units of 2^bits / 256 point. */
function sizeIn(quantum: u32, peer: u64, bits: u32): u32 {
  const quanta = (quantum - quantumIn(peer)) & QUANTUM_MASK;
  return shrunk(abs<i32>(scoreIn(peer)), quanta < QUANTA_BACK ? quanta : 0, bits);
}

function wordOf(peer: u64, score: i32, quantum: u32, penalties: u32): u64 {
  return (
    (peer & OTHERS) |
    ((<u64>score & SCORE_MASK) << SCORE_SHIFT) |
    ((<u64>penalties) << PENALTIES_SHIFT) |
    ((<u64>quantum) << QUANTUM_SHIFT)
  );
}

/** The score at an instant, in units of 1/256 point. */
export function scoreAt(peer: u64, instant: u64, limits: usize): i32 {
  const score = scoreIn(peer);
  if (score == 0) return 0;
  const size = <i32>sizeIn(quantumAt(instant, limits), peer, 0);
  return score < 0 ? -size : size;
}

/**
 * What a score adds to the exponent in a quantum: a bad one an octave for 25 points, 400 units a sixteenth. A good one takes an
 * octave for 100 points, but not more than the load put there.
 */
export function exponentOfScore(quantum: u32, peer: u64, load: i32): i32 {
  const score = scoreIn(peer);
  if (score == 0) return 0;
  const sixteenths = <i32>((sizeIn(quantum, peer, score < 0 ? 3 : 5) + 25) / 50);
  return score < 0 ? sixteenths : -min<i32>(sixteenths, load);
}

/** The word with so many units more, within the bounds. */
export function adjusted(peer: u64, by: i32, instant: u64, limits: usize): u64 {
  const quantum = quantumAt(instant, limits) & QUANTUM_MASK;
  const score = max<i32>(min<i32>(scoreAt(peer, instant, limits) + by, MOST), -MOST);
  return wordOf(peer, score, quantum, quantum == quantumIn(peer) ? penaltiesIn(peer) : 0);
}

/** The same for a penalty that nobody asked for, of which there are at most 20 points a quantum. */
export function penalised(peer: u64, by: i32, instant: u64, limits: usize): u64 {
  if (by >= 0) return adjusted(peer, by, instant, limits);
  const quantum = quantumAt(instant, limits) & QUANTUM_MASK;
  const penalties = quantum == quantumIn(peer) ? penaltiesIn(peer) : 0;
  const left = MOST_PENALTY + <i32>penalties * by;
  if (left <= 0 || penalties == <u32>PENALTIES_MASK) return peer;
  const next = adjusted(peer, max<i32>(by, -left), instant, limits);
  return wordOf(next, scoreIn(next), quantum, penalties + 1);
}

/** The word as it is in the quanta of other limits. */
export function requantified(peer: u64, instant: u64, before: usize, limits: usize): u64 {
  return wordOf(peer, scoreAt(peer, instant, before), <u32>(since(instant) / quantumTicks(limits)) & QUANTUM_MASK, 0);
}

/** The word of another table, or of another time, with as much decayed as there was. */
export function moved(peer: u64, from: u64, to: u64, limits: usize): u64 {
  const age = (<u32>(since(from) / quantumTicks(limits)) - quantumIn(peer)) & QUANTUM_MASK;
  const quantum = (<u32>(since(to) / quantumTicks(limits)) - age) & QUANTUM_MASK;
  return wordOf(peer, scoreIn(peer), quantum, penaltiesIn(peer));
}

/** Points as units, to the nearest one. */
export function unitsOf(points: f64): i32 {
  return <i32>nearest(max<f64>(min<f64>(points, 200), -200) * PER_POINT);
}

export function pointsOf(score: i32): f64 {
  return <f64>score / PER_POINT;
}

// What a token costs. Load, class and reputation are one exponent e, in sixteenths of an octave: a token takes
// T' = T · 2^(e/16) ticks to come back.
//
//      e < 0                0                 e > 0
//      a faster class       T                 load, a slower class, a bad reputation
//
// Only the charge is scaled, never a debt that is owed already: so no step of the factor hands out a token, or blocks anyone
// for longer than his own debt. Where e is 0 nothing here is called.

import { instantOf } from './bucket';
import { classExponent, classOf, loadMask, mostTokens } from './classes';
import { AT_EXTRAS, AT_PRICED, EXTRAS_LOAD, EXTRAS_NODES_SHIFT } from './layout';
import { burst, tau, ticksPerToken } from './limits';
import { cas32, load32, store32 } from './memory';
import { octavesLost, octavesOf, scoreAt } from './reputation';
import { chargeOf, MAX_CHARGE, scaled } from './scale';

/** Class and score of a PEER word: where all of it is 0, only the load changes what a token costs. */
export const PRICED: u32 = 0x3fffff;
/** How much more than a burst anybody can owe: load, class and reputation are at most 8, 8 and 4 octaves. */
const MOST_OCTAVES: u64 = 20;

export function setLoad(exponent: u32): void {
  if (exponent) store32(AT_PRICED, 1);
  while (true) {
    const extras = load32(AT_EXTRAS);
    if (cas32(AT_EXTRAS, extras, (extras & ~EXTRAS_LOAD) | exponent)) return;
  }
}

/** The exponent of a peer at an instant. A good reputation gives back up to an octave of what the load takes. */
export function exponentOf(peer: u64, extras: u32, instant: u64, limits: usize): i32 {
  const number = classOf(peer);
  const load = <i32>(extras & loadMask(number, limits));
  const score = scoreAt(peer, instant, limits);
  const exponent = classExponent(number, limits) + load;
  if (score == 0) return exponent;
  return score < 0 ? exponent + octavesLost(score) : exponent - min<i32>(octavesOf(score), load);
}

/** T', the ticks of a token: times the nodes, where each machine gives out its share alone. */
export function priceOf(peer: u64, extras: u32, instant: u64, limits: usize): u64 {
  const price = min<u64>(scaled(ticksPerToken(limits), exponentOf(peer, extras, instant, limits)), MAX_CHARGE);
  const nodes = extras >> EXTRAS_NODES_SHIFT;
  return nodes ? chargeOf(nodes, price) : price;
}

/** T' of a peer that has no row yet. */
export function priceForNewborn(now: f64, limits: usize): u64 {
  const extras = load32(AT_EXTRAS);
  return extras ? priceOf(0, extras, instantOf(now), limits) : ticksPerToken(limits);
}

/** How many tokens a check may ask for: the burst, or that of a faster class. */
export function mostOf(peer: u64, limits: usize): u64 {
  return (<u32>peer & PRICED) == 0 ? burst(limits) : mostTokens(classOf(peer), limits);
}

/** The most that a bucket can owe on a monotonic clock. */
export function longestDebt(limits: usize): u64 {
  if (load32(AT_PRICED) == 0) return tau(limits);
  return clz<u64>(tau(limits)) > MOST_OCTAVES + 4 ? tau(limits) << MOST_OCTAVES : MAX_CHARGE;
}

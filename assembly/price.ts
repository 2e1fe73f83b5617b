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
import { exponentOfScore, quantumAt } from './reputation';
import { chargeOf, isSmall, MAX_CHARGE, scaled, scaledSmall } from './scale';

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

/** T' at an instant, the ticks of a token. */
export function priceOf(peer: u64, extras: u32, instant: u64, limits: usize): u64 {
  return priceIn(quantumAt(instant, limits), peer, extras, limits);
}

/** The same in a quantum of reputations. Where each machine gives out its share alone, it is times the nodes. */
export function priceIn(quantum: u32, peer: u64, extras: u32, limits: usize): u64 {
  const number = classOf(peer);
  const load = <i32>(extras & loadMask(number, limits));
  const exponent = classExponent(number, limits) + load + exponentOfScore(quantum, peer, load);
  const normal = ticksPerToken(limits);
  const price = isSmall(normal, exponent)
    ? scaledSmall(normal, exponent)
    : min<u64>(scaled(normal, exponent), MAX_CHARGE);
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

// The token bucket as GCRA: one number, the theoretical arrival time (TAT), says when the bucket will be full again.
//
//      ◄──────────── tau = burst · T ───────────►
//      now              tat                  now + tau
//      ├─────────────────┼───────────────────────┤
//      │ tokens owed     │ tokens still there    │      a check of `cost` moves tat right by cost · T; it fits while
//      └─────────────────┴───────────────────────┘      tat stays within now + tau
//
// A bucket with T = 1/rate and depth `burst` and this arithmetic admit exactly the same requests: the virtual
// scheduling form of ITU-T I.371, annex A. Time is in ticks of 2⁻²⁰ ms.

import { TICKS_PER_MS as PER_MS, TICKS_START } from './layout';
import {
  burst,
  changedAt,
  keepsBuckets,
  latest,
  limitsOf,
  tau,
  tauBefore,
  ticksPerToken,
  ticksPerTokenBefore,
  versionOf,
} from './limits';

import { chargeOf } from './scale';

export const TICKS_PER_MS: f64 = PER_MS;
const TICK_BITS: u64 = 20;
/** now = 0 in ticks. A newborn's TAT is its epoch, which has 29 bits: always in the past, so its bucket is full. */
export const EPOCH_START: i64 = TICKS_START;

const TAT_BITS: u64 = 61;
const LAST_TAT: u64 = (1 << TAT_BITS) - 1;
export const TAG_BITS: u64 = 3;
export const TAG_MASK: u64 = 7;
const CONVERSION: u64 = 1;
/** Added to the tag when a row changes its owner, so that a late writer's compare-and-swap fails. */
export const HANDOVER: u64 = 2;

/** Milliseconds to ticks. Nothing is before 0; NaN is 0. */
export function instantOf(now: f64): u64 {
  return <u64>(<i64>(max<f64>(now, 0) * TICKS_PER_MS) + EPOCH_START);
}

/** The same as limits know it: for them time ends a burst before the TAT does. */
export function ticks(now: f64, limits: usize): u64 {
  return min<u64>(instantOf(now), latest(limits));
}

/** Negative costs become more than any burst, NaN becomes none. */
export function tokensFrom(cost: f64): u64 {
  return <u64>(<i64>cost);
}

export function tatOf(word: u64): u64 {
  return word >> TAG_BITS;
}

/** A word of a TAT, which must fit, and a tag. */
function wordOf(tat: u64, tag: u64): u64 {
  if (!ASC_NO_ASSERT) assert(tat >> TAT_BITS == 0);
  return (tat << TAG_BITS) | tag;
}

function retag(word: u64, step: u64): u64 {
  return ((word & TAG_MASK) + step) & TAG_MASK;
}

/** The TAT with so many ticks charged, whether they are there or not. */
export function charged(word: u64, charge: u64, at: u64): u64 {
  return max<u64>(tatOf(word), at) + charge;
}

/** The ticks until a bucket of this depth can be charged up to this TAT, at most 0 where it can be now. */
export function lacking(tat: u64, at: u64, depth: u64): i64 {
  return tat - at - depth;
}

export function wholeMs(ticks: i64): u64 {
  return <u64>(ticks + ((1 << TICK_BITS) - 1)) >> TICK_BITS;
}

/** The word with another TAT. One that does not fit is far beyond the clock's end. */
export function withTat(word: u64, tat: u64): u64 {
  return wordOf(min<u64>(tat, LAST_TAT), word & TAG_MASK);
}

/** The word with tokens of this price given back. A TAT in the past is a full bucket: it cannot become fuller than that. */
export function refunded(word: u64, tokens: u64, price: u64): u64 {
  const back = chargeOf(tokens, price);
  const tat = tatOf(word);
  return wordOf(tat > back ? tat - back : 0, word & TAG_MASK);
}

/** How many tokens of this price there are: at least one where nothing is owed. */
export function tokens(word: u64, at: u64, depth: u64, price: u64): u64 {
  const owed = max<u64>(tatOf(word), at) - at;
  if (owed == 0) return max<u64>(depth / price, 1);
  return owed >= depth ? 0 : (depth - owed) / price;
}

export function isFull(word: u64, at: u64): bool {
  return tatOf(word) <= at;
}

/** The word a row is handed over with: still the old TAT, but no earlier writer's compare-and-swap fits it. */
export function handedOver(word: u64): u64 {
  return (word & ~TAG_MASK) | retag(word, HANDOVER);
}

/** A newborn's word, with its first charge (0: its bucket is full), after a word of the row's last owner. */
export function newborn(before: u64, epoch: u32, charge: u64, at: u64, force: u64): u64 {
  let tag = retag(before, HANDOVER);
  if (!isIn(tag, force)) tag = retag(tag, CONVERSION);
  return wordOf(charge ? min<u64>(at + charge, LAST_TAT) : <u64>epoch, tag);
}

/** A word of another table: its TAT, in the limits in force here, moved by `shift` ms. */
export function moved(word: u64, shift: f64, force: u64): u64 {
  const tat = <i64>tatOf(word) + <i64>ceil(shift * TICKS_PER_MS);
  return (
    (min<u64>(<u64>max<i64>(tat, 0), latest(limitsOf(force)) + tau(limitsOf(force))) << TAG_BITS) |
    (<u64>versionOf(force) & 1)
  );
}

/** Whether the word is in the limits in force, and not in those before them. */
export function isIn(word: u64, force: u64): bool {
  return ((word ^ <u64>versionOf(force)) & 1) == 0;
}

/**
 * The word in the limits in force, which it may be one behind. Where neither T nor the burst changed, the TAT stays.
 * Else a TAT before the change becomes the change. A later one keeps its debt in tokens, as of the change; or, where a
 * monotonic clock cannot have made so much debt by then, as of the earliest instant at which it fits into one burst. So
 * a clock that was set back for the change never makes a debt look larger than a burst, and no part of it is forgotten.
 */
export function converted(word: u64, force: u64): u64 {
  return isIn(word, force) ? word : convertedTo(word, limitsOf(force));
}

/** The same for a word that is in the limits before, whichever bucket's T and burst these are. */
export function convertedTo(word: u64, limits: usize): u64 {
  const tat = tatOf(word);
  return wordOf(keepsBuckets(limits) ? tat : carried(tat, limits), retag(word, CONVERSION));
}

/** The TAT that keeps the debt of this one, which was made in the limits before; there may have been no bucket then. */
function carried(tat: u64, limits: usize): u64 {
  const changed = changedAt(limits);
  if (tat <= changed || ticksPerTokenBefore(limits) == 0) return changed;
  const before = tauBefore(limits);
  const since = tat - changed > before ? tat - before : changed;
  const debt = stretched(tat - since, ticksPerToken(limits), ticksPerTokenBefore(limits), burst(limits));
  return min<u64>(since + debt, latest(limits) + tau(limits));
}

/** min(⌈owed · to / from⌉, most · to), exactly. */
function stretched(owed: u64, to: u64, from: u64, most: u64): u64 {
  const whole = owed / from;
  if (whole >= most) return most * to;
  return whole * to + scaled(owed % from, to, from);
}

/** ⌈part · to / from⌉ for part < from: long division, because the product has up to 118 bits. */
function scaled(part: u64, to: u64, from: u64): u64 {
  let quotient: u64 = 0;
  let rest: u64 = 0;
  for (let digit: u64 = (1 << 63) >> clz<u64>(to); digit; digit >>= 1) {
    quotient <<= 1;
    rest <<= 1;
    if (to & digit) rest += part;
    while (rest >= from) {
      rest -= from;
      quotient++;
    }
  }
  return quotient + <u64>(rest != 0);
}

// The way that nearly every check takes: one token from a closed circuit. It is a few loads and one branch for all that is
// unusual. The unusual goes to `check`, which answers the same question in full, except for the two refusals of a flood: an
// empty bucket and an open circuit.
//
// By handle, time given, a check takes 11.3 ns this way (bench/questions/known.ts).

import { generationOf, stateOf, untilProbe } from './breaker';
import {
  charged,
  EPOCH_START,
  instantOf,
  isIn,
  lacking,
  TAG_BITS,
  TAG_MASK,
  TICKS_PER_MS,
  tatOf,
  wholeMs,
  withTat,
} from './bucket';
import { check } from './check';
import { tally } from './counters';
import { CREDITED, checkCredited, isDue } from './credited';
import { permitOf } from './decision';
import {
  AT_EXTRAS,
  COUNT_ALLOWED,
  EXTRAS_COUNTED,
  EXTRAS_NEWCOMERS,
  EXTRAS_SHUT,
  STALE,
  STATE_CLOSED,
  STATE_OPEN,
} from './layout';
import { inForce, latest, limitsOf, tau, ticksPerToken, versionOf } from './limits';
import { load32, SHARED } from './memory';
import { isOpenAt, rowAt } from './place';
import { PRICED } from './price';
import { isPriceAtHand, newPrice, priceAtHand } from './prices';
import { isShut, lacks } from './refuse';
import { allowedAt, casBucket, count, getBreaker, getBucket, getPeer, isLive } from './row';
import { keep } from './slices';

/** 2⁴⁰ ms as the bits of an f64. As an unsigned integer, every time from 0 to it is below, every other time and NaN above. */
const PLAIN_END: u64 = 0x4270000000000000;
export const STATE_BITS: u32 = 3;
export const PARITY: u32 = 1;
/** Of what is special: all that is more than another price. */
const NOT_PRICED: u32 = EXTRAS_NEWCOMERS | EXTRAS_COUNTED | EXTRAS_SHUT;
/** Where `now` ends, 2⁴¹ ms. */
const NOW_END: f64 = 2199023255552;

/** `check` for a cost of 1. `now` may be any number: what is not finite or not less than 2⁴¹ from 0 gets STALE. */
export function checkOne(slot: u32, epoch: u32, now: f64): i32 {
  if (!isOpenAt(slot)) return STALE;
  const row = rowAt(slot);
  const bucket = getBucket(row);
  const breaker = getBreaker(row);
  const peer = getPeer(row);
  const extras = load32(AT_EXTRAS);
  const force = inForce();
  if (!isLive(row, epoch)) return STALE;
  const other = ((<u32>bucket ^ versionOf(force)) & PARITY) | (extras & (NOT_PRICED & ~EXTRAS_COUNTED));
  if (((<u32>breaker & STATE_BITS) | other) == 0 && reinterpret<u64>(now) < PLAIN_END) {
    const limits = limitsOf(force);
    const at = <u64>(<i64>(now * TICKS_PER_MS) + EPOCH_START);
    keep(at);
    let price = ticksPerToken(limits);
    if (((<u32>peer & PRICED) | extras) != 0) {
      if (extras & EXTRAS_COUNTED) {
        const special = (<u32>peer & PRICED) | (extras ^ CREDITED);
        return checkCredited(slot, epoch, now, row, bucket, breaker, special, limits, at);
      }
      if (!isPriceAtHand(slot, peer, extras, force, at)) return checkUnusual(slot, epoch, now);
      price = priceAtHand(slot, peer, extras, limits);
    }
    const after = max<u64>(bucket >> TAG_BITS, at) + price;
    if (after - at <= tau(limits)) {
      if (casBucket(row, bucket, (after << TAG_BITS) | (bucket & TAG_MASK))) {
        count(allowedAt(row));
        tally(COUNT_ALLOWED);
        return permitOf(epoch, generationOf(breaker));
      }
    }
  }
  return checkUnusual(slot, epoch, now);
}

/**
 * The same for a check that is not ordinary. What a flood meets comes first: a circuit that is open, a bucket that is empty.
 * A function of its own, because what it keeps in registers would slow the ordinary one down by 2 ns.
 */
export function checkUnusual(slot: u32, epoch: u32, now: f64): i32 {
  if (!(abs<f64>(now) < NOW_END)) return STALE;
  const row = rowAt(slot);
  const bucket = getBucket(row);
  const breaker = getBreaker(row);
  const peer = getPeer(row);
  const extras = load32(AT_EXTRAS);
  const force = inForce();
  if (!isLive(row, epoch)) return STALE;
  const limits = limitsOf(force);
  if ((extras & EXTRAS_COUNTED) != 0 && isDue(row, limits)) return STALE;
  const instant = instantOf(now);
  if (stateOf(breaker) == STATE_OPEN) {
    const wait = untilProbe(breaker, now);
    if (wait) return isShut(slot, wait, limits);
  } else if (stateOf(breaker) == STATE_CLOSED && isIn(bucket, force) && (extras & NOT_PRICED) == 0) {
    const at = min<u64>(instant, latest(limits));
    const isPriced = ((<u32>peer & PRICED) | extras) != 0;
    const price = isPriced ? newPrice(slot, peer, extras, force, instant) : ticksPerToken(limits);
    const after = charged(bucket, price, at);
    const missing = lacking(after, at, max<u64>(tau(limits), price));
    keep(instant);
    if (missing > 0) {
      if (!SHARED || getBucket(row) == bucket) return lacks(row, tatOf(bucket), at, wholeMs(missing), limits);
    } else if (casBucket(row, bucket, withTat(bucket, after))) {
      count(allowedAt(row));
      tally(COUNT_ALLOWED);
      return permitOf(epoch, generationOf(breaker));
    }
  }
  return check(slot, epoch, 1, now, instant, false);
}

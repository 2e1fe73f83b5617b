// The ways that nearly every request takes: one token from a closed circuit, and a success on a closed circuit without
// failures. Each is a few loads and one branch for all that is unusual. The unusual goes to `check` and `settle`, which
// answer the same questions in full; so does a refusal, which needs their arithmetic for the wait.
//
//      checkOne    13.3 → 10.3 ns by handle, time given (bench/questions/known.ts)

import { generationOf } from './breaker';
import { EPOCH_START, instantOf, TAG_BITS, TAG_MASK, TICKS_PER_MS } from './bucket';
import { check } from './check';
import { tally } from './counters';
import { permitOf } from './decision';
import { AT_EXTRAS, COUNT_ALLOWED, STALE } from './layout';
import { currentLimits, inForce, limitsOf, tau, ticksPerToken, versionOf } from './limits';
import { load32 } from './memory';
import { isOpenAt, lastInstant, rowAt, seenAt } from './place';
import { PRICED } from './price';
import { allowedAt, casBucket, count, getBreaker, getBucket, getPeer, isLive } from './row';
import { sliceAt } from './turn';
import { isQuiet } from './watch';

/** 2⁴⁰ ms as the bits of an f64. As an unsigned integer, every time from 0 to it is below, every other time and NaN above. */
const PLAIN_END: u64 = 0x4270000000000000;
/** The state and the failures of a breaker word: all 0 in a closed circuit without failures. */
const CLOSED_AND_CLEAN: u64 = 0x0000ffffffff0003;
const STATE_BITS: u32 = 3;
const PARITY: u32 = 1;
/** Where `now` ends, 2⁴¹ ms. */
const NOW_END: f64 = 2199023255552;

/** Whether the circuit is not closed, the bucket not in the limits in force, or a token not at its ordinary price. */
export function isUnusual(bucket: u64, breaker: u64, peer: u64, extras: u32, force: u64): bool {
  const price = (<u32>peer & PRICED) | extras;
  return ((<u32>breaker & STATE_BITS) | ((<u32>bucket ^ versionOf(force)) & PARITY) | price) != 0;
}

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
  if (!isUnusual(bucket, breaker, peer, extras, force) && reinterpret<u64>(now) < PLAIN_END) {
    const limits = limitsOf(force);
    const at = <u64>(<i64>(now * TICKS_PER_MS) + EPOCH_START);
    seenAt(at);
    const after = max<u64>(bucket >> TAG_BITS, at) + ticksPerToken(limits);
    if (after - at <= tau(limits)) {
      if (casBucket(row, bucket, (after << TAG_BITS) | (bucket & TAG_MASK))) {
        count(allowedAt(row));
        tally(COUNT_ALLOWED);
        return permitOf(epoch, generationOf(breaker));
      }
    }
  }
  return abs<f64>(now) < NOW_END ? check(slot, epoch, 1, now, instantOf(now), false) : STALE;
}

/** Whether a success counts and changes nothing: the circuit is closed, without failures, and in the permit's period. */
export function succeedOne(slot: u32, epoch: u32, permit: i32, now: f64): bool {
  if (!isOpenAt(slot)) return false;
  const row = rowAt(slot);
  const breaker = getBreaker(row);
  const limits = currentLimits();
  if ((breaker & CLOSED_AND_CLEAN) != 0 || !isLive(row, epoch)) return false;
  const slice = sliceAt(F64.isNaN(now) ? lastInstant() : instantOf(now), limits);
  return permit == permitOf(epoch, generationOf(breaker)) && isQuiet(row, breaker, slice, limits);
}

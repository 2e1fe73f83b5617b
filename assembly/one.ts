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
import { limitsNewcomers } from './newcomers';
import { isOpenAt, rowAt } from './place';
import { PRICED, priceOf } from './price';
import { allowedAt, casBucket, count, getBreaker, getBucket, getPeer, getWindow, isLive } from './row';
import { quietNow, see, sliceAt } from './slices';
import { isSimple } from './watch';
import { isQuiet } from './window';

/** 2⁴⁰ ms as the bits of an f64. As an unsigned integer, every time from 0 to it is below, every other time and NaN above. */
const PLAIN_END: u64 = 0x4270000000000000;
/** The state and the failures of a breaker word: all 0 in a closed circuit without failures. */
const CLOSED_AND_CLEAN: u64 = 0x0000ffffffff0003;
const STATE_BITS: u32 = 3;
const PARITY: u32 = 1;
/** Where `now` ends, 2⁴¹ ms. */
const NOW_END: f64 = 2199023255552;

/** Whether the circuit is not closed, or the bucket not in the limits in force. */
export function isUnusual(bucket: u64, breaker: u64, force: u64): bool {
  return ((<u32>breaker & STATE_BITS) | ((<u32>bucket ^ versionOf(force)) & PARITY)) != 0;
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
  if (!isUnusual(bucket, breaker, force) && !limitsNewcomers(extras) && reinterpret<u64>(now) < PLAIN_END) {
    const limits = limitsOf(force);
    const at = <u64>(<i64>(now * TICKS_PER_MS) + EPOCH_START);
    see(at, limits);
    let price = ticksPerToken(limits);
    let depth = tau(limits);
    if (((<u32>peer & PRICED) | extras) != 0) {
      price = priceOf(peer, extras, at, limits);
      depth = max<u64>(depth, price);
    }
    const after = max<u64>(bucket >> TAG_BITS, at) + price;
    if (after - at <= depth) {
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
  if ((breaker & CLOSED_AND_CLEAN) != 0 || !isLive(row, epoch)) return false;
  if (permit != permitOf(epoch, generationOf(breaker))) return false;
  if (F64.isNaN(now)) return isQuiet(getWindow(row), quietNow());
  const limits = currentLimits();
  const slice = sliceAt(instantOf(now), limits);
  return isSimple(row, breaker, slice, quietNow(), limits);
}

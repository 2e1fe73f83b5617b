// Many checks in one call. What is the same for all of them is read once: the limits, the instant, the counters' sums.
// The loop takes the ordinary case itself, as `checkOne` does, for any cost; `check` takes the rest.

import { generationOf } from './breaker';
import { instantOf, TAG_BITS, TAG_MASK, tokensFrom } from './bucket';
import { check } from './check';
import { tallyMany } from './counters';
import { permitOf } from './decision';
import { AT_EXTRAS, BATCH, COUNT_ALLOWED, STALE } from './layout';
import { burst, inForce, latest, limitsOf, tau, ticksPerToken, versionOf } from './limits';
import { load32 } from './memory';
import { checkUnusual, PARITY, STATE_BITS } from './one';
import { batchRoom, capacity, isOpen, rowAt } from './place';
import { PRICED } from './price';
import { allowedAt, casBucket, count, getBreaker, getBucket, getPeer, isLive } from './row';
import { keep } from './slices';

/**
 * Decides for `from` … `to` − 1 of the slots in this thread's batch room, whose epochs follow behind the longest batch of
 * slots. Each decision is written over its slot.
 * Stops at the first that is stale, and returns its number, or `to`.
 */
export function checkBatch(from: u32, to: u32, cost: f64, now: f64): u32 {
  const end = min<u32>(isOpen() ? to : 0, BATCH);
  const tokens = tokensFrom(cost);
  const force = inForce();
  const limits = limitsOf(force);
  const at = min<u64>(instantOf(now), latest(limits));
  const charge = min<u64>(tokens, burst(limits) + 1) * ticksPerToken(limits);
  const most = at + tau(limits);
  keep(instantOf(now));
  let allowed: u32 = 0;
  let i = from;
  for (; i < end; i++) {
    const place = batchRoom + ((<usize>i) << 2);
    const slot = load<u32>(place);
    const epoch = load<u32>(place, BATCH << 2);
    if (slot >= capacity) break;
    const row = rowAt(slot);
    const bucket = getBucket(row);
    const breaker = getBreaker(row);
    const peer = getPeer(row);
    const extras = load32(AT_EXTRAS);
    const tagged = (<u32>breaker & STATE_BITS) | ((<u32>bucket ^ versionOf(force)) & PARITY);
    const unusual = tagged | (<u32>peer & PRICED) | extras;
    // Read anew for each row: in a shared table another thread may change the limits meanwhile.
    if (isLive(row, epoch) && unusual == 0 && inForce() == force) {
      const after = max<u64>(bucket >> TAG_BITS, at) + charge;
      if (after <= most && casBucket(row, bucket, (after << TAG_BITS) | (bucket & TAG_MASK))) {
        count(allowedAt(row));
        allowed++;
        store<i32>(place, permitOf(epoch, generationOf(breaker)));
        continue;
      }
    }
    const decision =
      tokens == 1 ? checkUnusual(slot, epoch, now) : check(slot, epoch, tokens, now, instantOf(now), false);
    if (decision == STALE) break;
    store<i32>(place, decision);
  }
  tallyMany(COUNT_ALLOWED, allowed);
  return i;
}

// The reclaiming hand: it goes round the rows and takes one back that nobody holds and that owes nothing. It looks at
// no more than 64 rows an attempt and moves on with each, so that an attempt costs the same however large the table is.
//
// A row that owes tokens or holds a live circuit is never taken: a limiter that forgets debts when it is full is reset
// by anyone with enough names.

import { FORGIVEN, handedOver, OWES, standing } from './breaker';
import { handedOver as bucketHandedOver, converted, isFull, ticks } from './bucket';
import { tally } from './counters';
import { NO_SLOT } from './free';
import { NONE, refOf } from './index';
import { AT_BIRTHS, AT_ERA, AT_HAND, AT_MEMBERS, COUNT_FREED, COUNT_RECLAIMED, EPOCH_BITS } from './layout';
import { inForce, limitsOf } from './limits';
import { add32, load64, SHARED } from './memory';
import { capacity, me, rowAt } from './place';
import {
  CLOSING,
  casBreaker,
  casBucket,
  casMeta,
  epochOf,
  getBreaker,
  getBucket,
  getLastFailure,
  getMeta,
  LIMBO,
  LIVE,
  lifeOf,
  meta,
  pinsOf,
} from './row';

const LOOKS: u32 = 64;
const LOW_BITS: u32 = 0xffff;
const EPOCH_MASK: u32 = (1 << EPOCH_BITS) - 1;
const ERA_MASK: u32 = EPOCH_MASK >> 1;

/**
 * A new life's number. Its low 16 bits are never all 0: permit 0 is the overflow row's. Numbers come round again after 2²⁹
 * lives, so whoever keeps one looks for its row anew when the era has changed, which is twice as often.
 */
export function nextEpoch(): u32 {
  while (true) {
    const birth = add32(AT_BIRTHS, 1) + 1;
    if ((birth & ERA_MASK) == 0) add32(AT_ERA, 1);
    if (birth & LOW_BITS) return birth & EPOCH_MASK;
  }
}

/** Whether somebody holds the row. Pins of threads that are gone hold nothing. */
function isHeld(word: u64): bool {
  if (SHARED) return (pinsOf(word) & <u32>load64(AT_MEMBERS)) != 0;
  return pinsOf(word) != 0;
}

/** What would be lost with the row: OWES, FORGIVEN or CLEAN. */
function standingOf(row: usize, now: f64): u32 {
  const force = inForce();
  const limits = limitsOf(force);
  if (!isFull(converted(getBucket(row), force), ticks(now, limits))) return OWES;
  return standing(getBreaker(row), getLastFailure(row), now, limits);
}

/** Takes a row nobody owns, in this META, for this thread; its new reference, or NONE. */
export function takeLimbo(slot: u32, word: u64): i64 {
  const epoch = nextEpoch();
  return casMeta(rowAt(slot), word, meta(epoch, LIMBO, me)) ? refOf(slot, epoch) : NONE;
}

/** Takes the row from its owner; NONE if it turns out to owe something. */
function seize(slot: u32, now: f64): i64 {
  const row = rowAt(slot);
  let word = getMeta(row);
  if (isHeld(word)) return NONE;
  const owned = lifeOf(word) != LIMBO;
  if (SHARED && owned) {
    // Until both words are changed an operation that overlaps may still write, and then the row owes again.
    const closing = meta(epochOf(word), CLOSING, me);
    if (!casMeta(row, word, closing)) return NONE;
    word = closing;
    const bucket = getBucket(row);
    const breaker = getBreaker(row);
    if (
      standingOf(row, now) == OWES ||
      !casBucket(row, bucket, bucketHandedOver(bucket)) ||
      !casBreaker(row, breaker, handedOver(breaker))
    ) {
      casMeta(row, closing, meta(epochOf(word), LIVE, 0));
      return NONE;
    }
  }
  if (!ASC_NO_ASSERT) assert(SHARED || !owned || standingOf(row, now) != OWES);
  const ref = takeLimbo(slot, word);
  if (ref != NONE && owned) {
    tally(COUNT_FREED);
    tally(COUNT_RECLAIMED);
  }
  return ref;
}

/** A row under the hand, now this thread's, or NONE. One that is clean goes before one that is only forgiven. */
export function reclaim(now: f64): i64 {
  let forgiven = NO_SLOT;
  for (let looks = min<u32>(capacity, LOOKS); looks > 0; looks--) {
    const slot = add32(AT_HAND, 1) % capacity;
    const row = rowAt(slot);
    const word = getMeta(row);
    if (isHeld(word)) continue;
    const state = lifeOf(word) == LIMBO ? FORGIVEN + 1 : standingOf(row, now);
    if (state == OWES) continue;
    if (state == FORGIVEN) {
      if (forgiven == NO_SLOT) forgiven = slot;
      continue;
    }
    const ref = seize(slot, now);
    if (ref != NONE) return ref;
  }
  return forgiven == NO_SLOT ? NONE : seize(forgiven, now);
}

// The reclaiming hand: it goes round the rows and takes one back that nobody holds and that owes nothing. It looks at
// no more than 64 rows an attempt and moves on with each, so that an attempt costs the same however large the table is.
//
// A row that owes tokens or holds a live circuit is never taken: a limiter that forgets debts when it is full is reset
// by anyone with enough names.

import { CLEAN, FORGIVEN, handedOver, OWES, standing, stateOf } from './breaker';
import { handedOver as bucketHandedOver, converted, instantOf, isFull, ticks } from './bucket';
import { classOf } from './classes';
import { tally } from './counters';
import { noteReclaimed } from './events';
import { NO_SLOT } from './free';
import { NONE, refOf } from './index';
import {
  AT_BIRTHS,
  AT_ERA,
  AT_HAND,
  AT_MEMBERS,
  COUNT_FREED,
  COUNT_RECLAIMED,
  EPOCH_BITS,
  STATE_RECOVERING,
} from './layout';
import { currentLimits, inForce, limitsOf, timeoutMs } from './limits';
import { add32, load64, SHARED } from './memory';
import { owes } from './owed';
import { capacity, me, rowAt } from './place';
import { endMs, untilEnd } from './recovery';
import { scoreAt } from './reputation';
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
  getPeer,
  LIMBO,
  LIVE,
  lifeOf,
  meta,
  pinsOf,
} from './row';
import { matured } from './turn';

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

/** Of a bad reputation: all that the row owes is that it be remembered. */
const DISLIKED: u32 = 3;

/** What would be lost with the row: OWES, DISLIKED, FORGIVEN or CLEAN. A row with a class was given it: it stays. */
function standingOf(slot: u32, now: f64): u32 {
  const row = rowAt(slot);
  const force = inForce();
  const limits = limitsOf(force);
  const peer = getPeer(row);
  if (owes(row) || classOf(peer) || !isFull(converted(getBucket(row), force), ticks(now, limits))) return OWES;
  const breaker = matured(slot, getBreaker(row), now, limits);
  const worth =
    stateOf(breaker) == STATE_RECOVERING
      ? inRamp(breaker, now, limits)
      : standing(breaker, getLastFailure(slot), now, limits);
  return worth != OWES && scoreAt(peer, instantOf(now), limits) < 0 ? DISLIKED : worth;
}

/** A ramp that nobody goes on with is forgiven as an open circuit is that nobody probes. */
function inRamp(breaker: u64, now: f64, limits: usize): u32 {
  return untilEnd(breaker, now) == 0 && now - endMs(breaker, now) >= timeoutMs(limits) ? FORGIVEN : OWES;
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
      standingOf(slot, now) == OWES ||
      !casBucket(row, bucket, bucketHandedOver(bucket)) ||
      !casBreaker(row, breaker, handedOver(breaker))
    ) {
      casMeta(row, closing, meta(epochOf(word), LIVE, 0));
      return NONE;
    }
  }
  if (!ASC_NO_ASSERT) assert(SHARED || !owned || standingOf(slot, now) != OWES);
  const ref = takeLimbo(slot, word);
  if (ref != NONE && owned) {
    tally(COUNT_FREED);
    tally(COUNT_RECLAIMED);
    noteReclaimed(slot, epochOf(word), now);
  }
  return ref;
}

/**
 * A row under the hand, now this thread's, or NONE. One that is clean goes before one that is only forgiven. Bad reputations
 * are remembered, as long as no more than half of the rows under the hand are kept for that; then the mildest goes.
 */
export function reclaim(now: f64): i64 {
  let forgiven = NO_SLOT;
  let mildest = NO_SLOT;
  let score: i32 = i32.MIN_VALUE;
  let disliked: u32 = 0;
  const most = min<u32>(capacity, LOOKS);
  for (let looks = most; looks > 0; looks--) {
    const slot = add32(AT_HAND, 1) % capacity;
    const row = rowAt(slot);
    const word = getMeta(row);
    if (isHeld(word)) continue;
    const state = lifeOf(word) == LIMBO ? CLEAN : standingOf(slot, now);
    if (state == OWES) continue;
    if (state == FORGIVEN) {
      if (forgiven == NO_SLOT) forgiven = slot;
      continue;
    }
    if (state == DISLIKED) {
      disliked++;
      const own = scoreAt(getPeer(row), instantOf(now), currentLimits());
      if (own > score) {
        mildest = slot;
        score = own;
      }
      continue;
    }
    const ref = seize(slot, now);
    if (ref != NONE) return ref;
  }
  if (forgiven != NO_SLOT) return seize(forgiven, now);
  return disliked > most / 2 ? seize(mildest, now) : NONE;
}

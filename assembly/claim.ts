// How a peer gets a row, and how a row is given up.
//
//      free ──► LIMBO, this thread's ──► made ready in private ──► LIVE ──► LIMBO under a new epoch ──► free
//
// A newborn is published with its first charge, failure or pin already on it, so that nobody can take it for idle.

import { closed, coarse, generationOf, isRunLong, newborn as newbornBreaker, stateOf, withFailure } from './breaker';
import { instantOf, newborn as newbornBucket, ticks } from './bucket';
import { tally } from './counters';
import { keepDigest } from './digest';
import { markFree, NO_SLOT, takeFree } from './free';
import { clear, epochIn, find, NONE, place, refOf, slotOf } from './index';
import {
  AT_FRESH,
  COLD_CIRCUIT_REJECTED,
  COLD_FAILURES,
  COLD_ID,
  COLD_ID_LENGTH,
  COLD_POSITION,
  COUNT_CLAIMED,
  COUNT_FREED,
  ID_KEPT,
  STATE_OPEN,
  STRIPE_COUNT,
  STRIPES,
} from './layout';
import { countsAll, currentLimits, inForce, limitsOf } from './limits';
import { add32, cas64, load32, load64, SHARED, store32 } from './memory';
import { announce, newborn as newbornOwed, owedIn } from './owed';
import { capacity, coldOf, idRoom, me, rowAt } from './place';
import { priceForNewborn } from './price';
import { nextEpoch, reclaim, takeLimbo } from './reclaim';
import { newborn as newbornPeer } from './reputation';
import {
  casMeta,
  epochOf,
  getBreaker,
  getBucket,
  getMeta,
  getOwed,
  getWindow,
  LIMBO,
  LIVE,
  lifeOf,
  meta,
  pinsOf,
  setBackoff,
  setBreaker,
  setBucket,
  setCounters,
  setFingerprint,
  setLastFailure,
  setMeta,
  setOwed,
  setPeer,
  setWindow,
} from './row';
import { chargeOf } from './scale';
import { sliceAt } from './slices';
import { noteTurn, openedAt } from './turn';
import { isRateHigh } from './watch';
import { added, newborn as newbornWindow, turned } from './window';

/** Set in what `claim` returns when the row is new and carries what it was claimed with. */
export const BORN: i64 = 1 << 60;

/** The generation in which the row claimed last was born: once it is published, other threads may move it on. */
export let bornIn: u32 = 0;

/** The row of a peer that had none when it was looked for: a new one, one that another thread made meanwhile, or NONE. */
export function claim(fingerprint: u64, length: u32, now: f64, cost: u64, failures: u32, pins: u32): i64 {
  let ref = NONE;
  while (true) {
    const before = SHARED ? finished(fingerprint, now) : 0;
    if (SHARED) {
      const found = find(fingerprint);
      if (found != NONE) {
        if (ref != NONE) giveUp(ref);
        return found;
      }
    }
    if (ref == NONE) {
      ref = acquire(now);
      if (ref == NONE) return SHARED ? find(fingerprint) : NONE;
      if (!prepare(ref, fingerprint, length, now, cost, failures)) {
        giveUp(ref);
        return NONE;
      }
    }
    if (SHARED && !cas64(stripeOf(fingerprint), before, announced(ref, pins))) continue;
    bear(ref, me, pins, now);
    return ref | BORN;
  }
}

/** A row for this thread: one that was given up, one never used, or one from under the hand. */
export function acquire(now: f64): i64 {
  while (true) {
    let slot = takeFree();
    if (slot == NO_SLOT && load32(AT_FRESH) < capacity) slot = add32(AT_FRESH, 1);
    if (slot >= capacity) return reclaim(now);
    const word = getMeta(rowAt(slot));
    if (lifeOf(word) != LIMBO || pinsOf(word) != 0) continue;
    const ref = takeLimbo(slot, word);
    if (ref != NONE) return ref;
  }
}

function prepare(ref: i64, fingerprint: u64, length: u32, now: f64, cost: u64, failures: u32): bool {
  const slot = slotOf(ref);
  const epoch = epochIn(ref);
  const row = rowAt(slot);
  const cold = coldOf(slot);
  clear(slot, cold + COLD_POSITION);
  setFingerprint(row, fingerprint);

  // A sweep that overlaps may be over for this row already, so the word must be in the limits in force afterwards.
  let force: u64;
  do {
    force = inForce();
    const charge = chargeOf(cost, priceForNewborn(now, limitsOf(force)));
    setBucket(row, newbornBucket(getBucket(row), epoch, charge, ticks(now, limitsOf(force)), force));
  } while (SHARED && inForce() != force);
  const limits = limitsOf(force);
  let breaker = newbornBreaker(getBreaker(row), epoch);
  bornIn = generationOf(breaker);
  setPeer(row, newbornPeer(epoch));
  setOwed(row, newbornOwed(getOwed(row), cost));
  setBackoff(slot, 0);
  const slice = sliceAt(instantOf(now), limits);
  let window = newbornWindow(getWindow(row), slice);
  if (failures) {
    if (countsAll(limits)) window = added(turned(window, slice, generationOf(breaker), false), true);
    const trips = isRunLong(breaker, limits) || isRateHigh(window, breaker, slice, limits);
    breaker = trips ? openedAt(slot, breaker, now, limits) : withFailure(breaker);
  }
  setWindow(row, window);
  setBreaker(row, breaker);
  setLastFailure(slot, failures ? coarse(now) : 0);

  setCounters(row, <u32>(cost != 0), 0);
  store32(cold + COLD_CIRCUIT_REJECTED, 0);
  store32(cold + COLD_FAILURES, failures);
  store<u16>(cold + COLD_ID_LENGTH, <u16>length);
  memory.copy(cold + COLD_ID, idRoom, min<u32>(length, ID_KEPT));
  keepDigest(slot, length);
  return place(fingerprint, slot, cold + COLD_POSITION);
}

/** Makes a row that is ready its peer's; false where another thread did. */
export function publish(ref: i64, holder: u32, pins: u32): bool {
  const epoch = epochIn(ref);
  if (!casMeta(rowAt(slotOf(ref)), meta(epoch, LIMBO, holder), meta(epoch, LIVE, pins))) return false;
  tally(COUNT_CLAIMED);
  return true;
}

/** The same for a newborn, whose first failure may have opened its circuit. */
function bear(ref: i64, holder: u32, pins: u32, now: f64): void {
  const breaker = getBreaker(rowAt(slotOf(ref)));
  const opened = stateOf(breaker) == STATE_OPEN;
  if (publish(ref, holder, pins) && opened) {
    noteTurn(slotOf(ref), epochIn(ref), closed(breaker), breaker, now, currentLimits());
  }
  announce(slotOf(ref), 0, owedIn(getOwed(rowAt(slotOf(ref)))), currentLimits());
}

/** Gives a row back that this thread holds in LIMBO. */
export function giveUp(ref: i64): void {
  const slot = slotOf(ref);
  if (!ASC_NO_ASSERT) assert(getMeta(rowAt(slot)) == meta(epochIn(ref), LIMBO, me));
  clear(slot, coldOf(slot) + COLD_POSITION);
  setMeta(rowAt(slot), meta(epochIn(ref), LIMBO, 0));
  markFree(slot);
}

/** Forgets the peer; whether it was there. */
export function remove(fingerprint: u64): bool {
  while (true) {
    const ref = find(fingerprint);
    if (ref == NONE) return false;
    const row = rowAt(slotOf(ref));
    const word = getMeta(row);
    if (epochOf(word) != epochIn(ref) || lifeOf(word) != LIVE) continue;
    const epoch = nextEpoch();
    if (!casMeta(row, word, meta(epoch, LIMBO, me))) continue;
    tally(COUNT_FREED);
    giveUp(refOf(slotOf(ref), epoch));
    return true;
  }
}

// ── shared build: claims of one fingerprint are serialised by its stripe's word ──────────────────────────────────────

/** Slot, epoch and pin of the row published last: ─ thread + 1, 6 ─ 53 ─ epoch 29 ─ 24 ─ slot 24 ─ 0. */
function announced(ref: i64, pins: u32): u64 {
  return <u64>ref | ((pins ? <u64>(ctz<u32>(pins) + 1) : 0) << 53);
}

function stripeOf(fingerprint: u64): usize {
  return <usize>STRIPES + (<usize>(fingerprint >> 20) & (STRIPE_COUNT - 1)) * 8;
}

/** The stripe's word, after the publication that it names was brought to its end. */
function finished(fingerprint: u64, now: f64): u64 {
  const word = load64(stripeOf(fingerprint));
  if (word == 0) return 0;
  const ref = <i64>(word & (((<u64>1) << 53) - 1));
  const thread = <u32>(word >> 53);
  const current = getMeta(rowAt(slotOf(ref)));
  if (epochOf(current) == epochIn(ref) && lifeOf(current) == LIMBO && pinsOf(current) != 0) {
    bear(ref, pinsOf(current), thread ? 1 << (thread - 1) : 0, now);
  }
  return word;
}

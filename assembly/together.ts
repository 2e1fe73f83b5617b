// Several limits at once: all have room or none is charged. A look says what each would answer; only when all have room is
// anything taken, from the buckets first and from the first peer, whose circuit is asked, last. In the shared build another
// thread may take the room in between; then what was taken is given back.

import { exhausted, generationOf, stateOf, untilLease, untilProbe } from './breaker';
import { charged, converted, instantOf, lacking, TAG_BITS, TAG_MASK, tatOf, wholeMs, withTat } from './bucket';
import { check } from './check';
import { tally } from './counters';
import { NEVER, permitOf, retryAfter } from './decision';
import { noteTableFull } from './events';
import {
  AT_EXTRAS,
  BATCH,
  COLD_CIRCUIT_REJECTED,
  COUNT_ALLOWED,
  COUNT_CIRCUIT_REJECTED,
  COUNT_TABLE_FULL,
  ON_FULL_REJECT,
  REASON_CIRCUIT_OPEN,
  SHADOW_PERMIT,
  STALE,
  STATE_CLOSED,
  STATE_HALF_OPEN,
  STATE_OPEN,
  STATE_RECOVERING,
} from './layout';
import { burst, currentLimits, inForce, latest, limitsOf, onFull, tau, ticksPerToken, versionOf } from './limits';
import { load32, SHARED } from './memory';
import { FOR_EVER } from './newcomers';
import { counts, hasCredit, isShut as isShutToAll, owe, tallyLackOfCredit, unowe, untilPaid } from './owed';
import { batchRoom, capacity, coldOf, leaveFound, rowAt } from './place';
import { mostOf, PRICED, priceOf } from './price';
import { advanced, passes, shiftOf, untilEnd } from './recovery';
import { limited, refused, tableFull } from './refuse';
import {
  allowedAt,
  casBreaker,
  casBucket,
  count,
  getBreaker,
  getBucket,
  getFingerprint,
  getOwed,
  getPeer,
  isLive,
  OVERFLOW_EPOCH,
} from './row';
import { chargeOf } from './scale';
import { refund } from './settle';
import { keep } from './slices';
import { matured } from './turn';

// What a look gives: the ticks that are missing, at most 0 where none is; or that the circuit lets nobody through for so many
// ms; or that the row is no longer that life's.

export const GONE: i64 = i64.MAX_VALUE - 1;
const BARRED: i64 = i64.MIN_VALUE;
const BARRED_END: i64 = BARRED / 2;

export function isBarred(look: i64): bool {
  return look <= BARRED_END;
}

/** What a check would find, without doing anything. */
export function look(slot: u32, epoch: u32, cost: u64, now: f64, instant: u64, circuit: bool): i64 {
  const row = rowAt(slot);
  const bucket = getBucket(row);
  let breaker = getBreaker(row);
  if (!isLive(row, epoch)) return GONE;
  const force = inForce();
  const limits = limitsOf(force);
  if (!circuit || stateOf(breaker) == STATE_CLOSED)
    return lackAny(slot, converted(bucket, force), 0, cost, instant, limits);
  breaker = matured(slot, breaker, now, limits);
  const wait = untilTurn(row, breaker, now, limits);
  if (wait) return BARRED + <i64>wait;
  const shift = stateOf(breaker) == STATE_RECOVERING ? shiftOf(breaker, limits) : 0;
  return lackAny(slot, converted(bucket, force), shift, cost, instant, limits);
}

/** Milliseconds for which the circuit lets nobody through. */
function untilTurn(row: usize, breaker: u64, now: f64, limits: usize): u64 {
  const state = stateOf(breaker);
  if (state == STATE_OPEN) return untilProbe(breaker, now);
  if (state == STATE_HALF_OPEN) return exhausted(breaker, limits) ? untilLease(breaker, now) : 0;
  if (state == STATE_CLOSED || passes(breaker, getFingerprint(row), limits)) return 0;
  return max<u64>(untilEnd(breaker, now), 1);
}

function priceAt(row: usize, instant: u64, limits: usize): u64 {
  const peer = getPeer(row);
  const extras = load32(AT_EXTRAS);
  return ((<u32>peer & PRICED) | extras) == 0 ? ticksPerToken(limits) : priceOf(peer, extras, instant, limits);
}

/** The ticks that a bucket, whose word is in these limits, lacks. */
function lack(row: usize, word: u64, shift: u64, cost: u64, instant: u64, limits: usize): i64 {
  if (cost > mostOf(getPeer(row), limits)) return FOR_EVER;
  const charge = chargeOf(cost, priceAt(row, instant, limits));
  const at = min<u64>(instant, latest(limits));
  return lacking(charged(word, charge, at), at, max<u64>(tau(limits) >> shift, charge));
}

/** The same; or, where the bucket has room and its peer no credit, how long paying takes. */
function lackAny(slot: u32, word: u64, shift: u64, cost: u64, instant: u64, limits: usize): i64 {
  const row = rowAt(slot);
  const extras = load32(AT_EXTRAS);
  if (isShutToAll(extras)) return untilPaid();
  const missing = lack(row, word, shift, cost, instant, limits);
  if (missing > 0 || !counts(slot, extras) || hasCredit(getOwed(row), cost, extras, limits)) return missing;
  tallyLackOfCredit();
  return untilPaid();
}

/** Charges a bucket if it has room; what it lacks if not, or GONE. */
function take(slot: u32, epoch: u32, cost: u64, instant: u64): i64 {
  const row = rowAt(slot);
  while (true) {
    const bucket = getBucket(row);
    const owed = getOwed(row);
    const force = inForce();
    if (!isLive(row, epoch)) return GONE;
    const limits = limitsOf(force);
    const counted = counts(slot, load32(AT_EXTRAS));
    const word = converted(bucket, force);
    const missing = lackAny(slot, word, 0, cost, instant, limits);
    if (missing > 0) return missing;
    const after = charged(word, chargeOf(cost, priceAt(row, instant, limits)), min<u64>(instant, latest(limits)));
    if (counted && !owe(slot, owed, cost, limits)) continue;
    if (casBucket(row, bucket, withTat(word, after))) return 0;
    if (counted) unowe(slot, owed, cost);
  }
}

function slotGiven(i: u32): u32 {
  return load<u32>(batchRoom + ((<usize>i) << 2));
}

function epochGiven(i: u32): u32 {
  return load<u32>(batchRoom + ((<usize>i) << 2), BATCH << 2);
}

// The overflow row stands in for handles that found no row.

function slotIn(i: u32): u32 {
  return min<u32>(slotGiven(i), capacity);
}

function epochIn(i: u32): u32 {
  return slotIn(i) == capacity ? OVERFLOW_EPOCH : epochGiven(i);
}

/** Where the plain way keeps the bucket words as they were, behind the most slots that there can be. */
function wordOf(i: u32): usize {
  return batchRoom + 64 + ((<usize>i) << 3);
}

/**
 * The plain way, where nobody else can look in between: buckets in the limits in force, tokens that cost T, a closed circuit.
 * Each is charged as it is found. Whether all had room; if not, those that were charged are again as they were.
 */
function takePlain(pairs: u32, cost: u64, instant: u64): bool {
  const force = inForce();
  const limits = limitsOf(force);
  if (load32(AT_EXTRAS) || cost > burst(limits)) return false;
  const at = min<u64>(instant, latest(limits));
  const charge = cost * ticksPerToken(limits);
  const end = at + tau(limits);
  for (let i: u32 = 0; i < pairs; i++) {
    const slot = slotGiven(i);
    if (slot >= capacity) return putBack(i);
    const row = rowAt(slot);
    const bucket = getBucket(row);
    const after = max<u64>(tatOf(bucket), at) + charge;
    const unusual = ((<u32>bucket ^ versionOf(force)) & 1) | (<u32>getPeer(row) & PRICED);
    if (unusual != 0 || after > end || !isLive(row, epochGiven(i))) return putBack(i);
    if (i == 0 && stateOf(getBreaker(row)) != STATE_CLOSED) return false;
    store<u64>(wordOf(i), bucket);
    casBucket(row, bucket, (after << TAG_BITS) | (bucket & TAG_MASK));
  }
  for (let i: u32 = 0; i < pairs; i++) count(allowedAt(rowAt(slotGiven(i))));
  return true;
}

/** Undoes the charges before `end`, the last one first: two handles may be of one peer. */
function putBack(end: u32): bool {
  for (let i = end; i > 0; i--) casBucket(rowAt(slotGiven(i - 1)), 0, load<u64>(wordOf(i - 1)));
  return false;
}

/**
 * Decides for the slots and epochs in this thread's batch room together, and leaves word of the first that refused, or of
 * the one that is STALE. The overflow row stands for handles that found no row.
 */
export function checkAll(pairs: u32, cost: u64, now: f64): i32 {
  const instant = instantOf(now);
  keep(instant);
  leaveFound(u32.MAX_VALUE, 0);
  if (!SHARED && takePlain(pairs, cost, instant)) {
    tally(COUNT_ALLOWED);
    return permitOf(epochGiven(0), generationOf(getBreaker(rowAt(slotGiven(0)))));
  }
  let refuser: u32 = pairs;
  let reason: i64 = 0;
  let longest: u64 = 0;
  for (let i: u32 = 0; i < pairs; i++) {
    if (slotIn(i) == capacity && onFull(currentLimits()) == ON_FULL_REJECT) return noRow(i, now);
    const found = look(slotIn(i), epochIn(i), cost, now, instant, i == 0);
    if (found == GONE) return gone(i);
    if (found <= 0 && !isBarred(found)) continue;
    if (refuser == pairs) {
      refuser = i;
      reason = found;
    }
    longest = max<u64>(longest, waitOf(found));
  }
  if (refuser < pairs) return refusedBy(refuser, reason, longest);

  for (let i: u32 = 1; i < pairs; i++) {
    const missing = take(slotIn(i), epochIn(i), cost, instant);
    if (missing <= 0) continue;
    giveBack(i, cost);
    return missing == GONE ? gone(i) : refusedBy(i, missing, waitOf(missing));
  }
  const decision = check(slotIn(0), epochIn(0), cost, now, instant, true);
  if (decision == STALE) leaveFound(0, 0);
  if (decision < 0 || decision == STALE || decision == SHADOW_PERMIT) {
    giveBack(pairs, cost);
    leaveFound(0, 0);
    return decision;
  }
  for (let i: u32 = 1; i < pairs; i++) count(allowedAt(rowAt(slotIn(i))));
  return decision;
}

/** The wait in ms that a look tells of. */
export function waitOf(found: i64): u64 {
  if (isBarred(found)) return <u64>(found - BARRED);
  return found == FOR_EVER ? NEVER : wholeMs(found);
}

/** Gives back what the pairs from the second to the one before `end` were charged. */
function giveBack(end: u32, cost: u64): void {
  for (let i: u32 = 1; i < end; i++) refund(slotIn(i), epochIn(i), cost);
}

function gone(i: u32): i32 {
  leaveFound(i, 0);
  return STALE;
}

function noRow(i: u32, now: f64): i32 {
  leaveFound(i, 0);
  tally(COUNT_TABLE_FULL);
  noteTableFull(now);
  return tableFull(currentLimits());
}

function refusedBy(i: u32, found: i64, wait: u64): i32 {
  leaveFound(i, 0);
  const limits = currentLimits();
  if (!isBarred(found)) return limited(rowAt(slotIn(i)), wait, limits);
  skipTurn(slotIn(i), epochIn(i), limits);
  count(coldOf(slotIn(i)) + COLD_CIRCUIT_REJECTED);
  tally(COUNT_CIRCUIT_REJECTED);
  return refused(REASON_CIRCUIT_OPEN, retryAfter(wait), limits);
}

/** A ramp counts the request that it did not let through. */
function skipTurn(slot: u32, epoch: u32, limits: usize): void {
  const row = rowAt(slot);
  while (true) {
    const breaker = getBreaker(row);
    if (!isLive(row, epoch) || stateOf(breaker) != STATE_RECOVERING || passes(breaker, getFingerprint(row), limits))
      return;
    if (casBreaker(row, breaker, advanced(breaker))) return;
  }
}

// "May this peer go on?": breaker, then bucket, then one compare-and-swap.

import { exhausted, generationOf, probing, stateOf, unprobed, untilLease, untilProbe } from './breaker';
import { charged, converted, instantOf, isIn, lacking, TICKS_PER_MS, tatOf, withTat } from './bucket';
import { BORN, bornIn, claim } from './claim';
import { tally } from './counters';
import { NEVER, permitOf, rejected, retryAfter } from './decision';
import { keepDigest } from './digest';
import { noteHalfOpened, noteTableFull } from './events';
import { NO_SLOT } from './free';
import { epochIn, find, NONE, slotOf } from './index';
import {
  AT_EXTRAS,
  COLD_CIRCUIT_REJECTED,
  COUNT_ALLOWED,
  COUNT_CIRCUIT_REJECTED,
  COUNT_CLOCK_ANOMALIES,
  COUNT_RATE_LIMITED,
  COUNT_SHADOWED,
  COUNT_TABLE_FULL,
  COUNT_TABLE_FULL_REJECTED,
  ON_FULL_REJECT,
  REASON_CIRCUIT_OPEN,
  REASON_RATE_LIMITED,
  REASON_TABLE_FULL,
  SHADOW_PERMIT,
  STALE,
  STATE_CLOSED,
  STATE_HALF_OPEN,
  STATE_OPEN,
  STATE_RECOVERING,
} from './layout';
import {
  burst,
  currentLimits,
  inForce,
  latest,
  limitsOf,
  longestProbeTimeoutMs,
  longestTimeoutMs,
  onFull,
  tau,
  ticksPerToken,
} from './limits';
import { load32, SHARED } from './memory';
import { giveBackForNewcomer, isNewcomer, lackingForNewcomers, limitsNewcomers, takeForNewcomer } from './newcomers';
import { counts, hasCredit, isShut as isShutToAll, owe, tallyLackOfCredit, unowe, untilPaid } from './owed';
import { capacity, coldOf, leaveFound, rowAt } from './place';
import { longestDebt, mostOf, PRICED, priceOf } from './price';
import { advanced, passes, shiftOf, takenBack, untilEnd } from './recovery';
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
  rateLimitedAt,
} from './row';
import { chargeOf } from './scale';
import { isShadow } from './settings';
import { keep } from './slices';
import { GONE, isBarred, look, waitOf } from './together';
import { due, dueMs, noteTurn } from './turn';

/** What a peer is told that found no row, in milliseconds. */
const TABLE_FULL_HINT: i32 = 1000;

/**
 * A bucket or a deadline that lies so many ms further ahead than a monotonic clock can have put it is the sign of a `now` of
 * another origin. Deadlines are rounded up, by less than two; threads that share a table read their clocks a little apart.
 */
const AHEAD_MS: f64 = SHARED ? 1000 : 2;

/** No probe of this check is out. */
const NO_PROBE: i32 = -1;

/**
 * A decision about a row's life, or STALE. A rejection writes nothing but counters. The time comes in both its forms, so
 * that a batch converts it once. `joined`: a newcomer's tokens are taken already.
 */
export function check(slot: u32, epoch: u32, cost: u64, now: f64, instant: u64, joined: bool): i32 {
  const row = rowAt(slot);
  let probe = NO_PROBE;
  while (true) {
    const bucket = getBucket(row);
    const breaker = getBreaker(row);
    const peer = getPeer(row);
    const owed = getOwed(row);
    const extras = load32(AT_EXTRAS);
    const force = inForce();
    if (!isLive(row, epoch)) return STALE;
    const limits = limitsOf(force);
    keep(instant);
    const state = stateOf(breaker);
    if (state == STATE_OPEN) {
      const wait = untilProbe(breaker, now);
      if (wait) return isShut(slot, wait, limits);
    }
    const at = min<u64>(instant, latest(limits));
    // Nearly always it is: the question is asked here because a call costs as much as all the rest of it.
    const word = isIn(bucket, force) ? bucket : converted(bucket, force);
    let charge = min<u64>(cost, burst(limits) + 1) * ticksPerToken(limits);
    let depth = tau(limits);
    if (((<u32>peer & PRICED) | extras) != 0 || state == STATE_RECOVERING) {
      if (isShutToAll(extras)) return limited(row, waitOf(untilPaid()), limits);
      if (limitsNewcomers(extras) && !joined && isNewcomer(row)) return checkNewcomer(slot, epoch, cost, now, instant);
      charge = chargeOf(cost, priceOf(peer, extras, instant, limits));
      if (state == STATE_RECOVERING) depth >>= shiftOf(breaker, limits);
      // A request may take more at once than there is in a bucket that is scaled down, if nothing is owed.
      depth = cost > mostOf(peer, limits) ? 0 : max<u64>(depth, charge);
    }
    const after = charged(word, charge, at);
    let missing = lacking(after, at, depth);
    const counted = counts(slot, extras);
    const lacksCredit = missing <= 0 && counted && !hasCredit(owed, cost, extras, limits);
    if (lacksCredit) missing = untilPaid();
    let generation = generationOf(breaker);
    if (state != STATE_CLOSED && (!SHARED || probe == NO_PROBE)) {
      const by = due(slot, breaker, now, limits);
      if (by != breaker) {
        if (casBreaker(row, breaker, by)) noteTurn(slot, epoch, breaker, by, dueMs(breaker, now), limits);
        continue;
      }
      const turn = state == STATE_RECOVERING;
      if (turn && !passes(breaker, getFingerprint(row), limits)) {
        if (!casBreaker(row, breaker, advanced(breaker))) continue;
        return shut(slot, max<u64>(untilEnd(breaker, now), 1), Number.POSITIVE_INFINITY, limits);
      }
      if (state == STATE_HALF_OPEN && exhausted(breaker, limits)) {
        return shut(slot, untilLease(breaker, now), longestProbeTimeoutMs(limits), limits);
      }
      // The probe goes out first, then its token is taken; where another thread took that meanwhile, the probe goes back.
      if (missing <= 0) {
        const out = turn ? advanced(breaker) : probing(breaker, now, limits);
        if (!casBreaker(row, breaker, out)) continue;
        if (state == STATE_OPEN) noteHalfOpened(slot, epoch, breaker, out, now);
        generation = generationOf(out);
        if (SHARED) probe = generation;
      }
    }
    if (SHARED && probe != NO_PROBE) generation = probe;
    if (missing > 0) {
      // A word that is still there was in these limits or in those before them, and so was rightly converted.
      if (SHARED && (getBucket(row) != bucket || (lacksCredit && getOwed(row) != owed))) continue;
      if (SHARED && probe != NO_PROBE) giveProbeBack(row, epoch, probe);
      if (lacksCredit) tallyLackOfCredit();
      return lacks(row, tatOf(word), at, cost > mostOf(peer, limits) ? NEVER : waitOf(missing), limits);
    }
    if (counted && !owe(slot, owed, cost, limits)) continue;
    if (!casBucket(row, bucket, withTat(word, after))) {
      if (counted) unowe(slot, owed, cost);
      continue;
    }
    count(allowedAt(row));
    tally(COUNT_ALLOWED);
    return permitOf(epoch, generation);
  }
}

/** A rejection by a bucket with this TAT; `wait` in ms. */
export function lacks(row: usize, tat: u64, at: u64, wait: u64, limits: usize): i32 {
  if (lacking(tat, at, longestDebt(limits)) > <i64>(AHEAD_MS * TICKS_PER_MS)) tally(COUNT_CLOCK_ANOMALIES);
  return limited(row, wait, limits);
}

/** A rejection by a circuit that is open so many ms more. */
export function isShut(slot: u32, wait: u64, limits: usize): i32 {
  return shut(slot, wait, longestTimeoutMs(limits), limits);
}

/** `longest` is the longest wait that there can be, in ms. */
function shut(slot: u32, wait: u64, longest: f64, limits: usize): i32 {
  if (wait != NEVER && <f64>wait > longest + AHEAD_MS) tally(COUNT_CLOCK_ANOMALIES);
  count(coldOf(slot) + COLD_CIRCUIT_REJECTED);
  tally(COUNT_CIRCUIT_REJECTED);
  return refused(REASON_CIRCUIT_OPEN, retryAfter(wait), limits);
}

/** A rejection; in shadow mode it is counted and let through. */
export function refused(reason: i32, retry: i32, limits: usize): i32 {
  if (!isShadow(limits)) return rejected(reason, retry);
  tally(COUNT_SHADOWED);
  return SHADOW_PERMIT;
}

/** Takes back one probe of this generation, if one is out. */
function giveProbeBack(row: usize, epoch: u32, generation: i32): void {
  while (true) {
    const breaker = getBreaker(row);
    if (!isLive(row, epoch)) return;
    const next = stateOf(breaker) == STATE_RECOVERING ? takenBack(breaker) : unprobed(breaker);
    if (<i32>generationOf(breaker) != generation || next == breaker) return;
    if (casBreaker(row, breaker, next)) return;
  }
}

/** A decision about the peer whose fingerprint this is; its ID stands in this thread's room. */
export function checkFingerprint(fingerprint: u64, length: u32, cost: u64, now: f64): i32 {
  leaveFound(NO_SLOT, 0);
  const instant = instantOf(now);
  while (true) {
    let ref = find(fingerprint);
    const known = ref != NONE;
    if (!known) {
      const limits = currentLimits();
      const extras = load32(AT_EXTRAS);
      if (cost > burst(limits)) return limitedUnseen(NEVER, limits);
      if (isShutToAll(extras)) return limitedUnseen(waitOf(untilPaid()), limits);
      if (limitsNewcomers(extras)) {
        const missing = lackingForNewcomers(cost, instant);
        if (missing > 0 || !takeForNewcomer(cost, instant)) return limitedUnseen(waitOf(max<i64>(missing, 1)), limits);
      }
      ref = claim(fingerprint, length, now, cost, 0, 0);
      if (limitsNewcomers(extras) && (ref == NONE || !(ref & BORN))) giveBackForNewcomer(cost);
      if (ref == NONE) return checkOverflow(cost, now, true);
    }
    const slot = slotOf(ref);
    const epoch = epochIn(ref);
    leaveFound(slot, epoch);
    if (known) keepDigest(slot, length);
    if (!known && ref & BORN) {
      keep(instant);
      tally(COUNT_ALLOWED);
      return permitOf(epoch, bornIn);
    }
    const decision = check(slot, epoch, cost, now, instant, false);
    if (decision != STALE) return decision;
  }
}

/** A decision about a peer that found no row. Handles are no newcomers. */
export function checkOverflow(cost: u64, now: f64, isNew: bool): i32 {
  const limits = currentLimits();
  if (cost > burst(limits)) return limitedUnseen(NEVER, limits);
  tally(COUNT_TABLE_FULL);
  noteTableFull(now);
  if (onFull(limits) == ON_FULL_REJECT) return tableFull(limits);
  return check(capacity, OVERFLOW_EPOCH, cost, now, instantOf(now), !isNew);
}

/** There is no row for the peer, and no decision without one. */
export function tableFull(limits: usize): i32 {
  tally(COUNT_TABLE_FULL_REJECTED);
  return refused(REASON_TABLE_FULL, TABLE_FULL_HINT, limits);
}

/** The same for a row whose tokens are to be taken from the newcomers' bucket as well. */
function checkNewcomer(slot: u32, epoch: u32, cost: u64, now: f64, instant: u64): i32 {
  const lacked = lackingForNewcomers(cost, instant);
  if (lacked <= 0 && takeForNewcomer(cost, instant)) {
    const decision = check(slot, epoch, cost, now, instant, true);
    // A permit of shadow mode stands for a rejection as well.
    if (decision < 0 || decision == STALE || decision == SHADOW_PERMIT) giveBackForNewcomer(cost);
    return decision;
  }
  // The longer wait counts, and a circuit that lets nobody through comes first.
  const own = look(slot, epoch, cost, now, instant, true);
  if (own == GONE) return STALE;
  if (isBarred(own)) return check(slot, epoch, cost, now, instant, true);
  return limited(rowAt(slot), waitOf(max<i64>(max<i64>(lacked, own), 1)), currentLimits());
}

/** A row that lacks tokens; `wait` in ms. */
export function limited(row: usize, wait: u64, limits: usize): i32 {
  count(rateLimitedAt(row));
  return limitedUnseen(wait, limits);
}

/** The same for a peer that gets no row to be told so. */
function limitedUnseen(wait: u64, limits: usize): i32 {
  tally(COUNT_RATE_LIMITED);
  return refused(REASON_RATE_LIMITED, retryAfter(wait), limits);
}

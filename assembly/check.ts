// "May this peer go on?": breaker, then bucket, then one compare-and-swap.

import { due, exhausted, generationOf, probing, stateOf, unprobed, untilLease, untilProbe } from './breaker';
import { charged, converted, instantOf, isIn, lacking, TICKS_PER_MS, tatOf, wholeMs, withTat } from './bucket';
import { BORN, bornIn, claim } from './claim';
import { tally } from './counters';
import { permitOf, rejected, retryAfter } from './decision';
import { NO_SLOT } from './free';
import { epochIn, find, NONE, slotOf } from './index';
import {
  COLD_CIRCUIT_REJECTED,
  COUNT_ALLOWED,
  COUNT_CIRCUIT_OPENED,
  COUNT_CIRCUIT_REJECTED,
  COUNT_CLOCK_ANOMALIES,
  COUNT_RATE_LIMITED,
  COUNT_TABLE_FULL,
  ON_FULL_REJECT,
  REASON_CIRCUIT_OPEN,
  REASON_RATE_LIMITED,
  REASON_TABLE_FULL,
  RETRY_NEVER,
  STALE,
  STATE_CLOSED,
  STATE_OPEN,
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
} from './limits';
import { SHARED } from './memory';
import { capacity, coldOf, leaveFound, rowAt } from './place';
import {
  allowedAt,
  casBreaker,
  casBucket,
  count,
  getBreaker,
  getBucket,
  isLive,
  OVERFLOW_EPOCH,
  rateLimitedAt,
} from './row';

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
 * that a batch converts it once.
 */
export function check(slot: u32, epoch: u32, cost: u64, now: f64, instant: u64): i32 {
  const row = rowAt(slot);
  let probe = NO_PROBE;
  while (true) {
    const bucket = getBucket(row);
    const breaker = getBreaker(row);
    const force = inForce();
    if (!isLive(row, epoch)) return STALE;
    const limits = limitsOf(force);
    if (stateOf(breaker) == STATE_OPEN) {
      const wait = untilProbe(breaker, now);
      if (wait) return shut(slot, wait, longestTimeoutMs(limits));
    }
    const at = min<u64>(instant, latest(limits));
    // Nearly always it is: the question is asked here because a call costs as much as all the rest of it.
    const word = isIn(bucket, force) ? bucket : converted(bucket, force);
    const after = charged(word, cost, at, limits);
    const missing = lacking(after, at, limits);
    let generation = generationOf(breaker);
    if (stateOf(breaker) != STATE_CLOSED && (!SHARED || probe == NO_PROBE)) {
      const by = due(breaker, now, limits);
      if (by != breaker) {
        if (casBreaker(row, breaker, by)) tally(COUNT_CIRCUIT_OPENED);
        continue;
      }
      if (stateOf(breaker) != STATE_OPEN && exhausted(breaker, limits)) {
        return shut(slot, untilLease(breaker, now), longestProbeTimeoutMs(limits));
      }
      // The probe goes out first, then its token is taken; where another thread took that meanwhile, the probe goes back.
      if (missing <= 0) {
        const out = probing(breaker, now, limits);
        if (!casBreaker(row, breaker, out)) continue;
        generation = generationOf(out);
        if (SHARED) probe = generation;
      }
    }
    if (SHARED && probe != NO_PROBE) generation = probe;
    if (missing > 0) {
      // A word that is still there was in these limits or in those before them, and so was rightly converted.
      if (SHARED && getBucket(row) != bucket) continue;
      if (SHARED && probe != NO_PROBE) giveProbeBack(row, epoch, probe);
      if (lacking(tatOf(word), at, limits) > <i64>(AHEAD_MS * TICKS_PER_MS)) tally(COUNT_CLOCK_ANOMALIES);
      return limited(row, missing, cost, limits);
    }
    if (!casBucket(row, bucket, withTat(word, after))) continue;
    count(allowedAt(row));
    tally(COUNT_ALLOWED);
    return permitOf(epoch, generation);
  }
}

/** `longest` is the longest wait that there can be, in ms. */
function shut(slot: u32, wait: u64, longest: f64): i32 {
  if (<f64>wait > longest + AHEAD_MS) tally(COUNT_CLOCK_ANOMALIES);
  count(coldOf(slot) + COLD_CIRCUIT_REJECTED);
  tally(COUNT_CIRCUIT_REJECTED);
  return rejected(REASON_CIRCUIT_OPEN, retryAfter(wait));
}

/** Takes back one probe of this generation, if one is out. */
function giveProbeBack(row: usize, epoch: u32, generation: i32): void {
  while (true) {
    const breaker = getBreaker(row);
    if (!isLive(row, epoch)) return;
    const next = unprobed(breaker);
    if (<i32>generationOf(breaker) != generation || next == breaker) return;
    if (casBreaker(row, breaker, next)) return;
  }
}

/** A decision about the peer whose fingerprint this is; its ID stands in this thread's room. */
export function checkFingerprint(fingerprint: u64, length: u32, cost: u64, now: f64): i32 {
  leaveFound(NO_SLOT, 0);
  while (true) {
    let ref = find(fingerprint);
    const known = ref != NONE;
    if (!known) {
      if (cost > burst(currentLimits())) return tooMuch();
      ref = claim(fingerprint, length, now, cost, 0, 0);
      if (ref == NONE) return checkOverflow(cost, now);
    }
    const slot = slotOf(ref);
    const epoch = epochIn(ref);
    leaveFound(slot, epoch);
    if (!known && ref & BORN) {
      tally(COUNT_ALLOWED);
      return permitOf(epoch, bornIn);
    }
    const decision = check(slot, epoch, cost, now, instantOf(now));
    if (decision != STALE) return decision;
  }
}

/** A decision about a peer that found no row. */
export function checkOverflow(cost: u64, now: f64): i32 {
  const limits = currentLimits();
  if (cost > burst(limits)) return tooMuch();
  tally(COUNT_TABLE_FULL);
  if (onFull(limits) == ON_FULL_REJECT) return rejected(REASON_TABLE_FULL, TABLE_FULL_HINT);
  return check(capacity, OVERFLOW_EPOCH, cost, now, instantOf(now));
}

function limited(row: usize, missing: i64, cost: u64, limits: usize): i32 {
  count(rateLimitedAt(row));
  tally(COUNT_RATE_LIMITED);
  return rejected(REASON_RATE_LIMITED, cost > burst(limits) ? RETRY_NEVER : retryAfter(wholeMs(missing)));
}

/** A cost above the burst, of a peer that need not get a row to be told so. */
function tooMuch(): i32 {
  tally(COUNT_RATE_LIMITED);
  return rejected(REASON_RATE_LIMITED, RETRY_NEVER);
}

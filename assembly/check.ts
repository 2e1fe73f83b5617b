// "May this peer go on?": breaker, then bucket, then one compare-and-swap.

import { due, exhausted, generationOf, probing, stateOf, unprobed, untilLease, untilProbe } from './breaker';
import { converted, spend, ticks, waitMs } from './bucket';
import { BORN, claim } from './claim';
import { tally } from './counters';
import { permitOf, rejected, rejectedForGood } from './decision';
import { NO_SLOT } from './free';
import { epochIn, find, NONE, slotOf } from './index';
import {
  COLD_CIRCUIT_REJECTED,
  COUNT_ALLOWED,
  COUNT_CIRCUIT_OPENED,
  COUNT_CIRCUIT_REJECTED,
  COUNT_RATE_LIMITED,
  COUNT_TABLE_FULL,
  ON_FULL_REJECT,
  REASON_CIRCUIT_OPEN,
  REASON_RATE_LIMITED,
  REASON_TABLE_FULL,
  STALE,
  STATE_CLOSED,
  STATE_OPEN,
} from './layout';
import { burst, currentLimits, inForce, limitsOf, onFull } from './limits';
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
const TABLE_FULL_HINT: u64 = 1000;

/** No probe of this check is out. */
const NO_PROBE: i32 = -1;
/** A probe would be let out, but there is no token for it. */
const NO_TOKEN: i32 = STALE + 1;

/** A decision about a row's life, or STALE. A rejection writes nothing but counters. */
export function check(slot: u32, epoch: u32, cost: u64, now: f64): i32 {
  const row = rowAt(slot);
  let probe = NO_PROBE;
  while (true) {
    const bucket = getBucket(row);
    const breaker = getBreaker(row);
    const force = inForce();
    if (!isLive(row, epoch)) return STALE;
    const limits = limitsOf(force);
    const spent = spend(converted(bucket, force), cost, ticks(now, limits), limits);
    let generation = generationOf(breaker);
    if (stateOf(breaker) != STATE_CLOSED || (SHARED && probe != NO_PROBE)) {
      // The probe goes out first, then its token is taken; where another thread took that meanwhile, the probe goes back.
      if (probe == NO_PROBE) {
        probe = letProbe(slot, epoch, now, spent != 0);
        if (probe < 0 || probe == STALE) return probe;
        if (SHARED && probe != NO_TOKEN) continue;
      }
      generation = probe;
    }
    if (spent == 0) {
      if (SHARED && probe != NO_PROBE) giveProbeBack(row, epoch, probe);
      return limited(row, bucket, force, cost, now);
    }
    if (!casBucket(row, bucket, spent)) continue;
    count(allowedAt(row));
    tally(COUNT_ALLOWED);
    return permitOf(epoch, generation);
  }
}

/**
 * Lets a probe out of a circuit that is not closed, if there is a token for it: the generation it belongs to, NO_TOKEN,
 * a rejection, or STALE.
 */
function letProbe(slot: u32, epoch: u32, now: f64, token: bool): i32 {
  const row = rowAt(slot);
  while (true) {
    const stored = getBreaker(row);
    const limits = currentLimits();
    if (!isLive(row, epoch)) return STALE;
    const breaker = due(stored, now, limits);
    if (breaker != stored) {
      if (casBreaker(row, stored, breaker)) tally(COUNT_CIRCUIT_OPENED);
      continue;
    }
    // Another thread closed it: what is left to do is to take the token.
    if (SHARED && stateOf(breaker) == STATE_CLOSED) return generationOf(breaker);
    const wait =
      stateOf(breaker) == STATE_OPEN
        ? untilProbe(breaker, now)
        : exhausted(breaker, limits)
          ? untilLease(breaker, now)
          : 0;
    if (wait) {
      count(coldOf(slot) + COLD_CIRCUIT_REJECTED);
      tally(COUNT_CIRCUIT_REJECTED);
      return rejected(REASON_CIRCUIT_OPEN, wait);
    }
    if (!token) return NO_TOKEN;
    const next = probing(breaker, now, limits);
    if (casBreaker(row, breaker, next)) return generationOf(next);
  }
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
      return permitOf(epoch, generationOf(getBreaker(rowAt(slot))));
    }
    const decision = check(slot, epoch, cost, now);
    if (decision != STALE) return decision;
  }
}

/** A decision about a peer that found no row. */
export function checkOverflow(cost: u64, now: f64): i32 {
  const limits = currentLimits();
  if (cost > burst(limits)) return tooMuch();
  tally(COUNT_TABLE_FULL);
  if (onFull(limits) == ON_FULL_REJECT) return rejected(REASON_TABLE_FULL, TABLE_FULL_HINT);
  return check(capacity, OVERFLOW_EPOCH, cost, now);
}

function limited(row: usize, bucket: u64, force: u64, cost: u64, now: f64): i32 {
  const limits = limitsOf(force);
  count(rateLimitedAt(row));
  tally(COUNT_RATE_LIMITED);
  if (cost > burst(limits)) return rejectedForGood(REASON_RATE_LIMITED);
  return rejected(REASON_RATE_LIMITED, waitMs(converted(bucket, force), cost, ticks(now, limits), limits));
}

/** A cost above the burst, of a peer that need not get a row to be told so. */
function tooMuch(): i32 {
  tally(COUNT_RATE_LIMITED);
  return rejectedForGood(REASON_RATE_LIMITED);
}

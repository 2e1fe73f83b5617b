// "May this peer go on?": breaker, then bucket, then one compare-and-swap.

import { due, exhausted, generationOf, probing, stateOf, unprobed, untilLease, untilProbe } from './breaker';
import { converted, spend, ticks, waitMs } from './bucket';
import { BORN, claim } from './claim';
import { tally } from './counters';
import { OVERFLOW_PERMIT, permitOf, rejected, rejectedForGood } from './decision';
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
import { burst, currentVersion, limitsOf, onFull } from './limits';
import { coldOf, overflowRow, rowAt } from './place';
import { allowedAt, casBreaker, casBucket, count, getBreaker, getBucket, isLive, rateLimitedAt } from './row';

/** What a peer is told that found no row, in milliseconds. */
const TABLE_FULL_HINT: u64 = 1000;

/** A decision about a row's life, or STALE. A rejection writes nothing but counters. */
export function check(slot: u32, epoch: u32, cost: u64, now: f64): i32 {
  const row = rowAt(slot);
  while (true) {
    const bucket = getBucket(row);
    const breaker = getBreaker(row);
    const version = currentVersion();
    if (!isLive(row, epoch)) return STALE;
    const limits = limitsOf(version);
    const at = ticks(now, limits);
    if (stateOf(breaker) != STATE_CLOSED) return checkProbing(slot, epoch, cost, now);
    const spent = spend(converted(bucket, version), cost, at, limits);
    if (spent == 0) return limited(row, converted(bucket, version), cost, at, limits);
    if (!casBucket(row, bucket, spent)) continue;
    return allowed(row, permitOf(epoch, generationOf(breaker)));
  }
}

/** The same for a circuit that is not closed. The probe goes out first, then its token is taken. */
function checkProbing(slot: u32, epoch: u32, cost: u64, now: f64): i32 {
  const row = rowAt(slot);
  while (true) {
    const bucket = getBucket(row);
    const stored = getBreaker(row);
    const version = currentVersion();
    if (!isLive(row, epoch)) return STALE;
    const limits = limitsOf(version);
    const breaker = due(stored, now, limits);
    if (breaker != stored) {
      if (casBreaker(row, stored, breaker)) tally(COUNT_CIRCUIT_OPENED);
      continue;
    }
    const state = stateOf(breaker);
    if (state == STATE_CLOSED) return check(slot, epoch, cost, now);
    const wait = state == STATE_OPEN ? untilProbe(breaker, now) : exhausted(breaker, limits) ? untilLease(breaker, now) : 0;
    if (wait) return refused(slot, wait);

    const at = ticks(now, limits);
    if (spend(converted(bucket, version), cost, at, limits) == 0) {
      return limited(row, converted(bucket, version), cost, at, limits);
    }
    const next = probing(breaker, now, limits);
    if (!casBreaker(row, breaker, next)) continue;
    return takeToken(row, epoch, generationOf(next), cost, now);
  }
}

/** The token of a probe that is out; where another thread took it meanwhile, the probe goes back. */
function takeToken(row: usize, epoch: u32, generation: u32, cost: u64, now: f64): i32 {
  while (true) {
    const bucket = getBucket(row);
    const version = currentVersion();
    if (!isLive(row, epoch)) return STALE;
    const limits = limitsOf(version);
    const at = ticks(now, limits);
    const spent = spend(converted(bucket, version), cost, at, limits);
    if (spent == 0) {
      giveProbeBack(row, epoch, generation);
      return limited(row, converted(bucket, version), cost, at, limits);
    }
    if (casBucket(row, bucket, spent)) return allowed(row, permitOf(epoch, generation));
  }
}

/** Takes back one probe of this generation, if one is out; whether it did. */
export function giveProbeBack(row: usize, epoch: u32, generation: u32): bool {
  while (true) {
    const breaker = getBreaker(row);
    if (!isLive(row, epoch)) return false;
    const next = unprobed(breaker);
    if (generationOf(breaker) != generation || next == breaker) return false;
    if (casBreaker(row, breaker, next)) return true;
  }
}

/** A decision about the peer whose fingerprint this is; its ID stands in this thread's room. */
export function checkFingerprint(fingerprint: u64, length: u32, cost: u64, now: f64): i32 {
  while (true) {
    let ref = find(fingerprint);
    if (ref == NONE) {
      if (cost > burst(limitsOf(currentVersion()))) return unknownAndTooMuch();
      ref = claim(fingerprint, length, now, cost, 0, 0);
      if (ref == NONE) return checkOverflow(cost, now);
      if (ref & BORN) {
        tally(COUNT_ALLOWED);
        return permitOf(epochIn(ref), generationOf(getBreaker(rowAt(slotOf(ref)))));
      }
    }
    const decision = check(slotOf(ref), epochIn(ref), cost, now);
    if (decision != STALE) return decision;
  }
}

/** A decision about a peer that found no row. */
export function checkOverflow(cost: u64, now: f64): i32 {
  const row = overflowRow();
  while (true) {
    const bucket = getBucket(row);
    const version = currentVersion();
    const limits = limitsOf(version);
    if (cost > burst(limits)) return unknownAndTooMuch();
    if (onFull(limits) == ON_FULL_REJECT) {
      tally(COUNT_TABLE_FULL);
      return rejected(REASON_TABLE_FULL, TABLE_FULL_HINT);
    }
    const at = ticks(now, limits);
    const spent = spend(converted(bucket, version), cost, at, limits);
    if (spent != 0 && !casBucket(row, bucket, spent)) continue;
    tally(COUNT_TABLE_FULL);
    return spent == 0 ? limited(row, converted(bucket, version), cost, at, limits) : allowed(row, OVERFLOW_PERMIT);
  }
}

function allowed(row: usize, permit: i32): i32 {
  count(allowedAt(row));
  tally(COUNT_ALLOWED);
  return permit;
}

function limited(row: usize, bucket: u64, cost: u64, at: u64, limits: usize): i32 {
  count(rateLimitedAt(row));
  tally(COUNT_RATE_LIMITED);
  if (cost > burst(limits)) return rejectedForGood(REASON_RATE_LIMITED);
  return rejected(REASON_RATE_LIMITED, waitMs(bucket, cost, at, limits));
}

function refused(slot: u32, wait: u64): i32 {
  count(coldOf(slot) + COLD_CIRCUIT_REJECTED);
  tally(COUNT_CIRCUIT_REJECTED);
  return rejected(REASON_CIRCUIT_OPEN, wait);
}

function unknownAndTooMuch(): i32 {
  tally(COUNT_RATE_LIMITED);
  return rejectedForGood(REASON_RATE_LIMITED);
}

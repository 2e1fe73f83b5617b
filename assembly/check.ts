// "May this peer go on?": breaker, then bucket, then one compare-and-swap.

import { exhausted, generationOf, probing, stateOf, unprobed, untilLease, untilProbe } from './breaker';
import { charged, converted, isIn, lacking, tatOf, withTat } from './bucket';
import { tally } from './counters';
import { NEVER, permitOf } from './decision';
import { noteHalfOpened } from './events';
import { checkNewcomer } from './joining';
import { AT_EXTRAS, COUNT_ALLOWED, STALE, STATE_CLOSED, STATE_HALF_OPEN, STATE_OPEN, STATE_RECOVERING } from './layout';
import { burst, inForce, latest, limitsOf, longestProbeTimeoutMs, tau, ticksPerToken } from './limits';
import { load32, SHARED } from './memory';
import { isNewcomer, limitsNewcomers } from './newcomers';
import { counts, hasCredit, isShut as isShutToAll, owe, tallyLackOfCredit, unowe, untilPaid } from './owed';
import { rowAt } from './place';
import { mostOf, PRICED, priceOf } from './price';
import { advanced, passes, shiftOf, takenBack, untilEnd } from './recovery';
import { isShut, lacks, limited, shut } from './refuse';
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
} from './row';
import { chargeOf } from './scale';
import { keep } from './slices';
import { waitOf } from './together';
import { due, dueMs, noteTurn } from './turn';

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

// "May this peer go on?", by ID: its row is found, or claimed with the first charge. Peers for whom there is no row share a bucket.

import { instantOf } from './bucket';
import { check } from './check';
import { BORN, bornIn, claim } from './claim';
import { tally } from './counters';
import { NEVER, permitOf } from './decision';
import { keepDigest } from './digest';
import { noteTableFull } from './events';
import { NO_SLOT } from './free';
import { epochIn, find, NONE, slotOf } from './index';
import { AT_EXTRAS, COUNT_ALLOWED, COUNT_TABLE_FULL, ON_FULL_REJECT, STALE } from './layout';
import { burst, currentLimits, onFull } from './limits';
import { load32 } from './memory';
import { giveBackForNewcomer, lackingForNewcomers, limitsNewcomers, takeForNewcomer } from './newcomers';
import { isShut as isShutToAll, untilPaid } from './owed';
import { capacity, leaveFound } from './place';
import { limitedUnseen, tableFull } from './refuse';
import { OVERFLOW_EPOCH } from './row';
import { keep } from './slices';
import { waitOf } from './together';

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

// "May this peer go on?", of a peer that is not established where newcomers share a bucket: both buckets have room, or neither is
// charged.

import { check } from './check';
import { SHADOW_PERMIT, STALE } from './layout';
import { currentLimits } from './limits';
import { giveBackForNewcomer, lackingForNewcomers, takeForNewcomer } from './newcomers';
import { rowAt } from './place';
import { limited } from './refuse';
import { GONE, isBarred, look, waitOf } from './together';

/** A decision about a row whose tokens are to be taken from the newcomers' bucket as well. */
export function checkNewcomer(slot: u32, epoch: u32, cost: u64, now: f64, instant: u64): i32 {
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

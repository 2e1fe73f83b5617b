// The way that nearly every request takes while the limit holds across machines: one token, from a closed circuit, of a peer that
// owes some already and not yet half of its credit, or more than that. All else goes the long way.

import { generationOf, stateOf } from './breaker';
import { charged, instantOf, isIn, lacking, withTat } from './bucket';
import { tally } from './counters';
import { permitOf } from './decision';
import { COUNT_ALLOWED, STALE, STATE_CLOSED } from './layout';
import { credit, inForce, latest, limitsOf, tau, ticksPerToken } from './limits';
import { apart, half, owedIn, unowe } from './owed';
import { allowedAt, casBucket, casOwed, count, getBreaker, getBucket, getOwed, isLive } from './row';
import { keep } from './slices';

/** Not this way. */
export const OTHERWISE: i32 = i32.MIN_VALUE;

/**
 * A permit, OTHERWISE, or STALE where it becomes time to pay: then the facade has to see it, which calls again the long way and
 * looks.
 */
export function checkCredited(row: usize, slot: u32, epoch: u32, now: f64, isPriced: bool): i32 {
  const bucket = getBucket(row);
  const breaker = getBreaker(row);
  const owed = getOwed(row);
  const force = inForce();
  const limits = limitsOf(force);
  const after = owedIn(owed) + 1;
  if (apart || !isLive(row, epoch)) return OTHERWISE;
  if (after == half(limits)) return STALE;
  if (isPriced || after == 1 || after > credit(limits)) return OTHERWISE;
  if (stateOf(breaker) != STATE_CLOSED || !isIn(bucket, force)) return OTHERWISE;
  const at = min<u64>(instantOf(now), latest(limits));
  const tat = charged(bucket, ticksPerToken(limits), at);
  if (lacking(tat, at, tau(limits)) > 0 || !casOwed(row, owed, owed + 1)) return OTHERWISE;
  keep(at);
  if (casBucket(row, bucket, withTat(bucket, tat))) {
    count(allowedAt(row));
    tally(COUNT_ALLOWED);
    return permitOf(epoch, generationOf(breaker));
  }
  unowe(slot, owed, 1);
  return OTHERWISE;
}

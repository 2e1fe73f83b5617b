// The way that nearly every request takes while the limit holds across machines: one token, from a closed circuit, of a peer that
// owes some already and not yet half of its credit, or more than that. All else goes the long way.

import { generationOf } from './breaker';
import { TAG_BITS, TAG_MASK } from './bucket';
import { check } from './check';
import { tally } from './counters';
import { permitOf } from './decision';
import { COUNT_ALLOWED, EXTRAS_COUNTED, EXTRAS_CREDIT, STALE } from './layout';
import { credit, tau, ticksPerToken } from './limits';
import { SHARED } from './memory';
import { apart, half, owedIn, unowe } from './owed';
import { allowedAt, casBucket, casOwed, count, getOwed, isLive } from './row';

/** EXTRAS where credit counts and nothing else is special. */
export const CREDITED: u32 = EXTRAS_COUNTED | EXTRAS_CREDIT;

/** Whether one token makes it time to pay. The facade has to see that, which calls again the long way then. */
export function isDue(row: usize, limits: usize): bool {
  return owedIn(getOwed(row)) + 1 == half(limits) && !apart;
}

/** Goes on with `checkOne`, which has read the words and seen that the circuit is closed. `special` is 0 where only credit is. */
export function checkCredited(
  slot: u32,
  epoch: u32,
  now: f64,
  row: usize,
  bucket: u64,
  breaker: u64,
  special: u32,
  limits: usize,
  at: u64,
): i32 {
  const owed = getOwed(row);
  if (SHARED && !isLive(row, epoch)) return STALE;
  const before = owedIn(owed);
  const most = credit(limits);
  if (apart) return check(slot, epoch, 1, now, at, false);
  if (before + 1 == (most + 1) >> 1) return STALE;
  // As unsigned numbers: something is owed already, and one more is within the credit.
  if (special == 0 && before - 1 < most - 1) {
    const tat = max<u64>(bucket >> TAG_BITS, at) + ticksPerToken(limits);
    if (tat - at <= tau(limits) && casOwed(row, owed, owed + 1)) {
      if (casBucket(row, bucket, (tat << TAG_BITS) | (bucket & TAG_MASK))) {
        count(allowedAt(row));
        tally(COUNT_ALLOWED);
        return permitOf(epoch, generationOf(breaker));
      }
      unowe(slot, owed, 1);
    }
  }
  return check(slot, epoch, 1, now, at, false);
}

// Taking over a row of another table, from its bytes: 64 of the row, then those of its cold record. Fingerprints mean the
// same there and here, because the key came along.

import { moved as movedBreaker, movedCoarse } from './breaker';
import { moved as movedBucket } from './bucket';
import { acquire, giveUp, publish } from './claim';
import { clear, find, NONE, place, slotOf } from './index';
import {
  COLD_BYTES,
  COLD_CIRCUIT_REJECTED,
  COLD_POSITION,
  ROW_ALLOWED,
  ROW_BREAKER,
  ROW_BUCKET,
  ROW_BYTES,
  ROW_FINGERPRINT,
  ROW_LAST_FAILURE,
  ROW_RATE_LIMITED,
} from './layout';
import { inForce, limitsOf } from './limits';
import { store32 } from './memory';
import { batchRoom, capacity, coldOf, me, rowAt } from './place';
import { setBreaker, setBucket, setCounters, setFingerprint, setLastFailure } from './row';

export function adopt(overflow: bool, asOf: f64, shift: f64): bool {
  const force = inForce();
  const bucket = movedBucket(load<u64>(batchRoom, ROW_BUCKET), shift, force);
  if (overflow) {
    setBucket(rowAt(capacity), bucket);
    return true;
  }
  const fingerprint = load<u64>(batchRoom, ROW_FINGERPRINT);
  const ref = find(fingerprint) == NONE ? acquire(0) : NONE;
  if (ref == NONE) return false;
  const row = rowAt(slotOf(ref));
  const cold = coldOf(slotOf(ref));
  clear(slotOf(ref), cold + COLD_POSITION);
  memory.copy(cold + COLD_CIRCUIT_REJECTED, batchRoom + ROW_BYTES, COLD_BYTES);
  store32(cold + COLD_POSITION, 0);
  setFingerprint(row, fingerprint);
  setBucket(row, bucket);
  setBreaker(row, movedBreaker(load<u64>(batchRoom, ROW_BREAKER), asOf, shift, limitsOf(force)));
  setLastFailure(row, movedCoarse(load<u32>(batchRoom, ROW_LAST_FAILURE), shift));
  setCounters(row, load<u32>(batchRoom, ROW_ALLOWED), load<u32>(batchRoom, ROW_RATE_LIMITED));
  if (!place(fingerprint, slotOf(ref), cold + COLD_POSITION)) {
    giveUp(ref);
    return false;
  }
  publish(ref, me, 0);
  return true;
}

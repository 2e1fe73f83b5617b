// New limits for the live table. A bucket word tells by its parity which limits its TAT is in, and is converted by
// whoever touches it next; before the limits change once more, the words nobody touched are swept.

import { converted, isIn, ticks } from './bucket';
import { AT_SWEPT } from './layout';
import { enforce, inForce, limitsOf, spareRecord, versionOf, writeBefore, writeLimits } from './limits';
import { cas32, load32 } from './memory';
import { capacity, rowAt, usedSlots } from './place';
import { casBucket, getBucket } from './row';

export function configure(
  ratePerSec: f64,
  burstSize: f64,
  threshold: u32,
  timeoutMs: f64,
  probes: u32,
  probeTimeoutMs: f64,
  full: u32,
  now: f64,
): void {
  while (true) {
    const force = inForce();
    sweep(force);
    const limits = spareRecord(force);
    writeLimits(limits, ratePerSec, burstSize, threshold, timeoutMs, probes, probeTimeoutMs, full);
    writeBefore(limits, ticks(now, limits), limitsOf(force));
    if (enforce(force, limits)) return;
  }
}

/** Brings every bucket word into the limits in force, the last row being the overflow row. */
export function sweep(force: u64): void {
  const version = versionOf(force);
  const swept = load32(AT_SWEPT);
  if (swept == version) return;
  const used = usedSlots();
  for (let slot: u32 = 0; slot < used; slot++) convertRow(rowAt(slot), force);
  convertRow(rowAt(capacity), force);
  cas32(AT_SWEPT, swept, version);
}

function convertRow(row: usize, force: u64): void {
  while (true) {
    const word = getBucket(row);
    // Once the limits changed again, this sweep is over: whoever changed them had brought it to its end.
    if (isIn(word, force) || inForce() != force) return;
    if (casBucket(row, word, converted(word, force))) return;
  }
}

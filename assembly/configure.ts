// New limits for the live table. A bucket word tells by its parity which limits its TAT is in, and is converted by
// whoever touches it next; before the limits change once more, the words nobody touched are swept.

import { converted, instantOf, isIn, ticks } from './bucket';
import { classOf, isNamed, takeClasses, withClass } from './classes';
import { resetFleet } from './fleet';
import { AT_SWEPT } from './layout';
import {
  deriveLimits,
  enforce,
  inForce,
  limitsOf,
  newcomersOf,
  quantumTicks,
  sliceTicks,
  spareRecord,
  ticksPerToken,
  versionOf,
  writeBefore,
} from './limits';
import { cas32, load32 } from './memory';
import { setNewcomers, sweepNewcomers } from './newcomers';
import { batchRoom, capacity, rowAt, usedSlots } from './place';
import { requantified } from './reputation';
import { casBucket, casPeer, casWindow, getBucket, getPeer, getWindow } from './row';
import { takeSettings } from './settings';
import { forgetSlices, sliceAt } from './slices';
import { newborn } from './window';

/** Puts the settings that stand in this thread's batch room in force. */
export function configure(now: f64): void {
  while (true) {
    const force = inForce();
    sweep(force);
    const before = limitsOf(force);
    const limits = spareRecord(force);
    takeSettings(limits, batchRoom);
    deriveLimits(limits);
    takeClasses(limits, batchRoom);
    writeBefore(limits, ticks(now, limits), before);
    if (!enforce(force, limits)) continue;
    forgetSlices();
    setNewcomers(ticksPerToken(newcomersOf(limits)) != 0);
    adapt(instantOf(now), before, limits);
    return;
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
  sweepNewcomers(force);
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

/**
 * Brings the rows into the new settings: a class that exists no longer is nobody's any more, so that its number can be given
 * to another one; scores are as they are now, in quanta of the new length; slices of another length begin with nothing in
 * them.
 */
function adapt(instant: u64, before: usize, limits: usize): void {
  let gone: u64 = 0;
  for (let number: u32 = 1; number < 64; number++) {
    if (isNamed(number, before) && !isNamed(number, limits)) gone |= (<u64>1) << number;
  }
  const requantifies = quantumTicks(limits) != quantumTicks(before);
  const resets = sliceTicks(limits) != sliceTicks(before);
  if (gone == 0 && !requantifies && !resets) return;
  if (resets) resetFleet();
  const slice = sliceAt(instant, limits);
  const used = usedSlots();
  for (let slot: u32 = 0; slot < used; slot++) {
    const row = rowAt(slot);
    while (true) {
      const word = getPeer(row);
      const kept = (gone >> classOf(word)) & 1 ? withClass(word, 0) : word;
      const next = requantifies ? requantified(kept, instant, before, limits) : kept;
      if (next == word || casPeer(row, word, next)) break;
    }
    while (resets) {
      const word = getWindow(row);
      if (casWindow(row, word, newborn(word, slice))) break;
    }
  }
}

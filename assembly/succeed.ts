// The way that nearly every result takes: a success on a closed circuit without failures. The unusual goes to `settle`, which
// answers the same question in full.

import { generationOf } from './breaker';
import { instantOf } from './bucket';
import { permitOf } from './decision';
import { currentLimits } from './limits';
import { isOpenAt, lastInstant, rowAt } from './place';
import { casWindow, getBreaker, getWindow, isLive } from './row';
import { isElsewhere, quietNow, sliceNow, turnTo } from './slices';
import { isQuiet, isSteady, withSuccess } from './window';

/** The state and the failures of a breaker word: all 0 in a closed circuit without failures. */
const CLOSED_AND_CLEAN: u64 = 0x0000ffffffff0003;

/** Whether a success counts and changes nothing, as of the last check. Else `settle` has to see. */
export function succeedOne(slot: u32, epoch: u32, permit: i32): bool {
  if (!isOpenAt(slot)) return false;
  const row = rowAt(slot);
  const breaker = getBreaker(row);
  const window = getWindow(row);
  if ((breaker & CLOSED_AND_CLEAN) != 0 || !isLive(row, epoch)) return false;
  return permit == permitOf(epoch, generationOf(breaker)) && isQuiet(window, quietNow()) && !isElsewhere(lastInstant());
}

/** The same at a time. A count that only grows by one is written. */
export function succeedAt(slot: u32, epoch: u32, permit: i32, now: f64): bool {
  if (!isOpenAt(slot)) return false;
  const row = rowAt(slot);
  const breaker = getBreaker(row);
  const window = getWindow(row);
  if ((breaker & CLOSED_AND_CLEAN) != 0 || !isLive(row, epoch)) return false;
  if (permit != permitOf(epoch, generationOf(breaker))) return false;
  const instant = instantOf(now);
  if (isElsewhere(instant)) turnTo(instant, currentLimits());
  if (isQuiet(window, quietNow())) return true;
  return isSteady(window, sliceNow(), generationOf(breaker)) && casWindow(row, window, withSuccess(window));
}

// How many peers there are in each state of the circuit, as the next check of each would find it.

import { STATE_FORCED_CLOSED } from './layout';
import { circuitState } from './look';
import { batchRoom, rowAt, usedSlots } from './place';
import { epochOf, getMeta, LIVE, lifeOf } from './row';

/** Leaves the counts of the slots from `from` to before `to` in this thread's batch room, u32 each. Returns the slot to go on with; 0: that was all. */
export function census(from: u32, to: u32, now: f64): u32 {
  memory.fill(batchRoom, 0, 4 * (STATE_FORCED_CLOSED + 1));
  const used = usedSlots();
  const end = min<u32>(to, used);
  for (let slot = from; slot < end; slot++) {
    const meta = getMeta(rowAt(slot));
    if (lifeOf(meta) != LIVE) continue;
    const at = batchRoom + ((<usize>circuitState(slot, epochOf(meta), now)) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  return end < used ? end : 0;
}

// One counter of each row, without reading the rest of it: a ranking looks at every row and describes only a few.

import * as layout from '../../assembly/layout.js';
import type { Core } from './core.js';
import { coldRecord } from './reading.js';

/** Adds to `sums` how many of the peers on these slots have which state; the slot to go on with, or 0. */
export function countStates(core: Core, from: number, to: number, now: number, sums: number[]): number {
  const next = core.census(from, to, now);
  for (let state = 0; state < sums.length; state++)
    sums[state] = (sums[state] as number) + (core.batchRoom[state] as number);
  return next >>> 0;
}

/** The counters of a row. */
export type Ranked = 'allowed' | 'rateLimited' | 'circuitRejected' | 'failures';

/** Reads this counter of the row on a slot; -1 where no peer has that row. */
export function countReader({ memory, maxPeers }: Core, by: Ranked): (slot: number) => number {
  const bytes = new DataView(memory.buffer);
  const cold = coldRecord(maxPeers, 0);
  const start = {
    allowed: layout.ROWS + layout.ROW_ALLOWED,
    rateLimited: layout.ROWS + layout.ROW_RATE_LIMITED,
    circuitRejected: cold + layout.COLD_CIRCUIT_REJECTED,
    failures: cold + layout.COLD_FAILURES,
  }[by];
  const stride = by === 'allowed' || by === 'rateLimited' ? layout.ROW_BYTES : layout.COLD_BYTES;
  return (slot) => {
    const owner = bytes.getUint32(layout.ROWS + slot * layout.ROW_BYTES + layout.ROW_META + 4, true);
    const live = (owner & ((1 << layout.LIFE_BITS) - 1)) === layout.LIFE_LIVE;
    return live ? bytes.getUint32(start + slot * stride, true) : -1;
  };
}

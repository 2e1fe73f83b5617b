// Totals over the table's life: one block of counters a thread, so that counting is a plain store, summed by whoever asks.

import { block } from './place';

export function tally(counter: u32): void {
  tallyMany(counter, 1);
}

/** Plain accesses also in the shared build: only this thread writes here, and an atomic store costs 4 ns. */
export function tallyMany(counter: u32, times: u64): void {
  const at = block + ((<usize>counter) << 3);
  store<u64>(at, load<u64>(at) + times);
}

// Totals over the table's life. Each thread has its own block of counters, so counting is a plain store. Whoever reads the
// totals adds the blocks up.

import { loadCount64, storeCount64 } from './memory';
import { block } from './place';

export function tally(counter: u32): void {
  tallyMany(counter, 1);
}

/** Only this thread writes here, so the totals are exact. */
export function tallyMany(counter: u32, times: u64): void {
  const at = block + ((<usize>counter) << 3);
  storeCount64(at, loadCount64(at) + times);
}

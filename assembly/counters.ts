// Totals over the table's life. Each thread has its own block of counters, so counting is a plain store. Whoever reads the
// totals adds the blocks up.

import { load64, store64 } from './memory';
import { block } from './place';

export function tally(counter: u32): void {
  const at = block + ((<usize>counter) << 3);
  store64(at, load64(at) + 1);
}

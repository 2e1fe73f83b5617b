// Totals over the table's life: one block of counters a thread, so that counting is a plain store, summed when asked.

import { AT_THREADS, COUNTER_COUNT, THREAD_BYTES } from './layout';
import { load32, load64, store64 } from './memory';
import { block, capacity, threads } from './place';

export function tally(counter: u32): void {
  const at = block + (<usize>counter << 3);
  store64(at, load64(at) + 1);
}

export function total(counter: u32): f64 {
  if (capacity == 0 || counter >= <u32>COUNTER_COUNT) return 0;
  let sum: u64 = 0;
  const count = load32(AT_THREADS);
  for (let thread: u32 = 0; thread < count; thread++) {
    sum += load64(threads + <usize>thread * THREAD_BYTES + (<usize>counter << 3));
  }
  return <f64>sum;
}

// Which slice of the window it is. Each thread keeps the one it worked out last, because a division costs as much as all the
// rest of a result, and with it what the WINDOW word of a peer looks like for whom a success changes nothing in it.

import { AT_THREADS, THREAD_BYTES, THREAD_INSTANT, THREAD_QUIET, THREAD_SLICE } from './layout';
import { countsAll, sliceTicks } from './limits';
import { load32 } from './memory';
import { since, startOf } from './periods';
import { block, threads } from './place';
import { quietIn } from './window';

/** No window's word. */
const NEVER_QUIET: u64 = ~(<u64>0);

/** The slice in which an instant lies. */
export function sliceAt(instant: u64, limits: usize): u32 {
  const length = load<u64>(block, THREAD_SLICE + 8);
  if (instant - load<u64>(block, THREAD_SLICE) >= length || length != sliceTicks(limits)) turnTo(instant, limits);
  return sliceNow();
}

/** Keeps the instant of a check, for results that have none of their own. */
export function keep(instant: u64): void {
  store<u64>(block, instant, THREAD_INSTANT);
}

/** Whether it is not in the slice that the thread worked out last. A function of few words costs no call. */
export function isElsewhere(instant: u64): bool {
  return instant - load<u64>(block, THREAD_SLICE) >= load<u64>(block, THREAD_SLICE + 8);
}

/** Works out the slice of an instant. */
export function turnTo(instant: u64, limits: usize): void {
  const ticks = sliceTicks(limits);
  const number = since(instant) / ticks;
  store<u64>(block, startOf(number, ticks), THREAD_SLICE);
  store<u64>(block, ticks, THREAD_SLICE + 8);
  store<u64>(block, number, THREAD_SLICE + 16);
  store<u64>(block, countsAll(limits) ? NEVER_QUIET : quietIn(<u32>number), THREAD_QUIET);
}

/** The slice that the thread worked out last. */
export function sliceNow(): u32 {
  return <u32>load<u64>(block, THREAD_SLICE + 16);
}

/** What a quiet WINDOW word has above bit 50 in this thread's slice. */
export function quietNow(): u64 {
  return load<u64>(block, THREAD_QUIET);
}

/** Makes all threads work it out anew: the settings changed. */
export function forgetSlices(): void {
  const count = load32(AT_THREADS);
  for (let thread: u32 = 0; thread < count; thread++) {
    const at = threads + <usize>thread * THREAD_BYTES;
    store<u64>(at, 0, THREAD_SLICE + 8);
    store<u64>(at, NEVER_QUIET, THREAD_QUIET);
  }
}

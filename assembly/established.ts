// Established peers: from the `minimumCalls`-th success on, until they lose their row. Names that were invented count on
// neither side of what is judged by all.

import { SUCCESSES_ALL, SUCCESSES_SHIFT } from './layout';
import { minimumCalls } from './limits';

const SHIFT: u64 = SUCCESSES_SHIFT;
const MASK: u64 = SUCCESSES_ALL;

export function isEstablished(peer: u64): bool {
  return ((peer >> SHIFT) & MASK) == MASK;
}

/** The PEER word after one success more. */
export function succeeded(peer: u64, limits: usize): u64 {
  const successes = ((peer >> SHIFT) & MASK) + 1;
  const next = successes >= <u64>minimumCalls(limits) ? MASK : min<u64>(successes, MASK - 1);
  return (peer & ~(MASK << SHIFT)) | (next << SHIFT);
}

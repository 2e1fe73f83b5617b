// New limits for the live table. A bucket word tells by its parity which limits its TAT is in, and is converted by
// whoever touches it next; before the limits change once more, the words nobody touched are swept.

import { converted, ticks } from './bucket';
import {
  ABI_VERSION,
  AT_ABI,
  AT_CAPACITY,
  AT_MAGIC,
  AT_MEMBERS,
  AT_SWEPT,
  AT_THREADS,
  AT_VERSION,
  MAGIC,
} from './layout';
import { currentVersion, limitsOf, writeChangedAt, writeLimits } from './limits';
import { cas32, load32, store32 } from './memory';
import { usedSlots } from './look';
import { capacity, open, rowAt } from './place';
import { casBucket, getBucket, LIVE, meta, OVERFLOW_EPOCH, setMeta } from './row';

/** Makes an empty table in zeroed memory, with limits that are valid but nobody's; false where it does not fit. */
export function create(rows: u32, members: u32): bool {
  if (open(rows, 0, members) > <f64>(<u64>memory.size() << 16)) {
    open(0, 0, 0);
    return false;
  }
  store<u32>(AT_CAPACITY, rows);
  store<u32>(AT_THREADS, members);
  writeLimits(limitsOf(0), 1, 1, 1, 1, 1, 1, 0);
  setMeta(rowAt(rows), meta(OVERFLOW_EPOCH, LIVE, 0));
  store32(AT_MEMBERS, 1);
  store<u32>(AT_ABI, ABI_VERSION);
  store32(AT_MAGIC, MAGIC);
  return true;
}

export function configure(
  ratePerSec: f64,
  burstSize: f64,
  threshold: u32,
  timeoutMs: f64,
  probes: u32,
  probeTimeoutMs: f64,
  full: u32,
  now: f64,
): void {
  const version = currentVersion();
  sweep(version);
  const limits = limitsOf(version + 1);
  writeLimits(limits, ratePerSec, burstSize, threshold, timeoutMs, probes, probeTimeoutMs, full);
  writeChangedAt(limits, ticks(now, limits));
  cas32(AT_VERSION, version, version + 1);
}

/** Brings every bucket word into the limits of `version`. */
function sweep(version: u32): void {
  if (load32(AT_SWEPT) == version) return;
  convertRow(rowAt(capacity), version);
  const used = usedSlots();
  for (let slot: u32 = 0; slot < used; slot++) convertRow(rowAt(slot), version);
  store32(AT_SWEPT, version);
}

function convertRow(row: usize, version: u32): void {
  while (true) {
    const word = getBucket(row);
    if (((word ^ <u64>version) & 1) == 0 || casBucket(row, word, converted(word, version))) return;
  }
}

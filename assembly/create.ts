// How a table begins.

import { takeClasses } from './classes';
import { ABI_VERSION, AT_ABI, AT_CAPACITY, AT_MAGIC, AT_MEMBERS, AT_TENANTS, AT_THREADS, MAGIC } from './layout';
import { deriveLimits, enforce, spareRecord } from './limits';
import { store32, store64 } from './memory';
import { batchRoom, open, rowAt } from './place';
import { LIVE, meta, OVERFLOW_EPOCH, setMeta } from './row';
import { writeOctave } from './scale';

/** Makes an empty table in zeroed memory, with limits that are valid but nobody's; false where it does not fit. */
export function create(rows: u32, threads: u32): bool {
  if (open(rows, 0, threads, 1) > <f64>((<u64>memory.size()) << 16)) {
    open(0, 0, 0, 0);
    return false;
  }
  store<u32>(AT_CAPACITY, rows);
  store<u32>(AT_THREADS, threads);
  const limits = spareRecord(0);
  writeOctave();
  deriveLimits(limits);
  takeClasses(limits, batchRoom);
  enforce(0, limits);
  setMeta(rowAt(rows), meta(OVERFLOW_EPOCH, LIVE, 0));
  store64(AT_MEMBERS, 1);
  store32(AT_TENANTS, 1);
  store<u32>(AT_ABI, ABI_VERSION);
  store32(AT_MAGIC, MAGIC);
  return true;
}

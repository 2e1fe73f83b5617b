// Who takes part in a shared table. Thread 0 made it. Others get a number when a ticket is made for them (`reserve`),
// join under that number (`attach`), and leave it when they are gone (`detach`), whether they could say so or not.
//
//      TENANTS[n]   even: free ── reserve ──► odd: somebody's ── detach ──► even; looked at by every call of its thread
//      MEMBERS      the bit of a thread is set while its pins and its unfinished row count
//
// A number's tenancy and its bit are told apart in time by the version in MEMBERS: whoever clears a bit has looked at
// the tenancy after it loaded the word, so that a late leave never puts the next tenant out.

import { markFree } from './free';
import { ABI_VERSION, AT_ABI, AT_CAPACITY, AT_MAGIC, AT_MEMBERS, AT_THREADS, MAGIC, MAX_THREADS } from './layout';
import { cas32, cas64, load32, load64 } from './memory';
import { relist } from './owed';
import { capacity, me, open, own, rowAt, tenancyAt, usedSlots } from './place';
import { casMeta, epochOf, getMeta, LIMBO, LIVE, lifeOf, meta, pinsOf } from './row';

/** A ticket's number is not, or no longer, its holder's. */
export const VOID: i32 = -1;
/** Somebody joined with this ticket already. */
export const BUSY: i32 = -2;
/** The memory holds no table of this version. */
export const NO_TABLE: i32 = -3;

export function tenancyOf(thread: u32): u32 {
  return thread < <u32>MAX_THREADS ? load32(tenancyAt(thread)) : 0;
}

/** A free number, now reserved, or -1. */
export function reserve(): i32 {
  const count = load32(AT_THREADS);
  for (let thread: u32 = 0; thread < count; thread++) {
    const tenancy = load32(tenancyAt(thread));
    if ((tenancy & 1) == 0 && cas32(tenancyAt(thread), tenancy, tenancy + 1)) return thread;
  }
  return -1;
}

/** Joins under a reserved number, once what a dead predecessor left under it is cleared. */
export function attach(thread: u32, tenancy: u32): i32 {
  if (load32(AT_MAGIC) != MAGIC || load32(AT_ABI) != ABI_VERSION) return NO_TABLE;
  if (thread >= load32(AT_THREADS) || (tenancy & 1) == 0) return VOID;
  const bit = (<u64>1) << thread;
  const before = load64(AT_MEMBERS);
  if (load32(tenancyAt(thread)) != tenancy) return VOID;
  if (before & bit) return BUSY;
  const count = load32(AT_THREADS);
  open(load32(AT_CAPACITY), thread, count, tenancy);
  const used = usedSlots();
  for (let slot: u32 = 0; slot < used; slot++) clearAfter(slot);
  while (true) {
    const members = load64(AT_MEMBERS);
    const left = load32(tenancyAt(thread)) != tenancy;
    if (left || members & bit) {
      open(0, 0, 0, 0);
      return left ? VOID : BUSY;
    }
    if (!cas64(AT_MEMBERS, members, changed(members | bit))) continue;
    return thread;
  }
}

/** Ends this thread's own tenancy and closes the table to this instance. */
export function leave(): void {
  if (capacity != 0) detach(ctz<u32>(me), own);
  open(0, 0, 0, 0);
}

/** Ends a tenancy; whether it was this call that did. */
export function detach(thread: u32, tenancy: u32): bool {
  if (thread >= <u32>MAX_THREADS || (tenancy & 1) == 0) return false;
  while (true) {
    const members = load64(AT_MEMBERS);
    if (load32(tenancyAt(thread)) != tenancy) return false;
    if (!cas64(AT_MEMBERS, members, changed(members & ~((<u64>1) << thread)))) continue;
    if (capacity != 0) relist();
    return cas32(tenancyAt(thread), tenancy, tenancy + 1);
  }
}

function changed(members: u64): u64 {
  return members + ((<u64>1) << 32);
}

/** What a predecessor under this number left on the row: a pin, a row half reclaimed, a row half claimed. */
function clearAfter(slot: u32): void {
  const row = rowAt(slot);
  while (true) {
    const word = getMeta(row);
    const life = lifeOf(word);
    const pins = pinsOf(word);
    if (life == LIMBO && pins == 0) markFree(slot);
    if ((pins & me) == 0) return;
    const next =
      life == LIVE ? meta(epochOf(word), LIVE, pins & ~me) : meta(epochOf(word), life == LIMBO ? LIMBO : LIVE, 0);
    if (!casMeta(row, word, next)) continue;
    if (life == LIMBO) markFree(slot);
    return;
  }
}

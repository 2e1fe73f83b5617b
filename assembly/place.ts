// The addresses of the table's sections for this instance. They follow from the table's capacity and from the number of
// this thread, and they are constant once the table is open. Everything that changes is in memory, because each instance
// has its own globals.

import {
  AT_FRESH,
  AT_TENANTS,
  COLD_BYTES,
  coldAt,
  freeAt,
  freeInner,
  HEADER,
  indexAt,
  owingAt,
  ROW_BITS,
  ROWS,
  SET_BYTES,
  THREAD_BATCH,
  THREAD_BYTES,
  THREAD_FOUND,
  THREAD_ID,
  THREAD_INSTANT,
  tableEnd,
  threadsAt,
} from './layout';
import { load32, SHARED } from './memory';

/** The number of rows for peers. It is 0 before the table is open, so that no slot is valid. */
export let capacity: u32 = 0;
export let sets: u32 = 0;
export let index: usize = 0;
export let free: usize = 0;
/** The number of words of the free tree above its leaves. */
export let inner: u32 = 0;
/** The bits of the pairs of rows that owe. */
export let owing: usize = 0;
export let threads: usize = 0;
/** This thread's block, its bit among the members, and the two buffers in its block: for an ID and for a batch. */
export let block: usize = 0;
export let me: u32 = 1;
export let idRoom: usize = 0;
export let batchRoom: usize = 0;
let cold: usize = 0;
/** The address of the tenancy of this thread's number, and the tenancy under which this instance joined. */
let tenancy: usize = 0;
export let own: u32 = 0;

/** Computes the addresses for a table of this capacity and for one of its threads; returns the table's end. */
export function open(rows: u32, thread: u32, members: u32, tenant: u32): f64 {
  const count = <f64>rows;
  const indexStart = indexAt(count);
  const coldStart = coldAt(indexStart, count);
  const freeStart = freeAt(coldStart, count);
  const above = freeInner(count);
  const threadsStart = threadsAt(freeStart, above, count);
  if (!ASC_NO_ASSERT) assert(<usize>HEADER >= __heap_base && threadsStart % 64 == 0);
  capacity = rows;
  sets = <u32>((coldStart - indexStart) / SET_BYTES);
  index = <usize>indexStart;
  cold = <usize>coldStart;
  free = <usize>freeStart;
  inner = <u32>above;
  owing = <usize>owingAt(freeStart, above, count);
  threads = <usize>threadsStart;
  block = threads + <usize>thread * THREAD_BYTES;
  me = 1 << thread;
  idRoom = block + THREAD_ID;
  batchRoom = block + THREAD_BATCH;
  tenancy = tenancyAt(thread);
  own = tenant;
  return tableEnd(threadsStart, members);
}

export function tenancyAt(thread: u32): usize {
  return <usize>AT_TENANTS + ((<usize>thread) << 2);
}

/** Whether the table is open to this instance. If another thread has detached it, its number may belong to another thread. */
export function isOpen(): bool {
  return capacity != 0 && isTenant();
}

/** The same for a slot: also whether the table has that slot. */
export function isOpenAt(slot: u32): bool {
  return slot < capacity && isTenant();
}

function isTenant(): bool {
  return !SHARED || load32(tenancy) == own;
}

/** Tells the facade which row a call by ID found. */
export function leaveFound(slot: u32, epoch: u32): void {
  store<u32>(block + THREAD_FOUND, slot);
  store<u32>(block + THREAD_FOUND, epoch, 4);
}

/** The number of slots that have been used so far. A loop over the rows can stop there. */
export function usedSlots(): u32 {
  return min<u32>(load32(AT_FRESH), capacity);
}

export function rowAt(slot: u32): usize {
  return <usize>ROWS + ((<usize>slot) << ROW_BITS);
}

export function coldOf(slot: u32): usize {
  return cold + <usize>slot * COLD_BYTES;
}

/** The instant of this thread's last check. */
export function lastInstant(): u64 {
  return load<u64>(block, THREAD_INSTANT);
}

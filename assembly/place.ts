// Where this instance finds things: addresses that follow from the table's capacity and from which thread this is.
// They are constant once the table is open. Everything that changes lives in memory, because a global is one instance's.

import {
  AT_CAPACITY,
  COLD_BYTES,
  coldAt,
  freeAt,
  freeInner,
  indexAt,
  ROW_BITS,
  ROWS,
  setCount,
  THREAD_BATCH,
  THREAD_BYTES,
  THREAD_ID,
  threadsAt,
} from './layout';

/** Rows for peers; 0 before the table is open, which turns every slot away. */
export let capacity: u32 = 0;
export let sets: u32 = 0;
export let index: usize = 0;
export let free: usize = 0;
/** Words of the free tree above its leaves. */
export let inner: u32 = 0;
export let threads: usize = 0;
/** This thread's block, its bit among the members, and the two rooms in its block. */
export let block: usize = 0;
export let me: u32 = 1;
export let idRoom: usize = 0;
export let batchRoom: usize = 0;
let cold: usize = 0;

export function open(thread: u32): void {
  capacity = load<u32>(AT_CAPACITY);
  const rows = <f64>capacity;
  sets = <u32>setCount(rows);
  index = <usize>indexAt(rows);
  cold = <usize>coldAt(rows);
  free = <usize>freeAt(rows);
  inner = <u32>freeInner(rows);
  threads = <usize>threadsAt(rows);
  block = threads + <usize>thread * THREAD_BYTES;
  me = 1 << thread;
  idRoom = block + THREAD_ID;
  batchRoom = block + THREAD_BATCH;
}

export function rowAt(slot: u32): usize {
  return <usize>ROWS + (<usize>slot << ROW_BITS);
}

export function coldOf(slot: u32): usize {
  return cold + <usize>slot * COLD_BYTES;
}

/** The row that peers without one share: a bucket and its counters. */
export function overflowRow(): usize {
  return rowAt(capacity);
}

// Reading the rings of events in which the threads of a table write what happened. A thread may write while another one
// reads: an event that was overwritten, or is being overwritten, counts as lost and is never seen half old and half new.

import {
  EVENT_BYTES,
  EVENT_EPOCH,
  EVENT_FAILURES,
  EVENT_TIME,
  EVENT_WHAT,
  FROM_SHIFT,
  KIND_SHIFT,
  RINGS,
  ringEvents,
  ringStart,
  STATE_MASK,
  TO_SHIFT,
} from '../../assembly/event-layout.js';
import * as layout from '../../assembly/layout.js';
import { type Core, threadBlocks } from './core.js';

export { EVENT_CIRCUIT, EVENT_HELD_BACK, EVENT_RECLAIMED, EVENT_TABLE_FULL } from '../../assembly/event-layout.js';

/** An event as the core writes it; `from` and `to` are codes of circuit states. */
export interface RawEvent {
  readonly kind: number;
  readonly from: number;
  readonly to: number;
  readonly slot: number;
  readonly epoch: number;
  readonly failures: number;
  readonly time: number;
}

/** The number of this core's thread. */
export function threadOf({ tenancy }: Core): number {
  return (tenancy.byteOffset - layout.AT_TENANTS) / 4;
}

/** How many threads the table has room for. */
export function threadCount({ memory }: Core): number {
  return new DataView(memory.buffer).getUint32(layout.AT_THREADS, true);
}

/** Reads the rings of one thread, from where they are now. */
export class RingReader {
  readonly #words: Int32Array;
  readonly #appended: number;
  readonly #rings: number;
  readonly #shared: boolean;
  readonly #read: number[] = [];
  readonly #time = new DataView(new ArrayBuffer(8));
  /** Events that were overwritten before they were read. */
  lost = 0;

  constructor(core: Core, thread: number) {
    const { memory, maxPeers } = core;
    this.#shared = threadCount(core) > 1;
    const block = threadBlocks(maxPeers) + thread * layout.THREAD_BYTES;
    this.#words = new Int32Array(memory.buffer);
    this.#appended = (block + layout.THREAD_APPENDED) >> 2;
    this.#rings = (block + layout.THREAD_RINGS) >> 2;
    for (let ring = 0; ring < RINGS; ring++) this.#read[ring] = this.#word(this.#appended + ring);
  }

  /** Adds the events since the last call. */
  read(events: RawEvent[]): void {
    for (let ring = 0; ring < RINGS; ring++) {
      const end = this.#word(this.#appended + ring);
      let next = this.#read[ring] as number;
      const overwritten = ((end - next) >>> 0) - ringEvents(ring, this.#shared);
      if (overwritten > 0) {
        this.lost += overwritten;
        next = (next + overwritten) >>> 0;
      }
      for (; next !== end; next = (next + 1) >>> 0) {
        const event = this.#event(ring, next);
        if (event === undefined) this.lost++;
        else events.push(event);
      }
      this.#read[ring] = end;
    }
  }

  #event(ring: number, number: number): RawEvent | undefined {
    const place = number % ringEvents(ring, this.#shared);
    const at = this.#rings + ((ringStart(ring, this.#shared) + place * EVENT_BYTES) >> 2);
    const sequence = (number + 1) >>> 0;
    if (this.#word(at) !== sequence) return undefined;
    const what = this.#word(at + (EVENT_WHAT >> 2));
    const epoch = this.#word(at + (EVENT_EPOCH >> 2));
    const failures = this.#word(at + (EVENT_FAILURES >> 2));
    this.#time.setUint32(0, this.#word(at + (EVENT_TIME >> 2)), true);
    this.#time.setUint32(4, this.#word(at + (EVENT_TIME >> 2) + 1), true);
    if (this.#word(at) !== sequence) return undefined;
    const time = this.#time.getFloat64(0, true);
    return {
      kind: what >>> KIND_SHIFT,
      from: (what >>> FROM_SHIFT) & STATE_MASK,
      to: (what >>> TO_SHIFT) & STATE_MASK,
      slot: what % layout.MAX_PEERS,
      epoch,
      failures,
      time,
    };
  }

  #word(at: number): number {
    return Atomics.load(this.#words, at) >>> 0;
  }
}

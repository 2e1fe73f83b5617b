// Frames that were let in and wait for their turn, oldest first, and how many bytes they hold.

import type { Decision } from '../index.js';
import type { FrameData } from './socket.js';

/** What waits beside its bytes. */
const OVERHEAD_BYTES = 128;
/** What a socket delivers after `pause` is one read, 64 KiB, and the frame it lies in; only compression makes more of it. */
const LEAST_ROOM_BYTES = 2 ** 20;

export interface Waiting {
  readonly frame: FrameData;
  readonly bytes: number;
  readonly permit: Decision;
}

export class Queue {
  readonly #frames: Waiting[] = [];
  readonly #roomBytes: number;
  #bytes = 0;

  constructor(maxFrameBytes: number) {
    this.#roomBytes = LEAST_ROOM_BYTES + 4 * maxFrameBytes;
  }

  get isEmpty(): boolean {
    return this.#frames.length === 0;
  }

  /** Whether a socket that pauses could never have brought so much. */
  get isTooLong(): boolean {
    return this.#bytes > this.#roomBytes;
  }

  push(frame: FrameData, frameBytes: number, permit: Decision): void {
    const bytes = frameBytes + OVERHEAD_BYTES;
    this.#frames.push({ frame, bytes, permit });
    this.#bytes += bytes;
  }

  shift(): Waiting | undefined {
    const next = this.#frames.shift();
    if (next !== undefined) this.#bytes -= next.bytes;
    return next;
  }

  /** Takes everything out. */
  clear(): readonly Waiting[] {
    this.#bytes = 0;
    return this.#frames.splice(0);
  }
}

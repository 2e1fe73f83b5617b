// Whether the socket is read. Several things can want it to wait; it is read again when the last of them is over.

import type { MessageSocket } from './socket.js';

/** Rejected too often. */
export const REJECTED = 1;
/** Something waits to be begun, or as many requests are being worked on as may be. */
export const BUSY = 2;
/** The answers are not being taken. */
export const CLOGGED = 4;

type Cause = typeof REJECTED | typeof BUSY | typeof CLOGGED;

export class Reading {
  readonly #socket: MessageSocket;
  #causes = 0;

  constructor(socket: MessageSocket) {
    this.#socket = socket;
  }

  isHeld(cause: Cause): boolean {
    return (this.#causes & cause) !== 0;
  }

  hold(cause: Cause): void {
    const wasRead = this.#causes === 0;
    this.#causes |= cause;
    if (wasRead) this.#try('pause');
  }

  release(cause: Cause): void {
    if ((this.#causes & cause) === 0) return;
    this.#causes &= ~cause;
    if (this.#causes === 0) this.#try('resume');
  }

  /** A socket that cannot do it is about to end, and says so itself. */
  #try(what: 'pause' | 'resume'): void {
    try {
      this.#socket[what]();
    } catch {}
  }
}

// The way out: answers go to the socket, and how many of them the client leaves lying there is watched.

import { CLOGGED, type Reading } from './reading.js';
import type { Message, MessageSocket } from './socket.js';
import { unref } from './timers.js';

/** The share of the limit above which the client is not read: it has to take answers before it can ask for more. */
const NOT_READ_ABOVE = 1 / 16;
const LOOK_EVERY_MS = 20;

export interface OutletLimits {
  readonly maxBufferedBytes: number;
  readonly stallTimeoutMs: number;
}

/** Who is told. */
export interface OutletOwner {
  /** The client is not read until it has taken its answers. */
  clogged(): void;
  /** It has. */
  cleared(): void;
  /** It left too much, or took nothing for too long, and has to be dropped. */
  lost(): void;
}

export class Outlet {
  readonly #socket: MessageSocket;
  readonly #reading: Reading;
  readonly #limits: OutletLimits;
  readonly #owner: OutletOwner;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(socket: MessageSocket, reading: Reading, limits: OutletLimits, owner: OutletOwner) {
    this.#socket = socket;
    this.#reading = reading;
    this.#limits = limits;
    this.#owner = owner;
  }

  /** Sends, unless so much lies there already that the client is dropped. One large answer alone never drops it. */
  send(message: Message): void {
    if (this.#socket.bufferedAmount > this.#limits.maxBufferedBytes) {
      this.#owner.lost();
      return;
    }
    this.#socket.send(message);
    if (this.#timer === undefined && this.#isClogged()) this.#wait();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #isClogged(): boolean {
    return this.#socket.bufferedAmount > this.#limits.maxBufferedBytes * NOT_READ_ABOVE;
  }

  /** Sockets do not tell when their buffer has emptied, so it is looked at from time to time. */
  #wait(): void {
    this.#reading.hold(CLOGGED);
    this.#owner.clogged();
    let least = this.#socket.bufferedAmount;
    let idleMs = 0;
    this.#timer = setInterval(() => {
      if (!this.#isClogged()) {
        this.close();
        this.#reading.release(CLOGGED);
        this.#owner.cleared();
        return;
      }
      // Counted in looks, not read from a clock: a server that stands still must not blame its clients for it.
      const waiting = this.#socket.bufferedAmount;
      idleMs = waiting < least ? 0 : idleMs + LOOK_EVERY_MS;
      least = Math.min(least, waiting);
      if (idleMs >= this.#limits.stallTimeoutMs) this.#owner.lost();
    }, LOOK_EVERY_MS);
    unref(this.#timer);
  }
}

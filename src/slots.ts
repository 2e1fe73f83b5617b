// Peer ID → row: through the cache of strings seen lately, or through the bytes by which the table finds it.

import { ArgumentRangeError, ArgumentTypeError, shown } from './errors.js';
import { markOf, RecentIds } from './recent.js';
import { type Core, MAX_ID_BYTES, requireOpen } from './wasm/core.js';
import { keyOf } from './wasm/reading.js';

/** Who is calling: 1 … 1 024 bytes. A string is its UTF-8 bytes, and one with a lone surrogate has none. */
export type PeerId = string | Uint8Array;

/** Up to this length a loop of our own beats a call into the encoder: 21 ns against 50 at 12 characters, 61 at 36. */
const SHORT = 24;

const encoder = new TextEncoder();

/** Finds rows by ID. A caller asks first whether the ID was seen lately: then one call by slot does, else one by the bytes. */
export class Slots {
  readonly #core: Core;
  readonly #room: Uint8Array;
  /** Where the encoder writes: not every engine lets it write into shared memory. */
  readonly #encoded: Uint8Array;
  readonly recent: RecentIds;
  /** The era of what is in `recent`. */
  #era = 0;
  #seeded: boolean;

  constructor(core: Core, seeded: boolean) {
    this.#core = core;
    this.#room = core.idRoom;
    this.#encoded = core.threads ? new Uint8Array(core.idRoom.length) : core.idRoom;
    this.recent = new RecentIds(core.maxPeers);
    this.#seeded = seeded;
  }

  /** The entry of `recent` for an ID that was seen lately, or -1. The core says whether its row is still there. */
  seen(id: PeerId): number {
    if (this.#core.era[0] !== this.#era) this.#forget();
    return typeof id === 'string' ? this.recent.find(markOf(id), id) : -1;
  }

  /** A check by the bytes, in one call. */
  check(id: PeerId, cost: number, now: number): number {
    const decision = this.#core.checkId(this.write(id), cost, now);
    this.#remember(id);
    return decision;
  }

  /** A result by the bytes, in one call. */
  settle(id: PeerId, outcome: number, permit: number, now: number): number {
    const settled = this.#core.settleId(this.write(id), outcome, permit, now);
    this.#remember(id);
    return settled;
  }

  #forget(): void {
    this.#era = this.#core.era[0] as number;
    this.recent.clear();
  }

  #remember(id: PeerId): void {
    if (typeof id !== 'string') return;
    const { found } = this.#core;
    const slot = found[0] as number;
    if (slot >= 0) this.recent.remember(markOf(id), id, slot, found[1] as number);
  }

  /**
   * Puts the ID's bytes into the core's room and gives back their number.
   *
   * @throws TypeError or RangeError for what is no ID; the room may have changed then, the table has not. ClosedError where
   *   the table is closed, and then the room may be another thread's.
   */
  write(id: PeerId): number {
    requireOpen(this.#core);
    if (!this.#seeded) this.seed();
    if (typeof id === 'string') return this.#writeString(id);
    if (isBytes(id)) return this.#writeBytes(id);
    throw new ArgumentTypeError(
      'ERR_PEERGATE_PEER_ID_TYPE',
      `peerId: expected a string or a Uint8Array, got ${shown(id)}`,
    );
  }

  /** The reference of the peer's row, or -1. */
  find(id: PeerId): number {
    return this.#core.find(this.write(id));
  }

  #writeString(id: string): number {
    const { length } = id;
    if (length === 0 || length > MAX_ID_BYTES) throw badLength(`a string of ${length} characters`);
    const room = this.#room;
    if (length <= SHORT) {
      let i = 0;
      for (; i < length; i++) {
        const unit = id.charCodeAt(i);
        if (unit > 127) break;
        room[i] = unit;
      }
      if (i === length) return length;
    }
    const { read, written } = encoder.encodeInto(id, this.#encoded);
    // A surrogate takes three bytes or four, so as many bytes as characters means plain ASCII.
    if (written !== length && !id.isWellFormed()) {
      throw new ArgumentTypeError(
        'ERR_PEERGATE_PEER_ID_ENCODING',
        `peerId: expected a string that has UTF-8 bytes, got one with a lone surrogate: ${shown(id.toWellFormed())}`,
      );
    }
    if (read < length || written > MAX_ID_BYTES) throw badLength('a string whose UTF-8 is longer');
    if (this.#encoded !== room) for (let i = 0; i < written; i++) room[i] = this.#encoded[i] as number;
    return written;
  }

  #writeBytes(id: Uint8Array): number {
    const { length } = id;
    if (length === 0 || length > MAX_ID_BYTES) throw badLength(`${length} bytes`);
    const room = this.#room;
    room.set(id);
    return length;
  }

  /** Draws the table's key: as late as can be, because some runtimes have no randomness before the first request. */
  seed(): void {
    if (this.#seeded) return;
    keyOf(this.#core).set(crypto.getRandomValues(new Uint8Array(16)));
    this.#seeded = true;
  }
}

/** Also for arrays that come from another realm. */
function isBytes(id: unknown): id is Uint8Array {
  return id instanceof Uint8Array || Object.prototype.toString.call(id) === '[object Uint8Array]';
}

function badLength(came: string): ArgumentRangeError {
  return new ArgumentRangeError(
    'ERR_PEERGATE_PEER_ID_LENGTH',
    `peerId: expected 1 to ${MAX_ID_BYTES} bytes, got ${came}`,
  );
}

// Peer ID → row: through the cache of recent strings, or through the bytes, by which the table finds it.

import { ArgumentRangeError, ArgumentTypeError, shown } from './errors.js';
import { markOf, RecentIds } from './recent.js';
import { elementsOf, isUint8Array } from './typed-arrays.js';
import { type Core, MAX_ID_BYTES, requireOpen } from './wasm/core.js';
import { keyOf } from './wasm/reading.js';

/** Who is calling: 1 … 1 024 bytes. A string stands for its UTF-8 bytes; one with a lone surrogate has none. */
export type PeerId = string | Uint8Array;

/**
 * The ID as it is now, because whoever gave or gets bytes may change them. `slice` would be a view where they are a Buffer.
 * What is not an ID stays as it is: whoever uses it complains.
 */
export function copyOf(id: PeerId): PeerId {
  return isUint8Array(id) ? new Uint8Array(id) : id;
}

/** Up to this length a plain loop is faster than a call to the encoder: 21 ns, against 50 for 12 characters and 61 for 36. */
const SHORT = 24;

const encoder = new TextEncoder();

/** Finds rows by ID. Ask `seen` first: an ID that was seen lately needs one call by slot, any other one call by its bytes. */
export class Slots {
  readonly #core: Core;
  readonly #room: Uint8Array;
  /** Where the encoder writes. Not every engine lets it write into shared memory. */
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

  /** The entry of `recent` for an ID that was seen lately, or -1. The core checks whether its row still exists. */
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
  settle(id: PeerId, outcome: number, permit: number, now: number, durationMs: number): number {
    const settled = this.#core.settleId(this.write(id), outcome, permit, now, durationMs);
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
   * Copies the ID's bytes to where the core reads them, and returns their number.
   *
   * @throws TypeError or RangeError for what is not an ID; the table has not changed then. ClosedError if the table is closed.
   */
  write(id: PeerId): number {
    requireOpen(this.#core);
    if (!this.#seeded) this.seed();
    if (typeof id === 'string') return this.#writeString(id);
    if (isUint8Array(id)) return this.#writeBytes(id);
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
    // Every surrogate adds bytes, so as many bytes as characters means plain ASCII.
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
    const length = elementsOf(id);
    if (length === 0 || length > MAX_ID_BYTES) throw badLength(`${length} bytes`);
    this.#room.set(id);
    return length;
  }

  /** Draws the table's key. It waits for the first use, because some runtimes have no randomness before the first request. */
  seed(): void {
    if (this.#seeded) return;
    keyOf(this.#core).set(crypto.getRandomValues(new Uint8Array(16)));
    this.#seeded = true;
  }
}

function badLength(came: string): ArgumentRangeError {
  return new ArgumentRangeError(
    'ERR_PEERGATE_PEER_ID_LENGTH',
    `peerId: expected 1 to ${MAX_ID_BYTES} bytes, got ${came}`,
  );
}

// The requests of a log in columns: 12 bytes a request, and each peer's name once.

import { addressPeer } from '../../adapters/address.js';
import { AddressError } from '../../index.js';
import type { Entry } from './entry.js';

/** A line that says nothing about a request. */
export interface Skipped {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
  /** Its beginning. It comes from the log: escape it. */
  readonly text: string;
}

/** How many skipped lines are kept to be shown. */
const MOST_SHOWN = 5;
const MOST_TEXT = 60;
/** What the limiter takes. */
const MOST_ID_BYTES = 1_024;
/** How many ways to write a client are remembered. */
const MOST_KNOWN = 2 ** 20;

export class RequestLog {
  /** Milliseconds since 1970, and the number of the peer; of both the first `length` count. */
  at = new Float64Array(2 ** 16);
  peer = new Uint32Array(2 ** 16);
  length = 0;
  readonly peers: string[] = [];
  /** Lines that are not empty. */
  lines = 0;
  readonly reasons = new Map<string, number>();
  readonly skipped: Skipped[] = [];
  #sorted = true;
  readonly #numbers = new Map<string, number>();
  /** Peers by what the lines call them. */
  readonly #known = new Map<string, number>();

  add({ client, at }: Entry): void {
    const peer = this.#known.get(client) ?? this.#learn(client);
    if (this.length === this.at.length) this.#grow();
    if (this.length > 0 && at < (this.at[this.length - 1] as number)) this.#sorted = false;
    this.at[this.length] = at;
    this.peer[this.length++] = peer;
  }

  skip(file: string, line: number, reason: string, text: string): void {
    this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
    if (this.skipped.length < MOST_SHOWN)
      this.skipped.push({ file, line, reason, text: own(text.slice(0, MOST_TEXT)) });
  }

  /** Puts the requests in the order of their times; those of one time stay as they were. */
  sort(): void {
    if (this.#sorted) return;
    const { at, peer, length } = this;
    const order = new Uint32Array(length)
      .map((_, i) => i)
      .sort((a, b) => (at[a] as number) - (at[b] as number) || a - b);
    this.at = Float64Array.from(order, (i) => at[i] as number);
    this.peer = Uint32Array.from(order, (i) => peer[i] as number);
    this.#sorted = true;
  }

  #learn(client: string): number {
    const id = peerOf(client);
    let number = this.#numbers.get(id);
    if (number === undefined) {
      number = this.peers.push(id) - 1;
      this.#numbers.set(id, number);
    }
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(own(client), number);
    return number;
  }

  #grow(): void {
    const [at, peer] = [this.at, this.peer];
    this.at = new Float64Array(2 * at.length);
    this.peer = new Uint32Array(2 * peer.length);
    this.at.set(at);
    this.peer.set(peer);
  }
}

/** Whether the limiter takes it as an ID: an address always becomes a short one. */
export function isNameable(client: string): boolean {
  return client.length * 3 <= MOST_ID_BYTES || Buffer.byteLength(client) <= MOST_ID_BYTES;
}

/** Addresses are grouped. Host names, users and keys are peers as they are. */
function peerOf(client: string): string {
  try {
    return addressPeer(client);
  } catch (error) {
    if (error instanceof AddressError) return own(client);
    throw error;
  }
}

/** A copy: a part of a text keeps the whole of it in memory, here a million characters for a name. */
function own(text: string): string {
  return Buffer.from(text).toString();
}

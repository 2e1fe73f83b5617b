// What each established peer did in this hour: how much it got in the windows in which it asked for something, and in how many of
// these it was rejected.

import type { PeerInfo, RateLimiter } from '../index.js';

interface Followed {
  allowed: number;
  rateLimited: number;
  /** The look in which it was last there. */
  look: number;
  /** Requests let through in this hour, and how long the windows were in which it asked for something. */
  got: number;
  activeMs: number;
  /** How long those of these windows were in which it was rejected. */
  rejectedMs: number;
}

/** Peers that asked for something in this hour, and how many of those were rejected in most of the windows in which they did. */
export interface Counted {
  readonly peers: number;
  readonly censored: number;
}

/** Receives how many requests a second a peer got, and whether it asked for more. */
export type Tell = (perSec: number, isCensored: boolean) => void;

/** An ID has no lone surrogate, so no string is taken for bytes. */
const BYTES = '\udc00';

export class Windows {
  readonly #limiter: RateLimiter;
  readonly #peers = new Map<string, Followed>();
  #look = 0;

  constructor(limiter: RateLimiter) {
    this.#limiter = limiter;
  }

  /**
   * Looks at the table. What was done since the last look counts, unless that is 0 ms. Peers that were not there then, or not
   * established, are left out, and so are those of a class, which has a limit of its own.
   */
  look(nowMs: number, countedMs: number): void {
    const look = ++this.#look;
    const hasClasses = Object.keys(this.#limiter.config.classes).length > 0;
    for (const info of this.#limiter.peers(nowMs)) {
      if (info.established !== true || info.truncated === true) continue;
      if (hasClasses && this.#limiter.getClass(info.id) !== undefined) continue;
      this.#follow(info, look, countedMs);
    }
    for (const [key, peer] of this.#peers) if (peer.look !== look) this.#peers.delete(key);
  }

  #follow({ id, allowed, rateLimited }: PeerInfo, look: number, countedMs: number): void {
    const key = typeof id === 'string' ? id : BYTES + String.fromCharCode(...id);
    const peer = this.#peers.get(key);
    // Counts of a row's new life begin at 0 again.
    if (peer === undefined || allowed < peer.allowed || rateLimited < peer.rateLimited) {
      this.#peers.set(key, { allowed, rateLimited, look, got: 0, activeMs: 0, rejectedMs: 0 });
      return;
    }
    const got = allowed - peer.allowed;
    const isRejected = rateLimited > peer.rateLimited;
    peer.allowed = allowed;
    peer.rateLimited = rateLimited;
    peer.look = look;
    if (countedMs === 0 || (got === 0 && !isRejected)) return;
    peer.got += got;
    peer.activeMs += countedMs;
    if (isRejected) peer.rejectedMs += countedMs;
  }

  /** Tells of each peer that asked for something in this hour. */
  tell(tell: Tell): Counted {
    let [peers, censored] = [0, 0];
    for (const { got, activeMs, rejectedMs } of this.#peers.values()) {
      if (activeMs === 0) continue;
      const isCensored = rejectedMs * 2 > activeMs;
      peers++;
      if (isCensored) censored++;
      tell((got * 1_000) / activeMs, isCensored);
    }
    return { peers, censored };
  }

  /** Begins an hour, in which nobody has asked for anything yet. */
  beginHour(): void {
    for (const peer of this.#peers.values()) {
      peer.got = 0;
      peer.activeMs = 0;
      peer.rejectedMs = 0;
    }
  }
}

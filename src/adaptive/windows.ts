// What each established peer did between two looks at the table: how much it got, and whether it was rejected.

import type { PeerInfo, RateLimiter } from '../index.js';

interface Followed {
  allowed: number;
  rateLimited: number;
  /** The look in which it was last there. */
  look: number;
  /** Windows of this hour in which it asked for something, and in which it was rejected. */
  active: number;
  rejected: number;
}

/** Peers that asked for something in this hour, and how many of those were rejected in most of the windows in which they did. */
export interface Counted {
  readonly peers: number;
  readonly censored: number;
}

/** Receives how many requests of a peer were let through in the window, and whether any was rejected. */
export type Tell = (allowed: number, isRejected: boolean) => void;

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
   * Looks at the table, and tells of each peer what it did since the last look; without `tell` this window does not count.
   * Peers that were not there then, or not established, are left out, and so are those of a class, which has a limit of its own.
   */
  look(nowMs: number, tell?: Tell): void {
    const look = ++this.#look;
    const hasClasses = Object.keys(this.#limiter.config.classes).length > 0;
    for (const info of this.#limiter.peers(nowMs)) {
      if (info.established !== true || info.truncated === true) continue;
      if (hasClasses && this.#limiter.getClass(info.id) !== undefined) continue;
      this.#follow(info, look, tell);
    }
    for (const [key, peer] of this.#peers) if (peer.look !== look) this.#peers.delete(key);
  }

  #follow({ id, allowed, rateLimited }: PeerInfo, look: number, tell: Tell | undefined): void {
    const key = typeof id === 'string' ? id : BYTES + String.fromCharCode(...id);
    const peer = this.#peers.get(key);
    // Counts of a row's new life begin at 0 again.
    if (peer === undefined || allowed < peer.allowed || rateLimited < peer.rateLimited) {
      this.#peers.set(key, { allowed, rateLimited, look, active: 0, rejected: 0 });
      return;
    }
    const got = allowed - peer.allowed;
    const isRejected = rateLimited > peer.rateLimited;
    peer.allowed = allowed;
    peer.rateLimited = rateLimited;
    peer.look = look;
    if (tell === undefined || (got === 0 && !isRejected)) return;
    peer.active++;
    if (isRejected) peer.rejected++;
    tell(got, isRejected);
  }

  counted(): Counted {
    let peers = 0;
    let censored = 0;
    for (const { active, rejected } of this.#peers.values()) {
      if (active > 0) peers++;
      if (rejected * 2 > active) censored++;
    }
    return { peers, censored };
  }

  /** Begins an hour, in which nobody has asked for anything yet. */
  beginHour(): void {
    for (const peer of this.#peers.values()) {
      peer.active = 0;
      peer.rejected = 0;
    }
  }
}

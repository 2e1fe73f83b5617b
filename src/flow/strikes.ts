// What a connection does for being rejected: every rejected frame is a strike. After a few of them each further one stops the
// reading, longer each time, until the connection has been quiet for a while.
//
//   strikes   1 … 9   10th     next     next
//   pause     none    5 ms     10 ms    20 ms  …  never above what the rejection said to wait, nor above a second

/** An honest client that overshoots once is not slowed down. */
const FREE_STRIKES = 9;
const FIRST_PAUSE_MS = 5;
/** A socket that is not read notices neither pings nor its own end, so no pause is long. */
const LONGEST_PAUSE_MS = 1000;
/** Without a rejection for this long, while it was read, a connection starts afresh. */
const FORGIVEN_AFTER_MS = 1000;

/** Counts the rejected frames of one connection, until it has been quiet for a second. */
export class Strikes {
  /** Rejected frames since the connection was last quiet. */
  count = 0;
  #pauses = 0;
  #noisyAt = 0;

  /** One more rejected frame. */
  strike(nowMs: number): void {
    this.count++;
    this.#noisyAt = nowMs;
  }

  /** How long not to read after a rejection that said to wait `retryAfterMs`; 0 for not at all. */
  pauseMs(retryAfterMs: number): number {
    if (this.count <= FREE_STRIKES) return 0;
    const grown = FIRST_PAUSE_MS * 2 ** Math.min(this.#pauses++, 16);
    return Math.min(grown, retryAfterMs, LONGEST_PAUSE_MS);
  }

  /** How long ago the latest strike was. */
  quietMs(nowMs: number): number {
    return Math.max(nowMs - this.#noisyAt, 0);
  }

  /** Reading goes on: the silence of the pause was not the connection's own. */
  resumed(nowMs: number): void {
    this.#noisyAt = nowMs;
  }

  /** A frame was let through. */
  admitted(nowMs: number): void {
    if (nowMs - this.#noisyAt < FORGIVEN_AFTER_MS) return;
    this.count = 0;
    this.#pauses = 0;
  }
}

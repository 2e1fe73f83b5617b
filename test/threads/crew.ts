/** Worker threads at one table, and the marks by which they are kept in step. */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { RateLimiter, Ticket } from 'peergate';

export type Job =
  | {
      readonly what: 'meet';
      readonly threads: number;
      readonly now: number;
      readonly rounds: number;
      readonly failing?: boolean;
    }
  | { readonly what: 'flip'; readonly now: number; readonly peers: number; readonly flips: number }
  | {
      readonly what: 'hammer';
      readonly now?: number;
      readonly peers: number;
      readonly seed: number;
      readonly outcomes: boolean;
    };

const HAND = new URL('./hand.mjs', import.meta.url);
const [JOINED, , STOP] = [0, 1, 2];
const shared = (words: number) => new Int32Array(new SharedArrayBuffer(4 * words));

interface Hand {
  readonly worker: Worker;
  readonly ticket: Ticket;
  readonly ended: Promise<unknown>;
}

export class Crew {
  readonly hands: Hand[] = [];
  readonly #limiter: RateLimiter;
  readonly #marks = shared(3);
  readonly #tallies: Int32Array[] = [];
  #joined = 0;

  constructor(limiter: RateLimiter) {
    this.#limiter = limiter;
  }

  /** Starts a thread, which has joined the table when this comes back. */
  async hire(job: Job): Promise<Hand> {
    const ticket = this.#limiter.share();
    const tally = shared(4);
    this.#tallies.push(tally);
    const worker = new Worker(HAND, { workerData: { ticket, marks: this.#marks, tally, job } });
    const failed = once(worker, 'error').then(([error]) => Promise.reject(error));
    const ended = Promise.race([once(worker, 'exit'), failed]);
    failed.catch(() => {});
    ended.catch(() => {});
    const hand = { worker, ticket, ended };
    this.hands.push(hand);
    this.#joined++;
    const joined = (async () => {
      while (Atomics.load(this.#marks, JOINED) < this.#joined) await new Promise((resolve) => setImmediate(resolve));
    })();
    await Promise.race([joined, ended]);
    return hand;
  }

  /** Ends a thread wherever it is, and gives back what it held. */
  async kill(hand: Hand): Promise<void> {
    this.hands.splice(this.hands.indexOf(hand), 1);
    await hand.worker.terminate();
    this.#limiter.detach(hand.ticket);
  }

  /** Waits until every thread has decided something, however late it gets the processor. */
  async busy(): Promise<void> {
    const hasBegun = (tally: Int32Array) => tally.some((count) => count > 0);
    while (!this.#tallies.every(hasBegun)) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  /** Lets those that hammer come to an end, and waits for all. */
  async stop(): Promise<void> {
    Atomics.store(this.#marks, STOP, 1);
    await Promise.all(this.hands.map(({ ended }) => ended));
  }

  /** What all threads that ever were here have counted: allowed, rate-limited, circuit-rejected, table full. */
  get counted(): readonly number[] {
    return [0, 1, 2, 3].map((i) => this.#tallies.reduce((sum, tally) => sum + (tally[i] as number), 0));
  }
}

/** What a limiter has counted, in the same order. */
export function totalsOf(limiter: RateLimiter): readonly number[] {
  const { allowed, rateLimited, circuitRejected, tableFull } = limiter.stats();
  return [allowed, rateLimited, circuitRejected, tableFull];
}

// The engine as a limit across machines sees it: charges go in, debts come back. One call at a time is one exchange.

import { SCRIPT, SCRIPT_SHA } from './script.js';
import { within } from './timers.js';
import type { ClusterTransport } from './transport.js';

/** As many keys a call has at most. More would keep the engine from others for longer, and hardly be cheaper. */
export const KEYS_PER_CALL = 100;
/** Peers are divided among so many hash tags, which a cluster divides among its nodes. */
export const SHARDS = 16;
/** A debt is at most so many bursts. */
const MOST_BURSTS = 16;

/** What an exchange charges a peer. */
export interface Charge {
  readonly name: string;
  /** How long it takes to come back. */
  readonly ms: number;
}

export class Engine {
  readonly #transport: ClusterTransport;
  readonly #namespace: string;
  readonly #timeoutMs: number;
  exchanges = 0;
  keys = 0;
  lastRttMs = 0;

  constructor(transport: ClusterTransport, namespace: string, timeoutMs: number) {
    this.#transport = transport;
    this.#namespace = namespace;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Charges peers of one shard. Their debts afterwards, in ms; or negative, where there is a depth that the debt would go beyond
   * and nothing was charged, how long the peer has to wait. Rejects where the engine gives no such answer in time.
   *
   * @param burstMs How long a burst takes to come back.
   */
  async charge(shard: number, charges: readonly Charge[], burstMs: number, depthMs = 0): Promise<number[]> {
    const tag = `{${this.#namespace}:${shard.toString(16)}}:`;
    const keys = charges.map(({ name }) => tag + name);
    const args = [MOST_BURSTS * burstMs, depthMs, ...charges.map(({ ms }) => ms)].map(microseconds);
    this.exchanges++;
    this.keys += keys.length;
    const start = performance.now();
    const answer = await within(this.#timeoutMs, this.#run(keys, args), 'transport');
    this.lastRttMs = performance.now() - start;
    if (!isAnswer(answer, keys.length)) throw new Error(`transport: expected ${keys.length} numbers as the answer`);
    return answer.map((us) => Number(us) / 1000);
  }

  /** Reads a key that is nobody's: whether the engine answers for this shard. It charges nothing, however late it gets there. */
  async probe(shard: number): Promise<void> {
    await this.charge(shard, [{ name: 'probe', ms: 0 }], 1);
  }

  async #run(keys: readonly string[], args: readonly number[]): Promise<unknown> {
    try {
      return await this.#transport.evalsha(SCRIPT_SHA, keys, args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return this.#transport.eval(SCRIPT, keys, args);
    }
  }
}

/** Rounded up. The small number takes back what dividing by a rate has added: 3 · 333.3̅ is a thousand. */
function microseconds(ms: number): number {
  return Math.ceil(ms * 1000 - 1e-6);
}

/** Some clients give 64-bit integers as text or as BigInts. */
function isAnswer(answer: unknown, count: number): answer is (number | string | bigint)[] {
  return Array.isArray(answer) && answer.length === count && answer.every((us) => Number.isFinite(Number(us)));
}

/** An engine in memory, with a clock of its own, which can lose what it is sent or what it answers. */

import type { ClusterTransport } from '../../src/cluster/index.js';
import { SCRIPT, SCRIPT_SHA } from '../../src/cluster/script.js';

export interface Call {
  readonly keys: readonly string[];
  /** In µs: the cap, the depth, the charges. */
  readonly args: readonly number[];
}

export class FakeEngine implements ClusterTransport {
  readonly tats = new Map<string, number>();
  readonly calls: Call[] = [];
  /** Loses the next calls: before or after they were done. */
  fails: 'never' | 'before' | 'after' = 'never';
  /** Answers only when `answer` is called. */
  isSlow = false;
  knowsScript = true;
  readonly #nowMs: () => number;
  readonly #waiting: (() => void)[] = [];

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  async evalsha(sha: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    if (sha !== SCRIPT_SHA) throw new Error('another script');
    if (!this.knowsScript) throw new Error('NOSCRIPT No matching script. Please use EVAL.');
    return this.#run(keys, args.map(Number));
  }

  async eval(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    if (script !== SCRIPT) throw new Error('another script');
    this.knowsScript = true;
    return this.#run(keys, args.map(Number));
  }

  /** Lets calls that wait for it end. */
  answer(): void {
    for (const go of this.#waiting.splice(0)) go();
  }

  /** What a key's peer owes, in ms. */
  debtMs(key: string): number {
    return Math.max(0, (this.tats.get(key) ?? 0) / 1000 - this.#nowMs());
  }

  async #run(keys: readonly string[], args: readonly number[]): Promise<number[]> {
    this.calls.push({ keys, args });
    if (this.isSlow) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.fails === 'before') throw new Error('lost before');
    const [cap = 0, depth = 0, ...charges] = args;
    const now = Math.round(this.#nowMs() * 1000);
    const debts = keys.map((key, i) => {
      const charge = charges[i] as number;
      const before = Math.max(this.tats.get(key) ?? 0, now);
      if (depth > 0 && before + charge > now + depth) return now + depth - before - charge;
      const tat = Math.min(before + charge, now + cap);
      if (charge > 0) this.tats.set(key, tat);
      return tat - now;
    });
    if (this.fails === 'after') throw new Error('lost after');
    return debts;
  }
}

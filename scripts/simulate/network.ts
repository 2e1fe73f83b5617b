// An engine and the way to it, in virtual time: messages take long, arrive in another order, and some are lost, before or after the engine
// did what they said. It has a clock of its own.

import type { ClusterTransport } from '../../src/cluster/index.js';
import type { Chance } from './chance.js';
import type { VirtualTime } from './virtual-time.js';

export interface NetworkOptions {
  /** Each way takes between these, in ms. */
  readonly delayMs: readonly [least: number, most: number];
  /** The part of messages that is lost, on each way. */
  readonly lost: number;
  /** A fault: what is charged is set, and not added to what is owed. */
  readonly forgets?: boolean;
}

/** How far the engine's clock is ahead of everybody else's. */
const AHEAD_MS = 3_600_000;

export class Network implements ClusterTransport {
  readonly #time: VirtualTime;
  readonly #chance: Chance;
  readonly #options: NetworkOptions;
  /** In µs. */
  readonly #tats = new Map<string, number>();
  commands = 0;
  lost = 0;

  constructor(time: VirtualTime, chance: Chance, options: NetworkOptions) {
    this.#time = time;
    this.#chance = chance;
    this.#options = options;
  }

  evalsha(_sha: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.#run(keys, args.map(Number));
  }

  eval(_script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.#run(keys, args.map(Number));
  }

  #run(keys: readonly string[], args: readonly number[]): Promise<number[]> {
    this.commands++;
    return new Promise((resolve) => {
      this.#send(() => {
        const debts = this.#charge(keys, args);
        this.#send(() => resolve(debts));
      });
    });
  }

  /** One way. What is lost is never heard of: whoever waits has to give up by himself. */
  #send(arrive: () => void): void {
    const [least, most] = this.#options.delayMs;
    if (this.#chance.next() < this.#options.lost) this.lost++;
    else this.#time.after(least + this.#chance.next() * (most - least), arrive);
  }

  #charge(keys: readonly string[], [cap = 0, depth = 0, ...charges]: readonly number[]): number[] {
    const now = Math.floor((this.#time.nowMs + AHEAD_MS) * 1_000);
    return keys.map((key, i) => {
      const charge = charges[i] as number;
      const before = this.#options.forgets ? now : Math.max(this.#tats.get(key) ?? 0, now);
      if (depth > 0 && before + charge > now + depth) return now + depth - before - charge;
      const tat = Math.min(before + charge, now + cap);
      if (charge > 0) this.#tats.set(key, tat);
      return tat - now;
    });
  }
}

// The time in which the engine cannot be reached. It begins with the first exchange that fails, and ends when each shard that failed
// has answered. Meanwhile nothing is charged: a command that waits in a socket would charge when a stopped engine wakes.

import { ClosedError, type RateLimiter } from '../index.js';
import type { Engine } from './engine.js';
import type { ClusterSettings } from './options.js';
import { after } from './timers.js';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;

interface Owed {
  readonly slot: number;
  readonly epoch: number;
  readonly tokens: number;
}

/** A row's life as one number. */
const keyOf = ({ slot, epoch }: Owed) => epoch * 2 ** 24 + slot;

export class Outage {
  readonly #limiter: RateLimiter;
  readonly #settings: ClusterSettings;
  readonly #engine: Engine;
  readonly #recovered: () => void;
  readonly #failed = new Set<number>();
  /** What rows owed when it began. */
  readonly #before = new Map<number, number>();
  #probing: Promise<void> | undefined;
  #cancelProbe: (() => void) | undefined;
  #probes = 0;
  #stopped = false;
  failures = 0;
  /** Of the exchange that failed last. */
  error: unknown;

  constructor(limiter: RateLimiter, settings: ClusterSettings, engine: Engine, recovered: () => void) {
    this.#limiter = limiter;
    this.#settings = settings;
    this.#engine = engine;
    this.#recovered = recovered;
  }

  get state(): 'up' | 'down' {
    return this.#failed.size === 0 ? 'up' : 'down';
  }

  /** An exchange with this shard failed. */
  begin(shard: number, error: unknown): void {
    this.failures++;
    this.error = error;
    const wasUp = this.state === 'up';
    this.#failed.add(shard);
    if (!wasUp) return;
    untilClosed(() => {
      for (const owed of this.#limiter.debts.owed(1)) this.#before.set(keyOf(owed), owed.tokens);
      this.#limiter.debts.share(this.#settings.outage, this.#settings.nodes, this.#settings.credit);
      this.#probes = 0;
      this.#probeLater();
    });
  }

  /** Tokens that were owed before it began were paid for after all. */
  paid(debt: Owed): void {
    const before = this.#before.get(keyOf(debt));
    if (before !== undefined) this.#before.set(keyOf(debt), Math.max(0, before - debt.tokens));
  }

  /** The engine answered for this shard. */
  answered(shard: number): void {
    if (this.#failed.delete(shard) && this.state === 'up') untilClosed(() => this.#end());
  }

  /** Asks each shard that failed once. */
  probe(): Promise<void> {
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = undefined;
    });
    return this.#probing;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelProbe?.();
  }

  async #probe(): Promise<void> {
    await Promise.all(
      [...this.#failed].map(async (shard) => {
        try {
          await this.#engine.probe(shard);
        } catch (error) {
          this.failures++;
          this.error = error;
          return;
        }
        this.answered(shard);
      }),
    );
  }

  /** Longer each time, and nobody knows how long, so that a thousand nodes do not come back in one moment. */
  #probeLater(): void {
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.#probes++, LONGEST_PAUSE_MS);
    this.#cancelProbe = after(pause * (0.5 + Math.random() / 2), async () => {
      await this.probe();
      if (this.state === 'down' && !this.#stopped) this.#probeLater();
    });
  }

  /** From now on debts are paid again: those of before whole, and of what was given meanwhile what the bucket still owes. */
  #end(): void {
    this.#cancelProbe?.();
    const { debts, config } = this.#limiter;
    const now = config.clock();
    const shares = this.#settings.outage === 'share' ? this.#settings.nodes : 1;
    for (const owed of debts.owed(1)) {
      const meanwhile = owed.tokens - (this.#before.get(keyOf(owed)) ?? 0);
      const own = Math.ceil(debts.debtMs(owed, now) / (owed.tokenMs * shares));
      if (meanwhile > own) debts.learn(owed, 0, meanwhile - own, now);
    }
    this.#before.clear();
    debts.share('credit', this.#settings.nodes, this.#settings.credit);
    this.#recovered();
  }
}

function untilClosed(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof ClosedError)) throw error;
  }
}

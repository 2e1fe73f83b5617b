// Paying debts: which, when, and what is in flight. A shard has one round of payments in flight at a time, so no token is paid for twice
// unless its exchange failed.

import { ClosedError, type RateLimiter } from '../index.js';
import { type Engine, KEYS_PER_CALL, SHARDS } from './engine.js';
import type { ClusterSettings } from './options.js';
import type { Outage } from './outage.js';
import { after } from './timers.js';

type Debt = ReturnType<RateLimiter['debts']['owed']>[number];

/** Debts that grow large within this time are paid together. */
const SOON_MS = 1;
/** Looking for debts takes at most one part in so many of the time. */
const LEAST_PAUSE = 10;

export class Payments {
  readonly #limiter: RateLimiter;
  readonly #settings: ClusterSettings;
  readonly #engine: Engine;
  readonly #outage: Outage;
  readonly #inFlight: (Promise<void> | undefined)[] = new Array(SHARDS).fill(undefined);
  /** Somebody owes half of the credit on a shard whose round is not over. */
  #again = false;
  #cancelSoon: (() => void) | undefined;
  #lookMs = 0;
  #stopped = false;

  constructor(limiter: RateLimiter, settings: ClusterSettings, engine: Engine, outage: Outage) {
    this.#limiter = limiter;
    this.#settings = settings;
    this.#engine = engine;
    this.#outage = outage;
  }

  /** Pays large debts, in a moment. */
  paySoon(): void {
    this.#limiter.debts.calm();
    if (this.#cancelSoon !== undefined || this.#stopped || this.#outage.state === 'down') return;
    this.#cancelSoon = after(Math.max(SOON_MS, this.#lookMs * LEAST_PAUSE), () => {
      this.#cancelSoon = undefined;
      this.pay(this.#half);
    });
  }

  /** Starts to pay debts of at least so many tokens. A closed limiter ends it. */
  pay(least: number): void {
    if (this.#stopped || this.#outage.state === 'down') return;
    try {
      this.#pay(least);
    } catch (error) {
      if (!(error instanceof ClosedError)) throw error;
      this.stop();
    }
  }

  /** Pays all debts, once what is in flight came to its end. */
  async payAll(): Promise<void> {
    await Promise.all(this.#inFlight);
    this.pay(1);
    await Promise.all(this.#inFlight);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelSoon?.();
    this.#cancelSoon = undefined;
  }

  get #half(): number {
    return Math.ceil(this.#limiter.debts.credit / 2);
  }

  #pay(least: number): void {
    const start = performance.now();
    const debts = this.#limiter.debts.owed(least);
    this.#lookMs = performance.now() - start;
    const shards: Debt[][] = Array.from({ length: SHARDS }, () => []);
    for (const debt of debts) shards[debt.shard]?.push(debt);
    for (const [shard, own] of shards.entries()) {
      if (own.length === 0) continue;
      if (this.#inFlight[shard] === undefined) this.#start(shard, own);
      else this.#again ||= own.some(({ tokens }) => tokens >= this.#half);
    }
  }

  #start(shard: number, debts: readonly Debt[]): void {
    const calls: Promise<void>[] = [];
    for (let at = 0; at < debts.length; at += KEYS_PER_CALL) {
      calls.push(this.#exchange(shard, debts.slice(at, at + KEYS_PER_CALL)));
    }
    this.#inFlight[shard] = Promise.all(calls).then(() => {
      this.#inFlight[shard] = undefined;
      if (!this.#again) return;
      this.#again = false;
      this.paySoon();
    });
  }

  async #exchange(shard: number, debts: readonly Debt[]): Promise<void> {
    const { burstSize, maxRequestsPerSec, clock } = this.#limiter.config;
    const charges = debts.map(({ name, tokens, tokenMs }) => ({ name, ms: tokens * tokenMs }));
    let answers: number[];
    try {
      answers = await this.#engine.charge(shard, charges, (burstSize * 1000) / maxRequestsPerSec);
    } catch (error) {
      if (!this.#stopped) this.#outage.begin(shard, error);
      return;
    }
    const { debts: table } = this.#limiter;
    const now = clock();
    table.hintMs = Math.min(Math.max(Math.ceil(this.#engine.lastRttMs), 1), this.#settings.timeoutMs);
    for (const [i, debt] of debts.entries()) {
      const left = table.learn(debt, answers[i] as number, debt.tokens, now);
      this.#outage.paid(debt);
      this.#again ||= left >= this.#half;
    }
    this.#outage.answered(shard);
  }
}

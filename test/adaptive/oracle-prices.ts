/**
 * One bucket whose tokens cost more or less than the configured ones, in exact arithmetic: load, class and reputation are one
 * exponent e, and a token takes T · 2^(e/16) to come back.
 */

import { ceilDiv, max, ticks, ticksPerToken, toRetryMs } from '../oracle-time.js';

const FRACTION = 1n << 31n;
const POWERS = Array.from({ length: 16 }, (_, i) => BigInt(Math.round(2 ** (i / 16) * 2 ** 31)));

export const CLASSES = { fast: { factor: 4, exemptFromLoad: true }, odd: { factor: 3 }, slow: { factor: 0.3 } };

export type ClassName = keyof typeof CLASSES | undefined;

/** x · 2^(e/16): rounded up where a token gets dearer, down where it gets cheaper. */
function scaled(x: bigint, e: number): bigint {
  if (e === 0) return x;
  const product = x * (POWERS[((e % 16) + 16) % 16] as bigint);
  const octaves = Math.floor(e / 16);
  if (octaves >= 0) return ceilDiv(product, FRACTION) << BigInt(octaves);
  return max((product / FRACTION) >> BigInt(-octaves), 1n);
}

export class Account {
  /** T, the ticks of a token where e is 0. */
  readonly #price: bigint;
  readonly #burst: number;
  /** The exponent of the load factor. */
  readonly #load: () => number;
  #tat = 0n;
  class: ClassName;
  score = 0;

  constructor(limits: { readonly maxRequestsPerSec: number; readonly burstSize: number }, load = () => 0) {
    this.#price = ticksPerToken(limits.maxRequestsPerSec);
    this.#burst = limits.burstSize;
    this.#load = load;
  }

  get #exponent(): number {
    const limit = this.class && CLASSES[this.class];
    const load = limit && 'exemptFromLoad' in limit ? 0 : this.#load();
    const own = limit === undefined ? 0 : Math.round(-16 * Math.log2(limit.factor));
    const standing =
      this.score < 0 ? Math.floor((-this.score * 16) / 25 + 0.5) : -Math.min(load, Math.floor(this.score * 0.16 + 0.5));
    return own + load + standing;
  }

  get #most(): number {
    return Math.floor(this.#burst * Math.max(1, this.class ? CLASSES[this.class].factor : 1));
  }

  #charge(cost: number): bigint {
    return BigInt(cost) * scaled(this.#price, this.#exponent);
  }

  /** Milliseconds until there are so many tokens: 0 where there are, Infinity where there never will be. */
  wait(cost: number, now: number): number {
    if (cost > this.#most) return Number.POSITIVE_INFINITY;
    const charge = this.#charge(cost);
    const at = ticks(now);
    const missing = max(this.#tat, at) + charge - at - max(BigInt(this.#burst) * this.#price, charge);
    return missing <= 0n ? 0 : toRetryMs(missing);
  }

  take(cost: number, now: number): void {
    this.#tat = max(this.#tat, ticks(now)) + this.#charge(cost);
  }

  refund(cost: number): void {
    this.#tat = max(0n, this.#tat - this.#charge(Math.min(cost, this.#most)));
  }

  tokens(now: number): number {
    const depth = BigInt(this.#burst) * this.#price;
    const owed = max(this.#tat - ticks(now), 0n);
    const price = this.#charge(1);
    return Number(owed === 0n ? max(depth / price, 1n) : max(depth - owed, 0n) / price);
  }
}

/** Random histories of load, classes, reputations and requests, against exact arithmetic. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, type RateLimiterConfig, reasonOf, retryAfterMs } from '../../src/index.js';
import { engines } from '../engines.js';
import { ceilDiv, max, ticks, ticksPerToken, toRetryMs } from '../oracle-time.js';

const SEED = Number(process.env.PEERGATE_SEED ?? 0x5eed_0012);
const RUNS = Number(process.env.PEERGATE_RUNS ?? 400);

const FRACTION = 1n << 31n;
const POWERS = Array.from({ length: 16 }, (_, i) => BigInt(Math.round(2 ** (i / 16) * 2 ** 31)));
const CLASSES = { fast: { factor: 4, exemptFromLoad: true }, odd: { factor: 3 }, slow: { factor: 0.3 } };

/** x · 2^(e/16): rounded up where a token gets dearer, down where it gets cheaper. */
function scaled(x: bigint, e: number): bigint {
  if (e === 0) return x;
  const product = x * (POWERS[((e % 16) + 16) % 16] as bigint);
  const octaves = Math.floor(e / 16);
  if (octaves >= 0) return ceilDiv(product, FRACTION) << BigInt(octaves);
  return max((product / FRACTION) >> BigInt(-octaves), 1n);
}

const configs = fc.record({
  maxRequestsPerSec: fc.constantFrom(0.2, 1, 7, 100, 12_345.6, 1e6),
  burstSize: fc.constantFrom(1, 2, 9, 200),
});
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ op: fc.constant('check' as const), cost: fc.constantFrom(1, 1, 1, 2, 9, 200, 800) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('pass' as const), ms: fc.constantFrom(0.5, 1, 10, 333, 5_000, 30_000) }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('retry' as const) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('load' as const), exponent: fc.integer({ min: 0, max: 128 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('class' as const),
      name: fc.constantFrom(undefined, 'fast' as const, 'odd' as const, 'slow' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('adjust' as const), delta: fc.integer({ min: -80, max: 80 }) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('refund' as const), cost: fc.constantFrom(1, 3) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class World {
  readonly limiter: RateLimiter;
  readonly #price: bigint;
  readonly #burst: number;
  now = 1_000;
  #tat = 0n;
  #load = 0;
  #class: keyof typeof CLASSES | undefined;
  #score = 0;
  #wait = 0;

  constructor(config: { maxRequestsPerSec: number; burstSize: number }, using: RateLimiterConfig) {
    // A half-life so long that no score decays here: how it does is told elsewhere.
    const others = { maxPeers: 2, clock: () => this.now, classes: CLASSES, reputation: { halfLifeMs: 2 ** 31 - 1 } };
    this.limiter = new RateLimiter({ ...config, ...others, ...using });
    this.#price = ticksPerToken(config.maxRequestsPerSec);
    this.#burst = config.burstSize;
  }

  get #exponent(): number {
    const limit = this.#class && CLASSES[this.#class];
    const load = limit && 'exemptFromLoad' in limit ? 0 : this.#load;
    const own = limit === undefined ? 0 : Math.round(-16 * Math.log2(limit.factor));
    const standing =
      this.#score < 0
        ? Math.floor((-this.#score * 16) / 25 + 0.5)
        : -Math.min(load, Math.floor(this.#score * 0.16 + 0.5));
    return own + load + standing;
  }

  get #most(): number {
    return Math.floor(this.#burst * Math.max(1, this.#class ? CLASSES[this.#class].factor : 1));
  }

  #charge(cost: number): bigint {
    return BigInt(cost) * scaled(this.#price, this.#exponent);
  }

  /** Ticks that are missing for so many tokens. */
  #missing(cost: number): bigint {
    const now = ticks(this.now);
    const charge = this.#charge(cost);
    return max(this.#tat, now) + charge - now - max(BigInt(this.#burst) * this.#price, charge);
  }

  take(given: Step): void {
    const { limiter } = this;
    switch (given.op) {
      case 'pass':
        this.now += given.ms;
        break;
      case 'retry':
        // Within one quantum of the half-life no score decays.
        if (this.now + this.#wait < 1e8) this.now += this.#wait;
        this.#wait = 0;
        break;
      case 'load':
        limiter.setLoadFactor(2 ** (-given.exponent / 16), this.now);
        this.#load = given.exponent;
        break;
      case 'class':
        limiter.setClass('peer', given.name, this.now);
        this.#class = given.name;
        break;
      case 'adjust':
        this.#score = Math.max(-100, Math.min(100, this.#score + given.delta));
        assert.is(limiter.adjustReputation('peer', given.delta, this.now), this.#score);
        break;
      case 'refund':
        limiter.refund('peer', given.cost);
        if (limiter.peerCount > 0) this.#tat = max(0n, this.#tat - this.#charge(Math.min(given.cost, this.#most)));
        break;
      case 'check':
        this.#check(given.cost);
        break;
    }
    this.#compareTokens();
  }

  #check(cost: number): void {
    const decision = this.limiter.check('peer', cost, this.now);
    const never = cost > this.#most;
    const missing = never ? 1n : this.#missing(cost);
    assert.is(isAllowed(decision), missing <= 0n);
    if (missing <= 0n) this.#tat = max(this.#tat, ticks(this.now)) + this.#charge(cost);
    else {
      assert.is(reasonOf(decision), 'rate_limited');
      this.#wait = never ? 0 : toRetryMs(missing);
      assert.is(retryAfterMs(decision), never ? Number.POSITIVE_INFINITY : this.#wait);
    }
  }

  #compareTokens(): void {
    const depth = BigInt(this.#burst) * this.#price;
    const owed = max(this.#tat - ticks(this.now), 0n);
    const price = scaled(this.#price, this.#exponent);
    const tokens = owed === 0n ? max(depth / price, 1n) : max(depth - owed, 0n) / price;
    assert.is(this.limiter.getAvailableTokens('peer', this.now), Number(tokens));
  }
}

console.log(`model of prices: seed ${SEED}, ${RUNS} histories for each build`);

for (const { name, using } of engines) {
  const test = suite(`model of prices (${name})`);

  test('every history comes out as exact arithmetic says', () => {
    const property = fc.property(configs, fc.array(step, { maxLength: 120, size: 'max' }), (config, steps) => {
      const world = new World(config, using);
      for (const one of steps) world.take(one);
    });
    fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: false });
  });

  test.run();
}

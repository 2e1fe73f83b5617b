/** Random histories of load, classes, reputations and requests, against exact arithmetic. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RateLimiter, type RateLimiterConfig, reasonOf, retryAfterMs } from '../../src/index.js';
import { engines } from '../engines.js';
import { Account, CLASSES } from './oracle-prices.js';

const SEED = Number(process.env.PEERGATE_SEED ?? 0x5eed_0012);
const RUNS = Number(process.env.PEERGATE_RUNS ?? 400);

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
  readonly #account: Account;
  now = 1_000;
  #load = 0;
  #wait = 0;

  constructor(config: { maxRequestsPerSec: number; burstSize: number }, using: RateLimiterConfig) {
    // A half-life so long that no score decays here: how it does is told elsewhere.
    const others = { maxPeers: 2, clock: () => this.now, classes: CLASSES, reputation: { halfLifeMs: 2 ** 31 - 1 } };
    this.limiter = new RateLimiter({ ...config, ...others, ...using });
    this.#account = new Account(config, () => this.#load);
  }

  take(given: Step): void {
    const { limiter } = this;
    const account = this.#account;
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
        account.class = given.name;
        break;
      case 'adjust':
        account.score = Math.max(-100, Math.min(100, account.score + given.delta));
        assert.is(limiter.adjustReputation('peer', given.delta, this.now), account.score);
        break;
      case 'refund':
        limiter.refund('peer', given.cost);
        if (limiter.peerCount > 0) account.refund(given.cost);
        break;
      case 'check':
        this.#check(given.cost);
        break;
    }
    assert.is(limiter.getAvailableTokens('peer', this.now), account.tokens(this.now));
  }

  #check(cost: number): void {
    const decision = this.limiter.check('peer', cost, this.now);
    const wait = this.#account.wait(cost, this.now);
    assert.is(reasonOf(decision), wait === 0 ? 'allowed' : 'rate_limited');
    assert.is(retryAfterMs(decision), wait);
    if (wait === 0) this.#account.take(cost, this.now);
    else this.#wait = Number.isFinite(wait) ? wait : 0;
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

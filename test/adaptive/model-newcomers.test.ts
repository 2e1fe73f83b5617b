/** Random histories of newcomers, who share a bucket on top of their own, beside peers who do not. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Peer, RateLimiter, type RateLimiterConfig, reasonOf, retryAfterMs } from '../../src/index.js';
import { engines } from '../engines.js';
import { Account } from './oracle-prices.js';
import { names } from './support.js';

const SEED = Number(process.env.PEERGATE_SEED ?? 0x5eed_0015);
const RUNS = Number(process.env.PEERGATE_RUNS ?? 300);

const PEERS = names(6);
const MINIMUM_CALLS = 3;

const limits = (rates: readonly number[], bursts: readonly number[]) =>
  fc.record({ maxRequestsPerSec: fc.constantFrom(...rates), burstSize: fc.constantFrom(...bursts) });
const configs = fc.record({ own: limits([1, 7, 100], [1, 4, 20]), shared: limits([0.5, 10, 333.3], [1, 5, 30]) });
const peer = fc.nat({ max: PEERS.length - 1 });
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ op: fc.constant('check' as const), peer, cost: fc.constantFrom(1, 1, 1, 2, 6, 25) }),
  },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('succeed' as const), peer }) },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('pass' as const), ms: fc.constantFrom(0.5, 1, 30, 700, 9_000) }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('retry' as const), early: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('hold' as const), peer }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('release' as const), peer }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('remove' as const), peer }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('load' as const), exponent: fc.integer({ min: 0, max: 40 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Config = typeof configs extends fc.Arbitrary<infer T> ? T : never;

interface Row {
  readonly account: Account;
  successes: number;
  held: Peer | undefined;
}

class World {
  readonly limiter: RateLimiter;
  readonly #own: Config['own'];
  /** Of those that have one: a newcomer gets a row with the first request that is let through. */
  readonly #rows = new Map<string, Row>();
  readonly #shared: Account;
  now = 1_000;
  #load = 0;
  #last: { readonly id: string; readonly cost: number; readonly waitMs: number } | undefined;

  constructor({ own, shared }: Config, using: RateLimiterConfig) {
    this.#own = own;
    // The load concerns what a peer may do, not what all newcomers may do together.
    this.#shared = new Account(shared);
    const others = { maxPeers: 256, clock: () => this.now, minimumCalls: MINIMUM_CALLS, newcomers: shared };
    this.limiter = new RateLimiter({ ...own, ...others, ...using });
  }

  #born(): Row {
    return { account: new Account(this.#own, () => this.#load), successes: 0, held: undefined };
  }

  take(given: Step): void {
    const { limiter, now } = this;
    const id = 'peer' in given ? (PEERS[given.peer] as string) : '';
    const row = this.#rows.get(id);
    switch (given.op) {
      case 'check':
        this.#check(id, given.cost);
        break;
      case 'succeed':
        assert.is(limiter.recordSuccess(id, undefined, now), row !== undefined);
        if (row !== undefined) row.successes++;
        break;
      case 'pass':
        this.now += given.ms;
        break;
      case 'retry': {
        const { id: lastId, cost, waitMs } = this.#last ?? { id: '', cost: 0, waitMs: Number.POSITIVE_INFINITY };
        if (!Number.isFinite(waitMs)) break;
        this.now += given.early ? waitMs - 1 : waitMs;
        this.#check(lastId, cost);
        break;
      }
      case 'hold':
        if (row?.held === undefined) this.#rows.set(id, { ...(row ?? this.#born()), held: limiter.peer(id, now) });
        break;
      case 'release':
        if (row?.held === undefined) break;
        row.held.release();
        row.held = undefined;
        break;
      case 'remove':
        assert.is(limiter.removePeer(id), row !== undefined);
        this.#rows.delete(id);
        break;
      case 'load':
        limiter.setLoadFactor(2 ** (-given.exponent / 16), now);
        this.#load = given.exponent;
        break;
    }
    assert.is(limiter.peerCount, this.#rows.size);
    for (const [known, { account }] of this.#rows) {
      assert.is(limiter.getAvailableTokens(known, this.now), account.tokens(this.now), known);
    }
  }

  #check(id: string, cost: number): void {
    const { now } = this;
    const row = this.#rows.get(id) ?? this.#born();
    const isNew = row.held === undefined && row.successes < MINIMUM_CALLS;
    const waitMs = Math.max(row.account.wait(cost, now), isNew ? this.#shared.wait(cost, now) : 0);
    const decision = this.limiter.check(id, cost, now);
    assert.is(reasonOf(decision), waitMs === 0 ? 'allowed' : 'rate_limited', id);
    assert.is(retryAfterMs(decision), waitMs, id);
    if (waitMs > 0) {
      this.#last = { id, cost, waitMs };
      return;
    }
    row.account.take(cost, now);
    if (isNew) this.#shared.take(cost, now);
    this.#rows.set(id, row);
  }
}

console.log(`model of newcomers: seed ${SEED}, ${RUNS} histories for each build`);

for (const { name, using } of engines) {
  const test = suite(`model of newcomers (${name})`);

  test('both buckets are charged or none, waits are exact, and others do not depend on the shared one', () => {
    const property = fc.property(configs, fc.array(step, { maxLength: 120, size: 'max' }), (config, steps) => {
      const world = new World(config, using);
      for (const one of steps) world.take(one);
    });
    fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: false });
  });

  test.run();
}

/** Random histories of several limits at once, against one exact bucket for each of them. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Decision,
  type Peer,
  RateLimiter,
  type RateLimiterConfig,
  reasonOf,
  retryAfterMs,
} from '../../src/index.js';
import { engines } from '../engines.js';
import { Account, CLASSES, type ClassName } from './oracle-prices.js';
import { names } from './support.js';

const SEED = Number(process.env.PEERGATE_SEED ?? 0x5eed_0014);
const RUNS = Number(process.env.PEERGATE_RUNS ?? 300);

const PEERS = names(9);
const OPEN_MS = 400;
/** Scores that move by hand alone: how they move by themselves is the matter of another model. */
const UNMOVED = { halfLifeMs: 2 ** 31 - 1, perTrip: 0, perCleanWindow: 0 };

const configs = fc.record({
  maxRequestsPerSec: fc.constantFrom(1, 7, 100, 12_345.6),
  burstSize: fc.constantFrom(1, 3, 10),
});
const peer = fc.nat({ max: PEERS.length - 1 });
const cost = fc.constantFrom(1, 1, 1, 2, 3, 9, 11);
const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      op: fc.constant('together' as const),
      peers: fc.uniqueArray(peer, { minLength: 1, maxLength: 8 }),
      cost,
    }),
  },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('alone' as const), peer, cost, isByName: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('pass' as const), ms: fc.constantFrom(0.5, 1, 10, 150, 3_000) }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('retry' as const), early: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('trip' as const), peer }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('load' as const), exponent: fc.integer({ min: 0, max: 128 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('class' as const),
      peer,
      name: fc.constantFrom<ClassName>(undefined, 'fast', 'odd', 'slow'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('score' as const), peer, points: fc.constantFrom(-100, -30, 0, 50, 100) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Limited extends Account {
  /** Until when its circuit is open; undefined where it is closed. */
  openUntil: number | undefined;

  circuitWait(now: number): number {
    return this.openUntil === undefined ? 0 : Math.max(0, Math.ceil(this.openUntil - now));
  }
}

class World {
  readonly limiter: RateLimiter;
  readonly #handles: readonly Peer[];
  readonly #accounts: readonly Limited[];
  now = 1_000;
  #load = 0;
  #last: { readonly peers: readonly number[]; readonly cost: number; readonly waitMs: number } | undefined;

  constructor(config: { maxRequestsPerSec: number; burstSize: number }, using: RateLimiterConfig) {
    this.limiter = new RateLimiter({
      ...{ maxPeers: 16, clock: () => this.now, classes: CLASSES, reputation: UNMOVED },
      ...{ circuitBreakerThreshold: 1, circuitBreakerTimeoutMs: OPEN_MS, maxOpenFraction: 1 },
      ...config,
      ...using,
    });
    this.#handles = PEERS.map((id) => this.limiter.peer(id, this.now));
    this.#accounts = PEERS.map(() => new Limited(config, () => this.#load));
  }

  #handle(place: number): Peer {
    return this.#handles[place] as Peer;
  }

  #account(place: number): Limited {
    return this.#accounts[place] as Limited;
  }

  take(given: Step): void {
    switch (given.op) {
      case 'together':
        this.#together(given.peers, given.cost);
        break;
      case 'alone':
        this.#alone(given.peer, given.cost, given.isByName);
        break;
      case 'pass':
        this.now += given.ms;
        break;
      case 'retry': {
        // A millisecond too early, and just in time: the wait is exact as long as no price changes.
        const { peers, cost, waitMs } = this.#last ?? { peers: [], cost: 0, waitMs: Number.POSITIVE_INFINITY };
        if (!Number.isFinite(waitMs) || waitMs > 1e7) break;
        this.now += given.early ? waitMs - 1 : waitMs;
        this.#together(peers, cost);
        break;
      }
      case 'trip':
        this.#trip(given.peer);
        break;
      case 'load':
        this.limiter.setLoadFactor(2 ** (-given.exponent / 16), this.now);
        this.#load = given.exponent;
        break;
      case 'class':
        assert.ok(this.#handle(given.peer).setClass(given.name, this.now));
        this.#account(given.peer).class = given.name;
        break;
      case 'score': {
        const account = this.#account(given.peer);
        const delta = given.points - account.score;
        account.score = given.points;
        assert.is(this.#handle(given.peer).adjustReputation(delta, this.now), given.points);
        break;
      }
    }
    for (const [i, handle] of this.#handles.entries()) {
      assert.is(handle.availableTokens, this.#account(i).tokens(this.now), PEERS[i] as string);
    }
  }

  #together(peers: readonly number[], cost: number): void {
    const { limiter, now } = this;
    const before = limiter.stats();
    const decision = limiter.checkAll(
      peers.map((place) => this.#handle(place)),
      cost,
      now,
    );
    const circuitMs = this.#account(peers[0] as number).circuitWait(now);
    const waits = peers.map((place, i) => (i === 0 && circuitMs) || this.#account(place).wait(cost, now));
    const refuser = waits.findIndex((waitMs) => waitMs > 0);
    const reason = refuser < 0 ? 'allowed' : refuser === 0 && circuitMs ? 'circuit_open' : 'rate_limited';
    assert.is(reasonOf(decision), reason);
    assert.is(limiter.rejectedBy, refuser);
    const waitMs = Math.max(...waits);
    assert.is(retryAfterMs(decision), waitMs);
    const stats = limiter.stats();
    const counted = { allowed: 'allowed', circuit_open: 'circuitRejected', rate_limited: 'rateLimited' } as const;
    assert.is(stats[counted[reason]], before[counted[reason]] + 1);
    if (refuser >= 0) {
      this.#last = { peers, cost, waitMs };
      return;
    }
    for (const place of peers) this.#account(place).take(cost, now);
    this.#succeed(peers[0] as number, decision);
  }

  /** The permit is that of the first one. Where it was a probe, the circuit is closed now. */
  #succeed(place: number, permit: Decision): void {
    assert.ok(this.#handle(place).recordSuccess(permit, this.now));
    this.#account(place).openUntil = undefined;
  }

  #alone(place: number, cost: number, isByName: boolean): void {
    const { limiter, now } = this;
    const account = this.#account(place);
    const decision = isByName ? limiter.check(PEERS[place] as string, cost, now) : this.#handle(place).check(cost, now);
    const circuitMs = account.circuitWait(now);
    const waitMs = circuitMs || account.wait(cost, now);
    assert.is(retryAfterMs(decision), waitMs);
    assert.is(reasonOf(decision), circuitMs ? 'circuit_open' : waitMs ? 'rate_limited' : 'allowed');
    if (waitMs > 0) return;
    account.take(cost, now);
    this.#succeed(place, decision);
  }

  /** Results of the others count for their own circuits, which `checkAll` does not ask. */
  #trip(place: number): void {
    const account = this.#account(place);
    const isClosed = account.openUntil === undefined;
    if (!isClosed) return;
    assert.ok(this.#handle(place).recordFailure(undefined, this.now));
    account.openUntil = this.now + OPEN_MS;
  }
}

console.log(`model of several limits at once: seed ${SEED}, ${RUNS} histories for each build`);

for (const { name, using } of engines) {
  const test = suite(`model of several limits at once (${name})`);

  test('all or none is charged, the lowest refuser is named, and the longest wait is exact', () => {
    const property = fc.property(configs, fc.array(step, { maxLength: 100, size: 'max' }), (config, steps) => {
      const world = new World(config, using);
      for (const one of steps) world.take(one);
    });
    fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: false });
  });

  test.run();
}

/**
 * Random histories of reputations, against plain numbers. A score is kept as it was written, with its time, and halved by the
 * half-lives since then. Where the limiter rounds, the model keeps a bound of what that can have made.
 *
 * When a clean window is rewarded is not written down to the millisecond. The model is told that it was, and checks that it
 * could be.
 */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, type RateLimiterConfig } from '../../src/index.js';
import { engines } from '../engines.js';
import { establish, names } from './support.js';

const SEED = Number(process.env.PEERGATE_SEED ?? 0x5eed_0013);
const RUNS = Number(process.env.PEERGATE_RUNS ?? 150);

const PEERS = names(3);
const FLEET = names(12, 'other');
/** Scores are kept in so many points. */
const GRAIN = 1 / 256;
const MINIMUM_CALLS = 2;
const SLICE_MS = 5_000;
const MINUTE_MS = 60_000;
/** The most that is taken automatically in a sixteenth of a half-life. */
const MOST_PENALTY = 20;

const configs = fc.record({
  halfLifeMs: fc.constantFrom(1_000, 12_345, 600_000, 10_000_000),
  perTrip: fc.constantFrom(-10, -3, -20, -30, 5),
  perCleanWindow: fc.constantFrom(1, 7, -2),
  failureRateThreshold: fc.constantFrom(false as const, 1),
});
const peer = fc.nat({ max: PEERS.length - 1 });
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('adjust' as const),
      peer,
      delta: fc.constantFrom(-200, -40, -7.5, -1, 0, 0.25, 3, 60, 200),
    }),
  },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('trip' as const), peer }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('succeed' as const), peer }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('behave' as const), peer, minutes: fc.nat({ max: 4 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant('pass' as const), ms: fc.constantFrom(0.5, 999, 7_000, 61_000) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('decay' as const), sixteenths: fc.constantFrom(1, 2, 16, 80, 400) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('edge' as const), ms: fc.constantFrom(-0.5, 0) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('outage' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('halfLife' as const), ms: fc.constantFrom(1_000, 600_000) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('leave' as const), peer }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Config = typeof configs extends fc.Arbitrary<infer T> ? T : never;

const within = (score: number) => Math.max(-100, Math.min(100, score));

/** A score as it was written last, and how far rounding can have moved it. */
class Score {
  readonly points: number;
  readonly sixteenth: number;
  readonly error: number;
  /** What was taken automatically in this sixteenth of a half-life. */
  readonly taken: number;

  constructor(points = 0, sixteenth = 0, error = 0, taken = 0) {
    this.points = points;
    this.sixteenth = sixteenth;
    this.error = error;
    this.taken = taken;
  }

  at(now: number, halfLifeMs: number): Score {
    const sixteenth = Math.floor((now * 16) / halfLifeMs);
    if (sixteenth === this.sixteenth) return this;
    const left = 2 ** ((this.sixteenth - sixteenth) / 16);
    return new Score(this.points * left, sixteenth, this.error * left + GRAIN, 0);
  }

  plus(points: number, taken = 0): Score {
    return new Score(within(this.points + points), this.sixteenth, this.error, this.taken + taken);
  }

  penalised(perTrip: number): Score {
    if (perTrip > 0) return this.plus(perTrip);
    const taken = Math.min(-perTrip, MOST_PENALTY - this.taken);
    return this.plus(-taken, taken);
  }

  isNear(came: number): boolean {
    return Math.abs(came - this.points) <= this.error;
  }
}

/** Slices and minutes in which things happened to a peer. */
class History {
  score = new Score();
  lastSlice = -9;
  succeeded = 0;
  readonly successes = new Set<number>();
  readonly trips = new Set<number>();
  readonly rewarded = new Set<number>();
  readonly unseen = new Set<number>();
}

class World {
  readonly limiter: RateLimiter;
  readonly #histories = new Map<string, History>();
  readonly #given: Config;
  #halfLifeMs: number;
  now = 0;

  constructor(given: Config, using: RateLimiterConfig) {
    this.#given = given;
    this.#halfLifeMs = given.halfLifeMs;
    this.limiter = new RateLimiter({
      ...{ maxPeers: 64, maxRequestsPerSec: 1e6, burstSize: 1e9, clock: () => this.now, ...using },
      ...{ circuitBreakerThreshold: 1, circuitBreakerTimeoutMs: 1, probeTimeoutMs: 2 ** 31 - 1 },
      ...{ minimumCalls: MINIMUM_CALLS, windowMs: 2 * SLICE_MS, failureRateThreshold: given.failureRateThreshold },
      reputation: { ...this.#automatic, halfLifeMs: given.halfLifeMs },
    });
  }

  #history(id: string): History {
    const history = this.#histories.get(id) ?? new History();
    this.#histories.set(id, history);
    return history;
  }

  /** The score at this time. */
  #now(history: History): Score {
    return history.score.at(this.now, this.#halfLifeMs);
  }

  get #automatic() {
    const { perTrip, perCleanWindow } = this.#given;
    return { perTrip, perCleanWindow };
  }

  get #slice(): number {
    return Math.floor(this.now / SLICE_MS);
  }

  take(given: Step): void {
    const id = 'peer' in given ? (PEERS[given.peer] as string) : '';
    switch (given.op) {
      case 'pass':
        this.now += given.ms;
        break;
      case 'decay':
        this.now += (given.sixteenths * this.#halfLifeMs) / 16;
        break;
      case 'edge': {
        // To where one more sixteenth of a half-life is over, and to just before.
        const sixteenth = this.#halfLifeMs / 16;
        const next = (Math.floor(this.now / sixteenth) + 1) * sixteenth + given.ms;
        if (next > this.now) this.now = next;
        break;
      }
      case 'adjust': {
        const history = this.#history(id);
        history.score = this.#now(history).plus(given.delta);
        const came = this.limiter.adjustReputation(id, given.delta, this.now);
        assert.is(came, this.limiter.getReputation(id, this.now));
        break;
      }
      case 'trip':
        this.#result(id, false);
        break;
      case 'succeed':
        this.#result(id, true);
        break;
      case 'behave':
        this.#behave(id, given.minutes);
        break;
      case 'outage':
        establish(this.limiter, FLEET, this.now);
        for (const other of FLEET) this.limiter.recordFailure(other, undefined, this.now);
        break;
      case 'halfLife':
        this.#setHalfLife(given.ms);
        break;
      case 'leave':
        this.limiter.removePeer(id);
        this.#histories.delete(id);
        break;
    }
    this.#compare();
  }

  /** The scores of the moment stay; what follows is in the sixteenths of the new half-life. */
  #setHalfLife(ms: number): void {
    if (ms === this.#halfLifeMs) return;
    for (const history of this.#histories.values()) {
      const { points, error } = this.#now(history);
      history.score = new Score(points, Math.floor((this.now * 16) / ms), error);
    }
    this.#halfLifeMs = ms;
    this.limiter.configure({ reputation: { ...this.#automatic, halfLifeMs: ms } }, this.now);
  }

  /** A request and its result, at a time at which its circuit, if open, may be probed. */
  #result(id: string, success: boolean): void {
    const { limiter } = this;
    const history = this.#history(id);
    this.now += 2;
    const isSuspected = limiter.fleet(this.now).faultSuspected;
    const permit = limiter.check(id, 1, this.now);
    assert.ok(isAllowed(permit), id);
    assert.ok(success ? limiter.recordSuccess(id, permit, this.now) : limiter.recordFailure(id, permit, this.now));
    const opened = limiter.getCircuitState(id, this.now) === 'open';
    assert.ok(success ? !opened : opened || isSuspected);

    const { perTrip, perCleanWindow } = this.#given;
    const came = limiter.getReputation(id, this.now);
    const after = (score: Score) => (opened && !isSuspected ? score.penalised(perTrip) : score);
    const before = this.#now(history);
    const rewarded = after(before.plus(perCleanWindow));
    history.score = after(before);
    // At a bound of the score a reward cannot be seen.
    if (history.score.isNear(came)) {
      if (rewarded.isNear(came)) history.unseen.add(Math.floor(this.now / MINUTE_MS));
    } else {
      history.score = rewarded;
      assert.ok(history.score.isNear(came), `${id} has ${came}, not ${history.score.points}`);
      this.#mayBeRewarded(history);
    }
    history.lastSlice = this.#slice;
    if (success) {
      history.successes.add(this.#slice);
      history.succeeded++;
    }
    // What happened to a peer before it was established is forgotten with its window.
    if (opened && history.succeeded >= MINIMUM_CALLS) history.trips.add(this.#slice);
  }

  /** The window before this slice had a success and no trip, and nothing was given for this minute. */
  #mayBeRewarded({ successes, trips, rewarded, lastSlice }: History): void {
    const window = [lastSlice, lastSlice - 1];
    assert.ok(lastSlice < this.#slice, 'a window that is not over');
    assert.ok(
      window.some((slice) => successes.has(slice)),
      'a window without a success',
    );
    assert.not(
      window.some((slice) => trips.has(slice)),
      'a window with a trip',
    );
    const minute = Math.floor(this.now / MINUTE_MS);
    assert.not(rewarded.has(minute), 'twice in a minute');
    rewarded.add(minute);
  }

  /** A success in each slice: from the second minute on each minute is rewarded. */
  #behave(id: string, minutes: number): void {
    const begun = Math.floor(this.now / MINUTE_MS);
    for (const end = this.now + minutes * MINUTE_MS; this.now + SLICE_MS < end; this.now += SLICE_MS - 2) {
      this.#result(id, true);
    }
    const { rewarded, unseen } = this.#history(id);
    for (let minute = begun + 2; minute < Math.floor(this.now / MINUTE_MS); minute++) {
      assert.ok(rewarded.has(minute) || unseen.has(minute), `minute ${minute} was clean`);
    }
  }

  #compare(): void {
    for (const id of PEERS) {
      const came = this.limiter.getReputation(id, this.now);
      assert.ok(came >= -100 && came <= 100);
      const expected = this.#now(this.#histories.get(id) ?? new History());
      assert.ok(expected.isNear(came), `${id} has ${came}, not ${expected.points}`);
    }
  }
}

console.log(`model of reputations: seed ${SEED}, ${RUNS} histories for each build`);

for (const { name, using } of engines) {
  const test = suite(`model of reputations (${name})`);

  test('every history comes out as half-lives, caps and clean windows say', () => {
    const property = fc.property(configs, fc.array(step, { maxLength: 80, size: 'max' }), (config, steps) => {
      const world = new World(config, using);
      for (const one of steps) world.take(one);
    });
    fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: false });
  });

  test.run();
}

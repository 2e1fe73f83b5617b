/** Random histories of breakers with everything switched on, against a plain model. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Decision,
  isAllowed,
  RateLimiter,
  type RateLimiterConfig,
  reasonOf,
  retryAfterMs,
} from '../../src/index.js';
import { engines } from '../engines.js';
import type { CircuitLimits } from './oracle-circuit.js';
import { Circuits } from './oracle-circuits.js';
import { names } from './support.js';

const SEED = Number(process.env.PEERGATE_SEED ?? 0x5eed_0011);
const RUNS = Number(process.env.PEERGATE_RUNS ?? 300);
const LONGEST = 250;
const PEERS = names(14);

const limits: fc.Arbitrary<CircuitLimits> = fc.record({
  circuitBreakerThreshold: fc.constantFrom(1, 2, 3, 1_000),
  circuitBreakerTimeoutMs: fc.constantFrom(10, 300, 1_000),
  circuitBreakerMaxTimeoutMs: fc.constantFrom(1_000, 8_000),
  halfOpenProbes: fc.constantFrom(1, 2),
  probeTimeoutMs: fc.constantFrom(50, 700),
  failureRateThreshold: fc.constantFrom(false as const, 0.3, 0.5, 1),
  minimumCalls: fc.constantFrom(1, 2, 4),
  windowMs: fc.constantFrom(100, 1_000, 10_000),
  slowCallMs: fc.constantFrom(false as const, 100),
  relativeThreshold: fc.constantFrom(false as const, 1.5),
  maxOpenFraction: fc.constantFrom(0.1, 0.5, 1),
  recovery: fc.oneof(
    fc.constant(false as const),
    fc.record({
      stages: fc.integer({ min: 1, max: 6 }),
      stageMs: fc.constantFrom(1, 200),
      minCalls: fc.constantFrom(1, 2, 5),
    }),
  ),
});
const peer = fc.nat({ max: PEERS.length - 1 });
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ op: fc.constant('check' as const), peer }) },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('record' as const),
      peer,
      result: fc.constantFrom(
        'success' as const,
        'success' as const,
        'failure' as const,
        'failure' as const,
        'ignored' as const,
      ),
      durationMs: fc.constantFrom(0, 99, 100),
      permit: fc.constantFrom('none' as const, 'last' as const, 'old' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('everyone' as const),
      result: fc.constantFrom('success' as const, 'failure' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('pass' as const), ms: fc.constantFrom(1, 9, 49, 200, 501, 3_000, 40_000) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('due' as const), peer, ms: fc.constantFrom(-1, 0, 1) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('force' as const),
      peer,
      state: fc.constantFrom('closed' as const, 'closed' as const, 'forced_open' as const, 'forced_closed' as const),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const METHODS = { success: 'recordSuccess', failure: 'recordFailure', ignored: 'recordIgnored' } as const;
const FORCES = { closed: 'resetCircuit', forced_open: 'forceOpen', forced_closed: 'forceClosed' } as const;

class World {
  readonly limiter: RateLimiter;
  readonly model: Circuits;
  readonly #permits = new Map<string, { readonly decision: Decision; readonly period: number }[]>();
  now = 7;

  constructor(limits: CircuitLimits, using: RateLimiterConfig) {
    const given = {
      ...limits,
      circuitBreakerMaxTimeoutMs: Math.max(limits.circuitBreakerMaxTimeoutMs, limits.circuitBreakerTimeoutMs),
    };
    const others = { maxPeers: 16, maxRequestsPerSec: 1e6, burstSize: 1e9, clock: () => this.now };
    this.limiter = new RateLimiter({ ...given, ...others, ...using });
    this.model = new Circuits(given);
    for (const id of PEERS) this.limiter.peer(id, 0);
  }

  /** How long the limiter says an open circuit stays open: a rejection changes nothing. */
  readonly #wait = (id: string): number => {
    if (this.limiter.getCircuitState(id, this.now) !== 'open') return 0;
    return retryAfterMs(this.limiter.check(id, 1, this.now));
  };

  take(given: Step): void {
    const { limiter, model, now } = this;
    switch (given.op) {
      case 'pass':
        this.now += given.ms;
        break;
      case 'due': {
        const { state, until, lease, end } = model.of(PEERS[given.peer] as string);
        const at = state === 'open' ? until : state === 'half_open' ? lease : state === 'recovering' ? end : now;
        if (at + given.ms > now) this.now = at + given.ms;
        break;
      }
      case 'check':
        this.#check(PEERS[given.peer] as string);
        break;
      case 'record':
        this.#record(PEERS[given.peer] as string, given);
        break;
      case 'everyone':
        for (const id of PEERS) this.#record(id, { result: given.result, durationMs: 0, permit: 'none' });
        break;
      case 'force': {
        const id = PEERS[given.peer] as string;
        model.advance(id, now, this.#wait);
        assert.ok(limiter[FORCES[given.state]](id, now));
        model.force(id, given.state);
        break;
      }
    }
    this.#compare();
  }

  #check(id: string): void {
    const { limiter, model, now } = this;
    model.advance(id, now, this.#wait);
    const decision = limiter.check(id, 1, now);
    const came = isAllowed(decision);
    if (!came) assert.is(reasonOf(decision), 'circuit_open');
    assert.is(came, model.check(id, now, came), `check of ${id}`);
    if (came) this.#permits.set(id, [...(this.#permits.get(id) ?? []), { decision, period: model.of(id).period }]);
  }

  #record(
    id: string,
    { result, durationMs, permit }: Pick<Extract<Step, { op: 'record' }>, 'result' | 'durationMs' | 'permit'>,
  ): void {
    const { limiter, model, now } = this;
    const given = permit === 'none' ? undefined : this.#permits.get(id)?.at(permit === 'last' ? -1 : 0);
    model.advance(id, now, this.#wait);
    const came =
      result === 'success'
        ? limiter.recordSuccess(id, given?.decision, now, durationMs)
        : limiter[METHODS[result]](id, given?.decision, now);
    assert.is(came, model.record(id, result, durationMs, now, given?.period), `${result} of ${id}`);
  }

  #compare(): void {
    const { limiter, model, now } = this;
    for (const id of PEERS) {
      const seen = model.seen(id, now);
      if (seen !== undefined) assert.is(limiter.getCircuitState(id, now), seen, id);
    }
    const { failureRate, activePeers, recentTrips, faultSuspected } = limiter.fleet(now);
    assert.equal({ failureRate, activePeers, recentTrips }, model.fleet(now));
    assert.is(faultSuspected, model.suspected(now));
  }

  /** Whoever looks changes nothing, so what time did is counted when somebody does something. */
  end(): void {
    for (const id of PEERS) this.#check(id);
    const { circuitOpened, circuitClosed, recovered, heldBack } = this.limiter.stats();
    assert.equal({ circuitOpened, circuitClosed, recovered, heldBack }, this.model.stats);
  }
}

console.log(`model of breakers: seed ${SEED}, ${RUNS} histories of up to ${LONGEST} steps for each build`);

for (const { name, using } of engines) {
  const test = suite(`model of breakers (${name})`);

  test('every history comes out as the model says', () => {
    const property = fc.property(limits, fc.array(step, { maxLength: LONGEST, size: 'max' }), (config, steps) => {
      const world = new World(config, using);
      for (const one of steps) world.take(one);
      world.end();
    });
    fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: false });
  });

  test.run();
}

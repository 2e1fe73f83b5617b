/**
 * Random histories against the oracle. Every call, in every order and at every time, must give the result of the contract.
 *
 * The seed is fixed, so that a default run is the same everywhere; PEERGATE_SEED takes another, PEERGATE_RUNS makes it
 * longer. A failure prints the shortened history as JSON, which goes into test/vectors.
 */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { engines } from './engines.js';
import { IDS, type Step, World } from './model/world.js';
import type { OracleLimits } from './oracle-types.js';

const SEED = Number(process.env.PEERGATE_SEED ?? 0x5eed_0003);
const RUNS = Number(process.env.PEERGATE_RUNS ?? 700);
const COMMANDS_AT_LEAST = 100_000;
const LONGEST = 400;
const ROWS = 5;

const CONFIGS: readonly OracleLimits[] = [
  {
    maxRequestsPerSec: 3,
    burstSize: 5,
    circuitBreakerThreshold: 2,
    circuitBreakerTimeoutMs: 1_000,
    halfOpenProbes: 1,
    probeTimeoutMs: 400,
    onFull: 'overflow',
  },
  {
    maxRequestsPerSec: 10,
    burstSize: 7,
    circuitBreakerThreshold: 3,
    circuitBreakerTimeoutMs: 0.5,
    halfOpenProbes: 3,
    probeTimeoutMs: 2.25,
    onFull: 'reject',
  },
  {
    maxRequestsPerSec: 1e6,
    burstSize: 50,
    circuitBreakerThreshold: 1,
    circuitBreakerTimeoutMs: 2 ** 31 - 1,
    halfOpenProbes: 15,
    probeTimeoutMs: 2 ** 31 - 1,
    onFull: 'overflow',
  },
  {
    maxRequestsPerSec: 0.25,
    burstSize: 2,
    circuitBreakerThreshold: 1,
    circuitBreakerTimeoutMs: 100,
    halfOpenProbes: 2,
    probeTimeoutMs: 50,
    onFull: 'reject',
  },
  {
    maxRequestsPerSec: 100,
    burstSize: 200,
    circuitBreakerThreshold: 10,
    circuitBreakerTimeoutMs: 30_000,
    halfOpenProbes: 1,
    probeTimeoutMs: 30_000,
    onFull: 'overflow',
  },
];

const peer = fc.nat({ max: IDS.length - 1 });
const handle = fc.nat({ max: 9 });
const cost = fc.oneof(
  { weight: 6, arbitrary: fc.constant(1) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 8 }) },
  { weight: 1, arbitrary: fc.constantFrom(50, 200, 201, 2 ** 31, 2 ** 32, 2 ** 53) },
);
const result = fc.constantFrom(
  'success' as const,
  'failure' as const,
  'failure' as const,
  'failure' as const,
  'ignored' as const,
);
const timed = fc.boolean();
const ticket = fc.option(
  fc.record({
    peer,
    nth: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 12 }) }),
  }),
);
const ownTicket = <
  T extends { readonly peer: number; readonly ticket: { readonly peer: number; readonly nth: number } | null },
>(
  step: T,
): T => (step.ticket === null || step.ticket.nth > 8 ? step : { ...step, ticket: { ...step.ticket, peer: step.peer } });
const ms = fc.oneof(
  fc.constantFrom(0.5, 1, 100, 333, 400, 1_000, 30_000),
  fc.integer({ min: 0, max: 5_000 }),
  fc.integer({ min: 0, max: 2 ** 20 }).map((n) => n / 1_024),
);
const little = fc.constantFrom(-1, -1 / 128, -1 / 1_024, 0, 0, 0, 1 / 1_024, 1 / 128, 1);
const off = fc.oneof(
  ms,
  ms.map((n) => -n),
);
const limits: fc.Arbitrary<Partial<OracleLimits>> = fc.record(
  {
    maxRequestsPerSec: fc.constantFrom(0.25, 1, 3, 10, 99.5, 1_000, 1e6),
    burstSize: fc.constantFrom(1, 2, 5, 7, 200),
    circuitBreakerThreshold: fc.integer({ min: 1, max: 4 }),
    circuitBreakerTimeoutMs: fc.constantFrom(0.25, 10, 1_000, 60_000),
    halfOpenProbes: fc.integer({ min: 1, max: 4 }),
    probeTimeoutMs: fc.constantFrom(0.25, 10, 400, 60_000),
    onFull: fc.constantFrom('overflow' as const, 'reject' as const),
  },
  { requiredKeys: [] },
);

const op = <K extends Step['op']>(name: K) => fc.constant(name);
const steps: readonly (readonly [weight: number, step: fc.Arbitrary<Step>])[] = [
  [6, fc.record({ op: op('check'), peer, cost, timed })],
  [6, fc.record({ op: op('record'), peer, result, ticket }).map(ownTicket)],
  [1, fc.record({ op: op('refund'), peer, cost })],
  [1, fc.record({ op: op('remove'), peer })],
  [1, fc.record({ op: op('look'), peer })],
  [1, fc.record({ op: op('list') })],
  [1, fc.record({ op: op('configure'), limits })],
  [2, fc.record({ op: op('configureOff'), limits, ms: off })],
  [1, fc.record({ op: op('handle'), peer })],
  [2, fc.record({ op: op('handleCheck'), handle, cost, timed })],
  [2, fc.record({ op: op('handleRecord'), handle, result, ticket })],
  [1, fc.record({ op: op('handleRefund'), handle, cost })],
  [1, fc.record({ op: op('handleLook'), handle })],
  [1, fc.record({ op: op('release'), handle })],
  [1, fc.record({ op: op('checkMany'), handles: fc.array(handle, { maxLength: 5 }), cost })],
  [3, fc.record({ op: op('pass'), ms })],
  [1, fc.record({ op: op('pass'), ms: ms.map((n) => -n) })],
  [5, fc.record({ op: op('edge'), peer, ms: little })],
];
/** Rare, because a history does not come back from where the clock ends. */
const jump = fc.record({
  op: op('jump'),
  ms: fc.constantFrom(-5, 0, 1e6, 2 ** 31, 1.7e12, 2 ** 41 - 70_000, 2 ** 41 - 1_000, 2 ** 41 - 1 / 1_024),
});

let executed = 0;

class Command implements fc.Command<World, World> {
  readonly #step: Step;

  constructor(step: Step) {
    this.#step = step;
  }

  check(): boolean {
    return true;
  }

  run(world: World): void {
    if (world.take(this.#step)) executed++;
  }

  toString(): string {
    return JSON.stringify(this.#step);
  }
}

const commands = fc.commands(
  [
    ...steps.flatMap(([weight, step]) => Array.from({ length: weight }, () => step.map((s) => new Command(s)))),
    jump.map((s) => new Command(s)),
  ],
  { maxCommands: LONGEST, size: 'max' },
);

console.log(`model: seed ${SEED}, ${RUNS} histories of up to ${LONGEST} commands for each build`);

for (const { name, using } of engines) {
  const test = suite(`model (${name})`);

  test('every random history gives the results of the oracle', () => {
    executed = 0;
    const property = fc.property(fc.constantFrom(...CONFIGS), commands, (config, history) => {
      fc.modelRun(() => {
        const world = new World(using, ROWS, config);
        return { model: world, real: world };
      }, history);
    });
    fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: false });
    assert.ok(executed >= Math.min(COMMANDS_AT_LEAST, RUNS * 100), `only ${executed} commands ran`);
  });

  test.run();
}

/** Decisions leave nothing for the garbage collector: a million of them, allowed and rejected, do not grow the heap. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter } from '../src/index.js';
import { engines } from './engines.js';
import { liveHeapBytes } from './support.js';

const ROUNDS = 50;
const CALLS = 20_000;
/** The smallest object is 12 bytes; a call that made one would make 240 000 bytes a round. */
const ROUND_NOISE_BYTES = CALLS;

/**
 * How often to start again: on a busy machine the compiler's own thread may take its time, and code that has not been
 * compiled yet allocates.
 */
const MOST_TRIES = 40;

/** Bytes by which the heap grew in a round, once the code has been compiled. */
function growthOf(round: () => number): number {
  let growth = Number.POSITIVE_INFINITY;
  for (let i = 0; i < MOST_TRIES && growth >= ROUND_NOISE_BYTES; i++) growth = middleGrowthOf(round);
  return growth;
}

/** The middle one of many rounds: one in which the heap was collected says nothing. */
function middleGrowthOf(round: () => number): number {
  for (let i = 0; i < 10; i++) assert.is(round(), CALLS);
  liveHeapBytes();
  const growths: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const before = process.memoryUsage().heapUsed;
    round();
    growths.push(process.memoryUsage().heapUsed - before);
  }
  return growths.sort((a, b) => a - b)[ROUNDS / 2] as number;
}

for (const { name, using } of engines) {
  const test = suite(`allocation (${name})`);
  const open = new RateLimiter({ maxRequestsPerSec: 1e6, burstSize: 1e9, maxPeers: 16, clock: () => 0, ...using });
  const shut = new RateLimiter({ maxRequestsPerSec: 1e-3, burstSize: 1, maxPeers: 16, clock: () => 0, ...using });
  const ids = Array.from({ length: 8 }, (_, i) => `12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2X${i}`);
  for (const id of ids) shut.check(id, 1, 0);

  const rounds: Record<string, () => number> = {};
  // The text encoder does not write into shared memory, so there an ID's bytes take a detour that is not free.
  const byId = name !== 'shared';
  for (const [outcome, limiter] of [
    ['allowed', open],
    ['rejected', shut],
  ] as const) {
    const handles = ids.map((id) => limiter.peer(id, 0));
    const wanted = outcome === 'allowed';
    rounds[`by handle, ${outcome}`] = () => {
      let count = 0;
      for (let i = 0; i < CALLS; i++) if (isAllowed(handles[i & 7]?.check(1, 0) ?? 0) === wanted) count++;
      return count;
    };
    if (!byId) continue;
    rounds[`by ID, ${outcome}`] = () => {
      let count = 0;
      for (let i = 0; i < CALLS; i++) if (isAllowed(limiter.check(ids[i & 7] as string, 1, 0)) === wanted) count++;
      return count;
    };
  }

  for (const [what, round] of Object.entries(rounds)) {
    test(`${what}: nothing is allocated`, () => {
      const growth = growthOf(round);
      assert.ok(growth < ROUND_NOISE_BYTES, `${growth} bytes for ${CALLS} decisions`);
    });
  }

  test.run();
}

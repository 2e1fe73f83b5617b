/** How many failing requests it takes to hold every row of a table. docs/algorithms.md gives the figures. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, presets, RateLimiter } from '../src/index.js';
import { engines } from './engines.js';

const ROWS = 512;
const ROUNDS = 8;
/** A round of the reclaiming hand is eight attempts; this many attempts cover it several times. */
const NEWCOMERS = 64;

for (const { name, using } of engines) {
  const test = suite(`exhaustion (${name})`);

  /** Opens the circuit of every row, then sends a request for every row once in `everyMs`. All of them fail. */
  function attack(preset: typeof presets.default, everyMs: number): { newcomers: number; failing: number } {
    const limiter = new RateLimiter({ ...preset, maxPeers: ROWS, onFull: 'reject', ...using });
    const fails = (id: string, now: number) => {
      const decision = limiter.check(id, 1, now);
      if (!isAllowed(decision)) return 0;
      limiter.recordFailure(id, decision, now);
      return 1;
    };
    for (let i = 0; i < ROWS; i++) for (let k = 0; k < preset.circuitBreakerThreshold; k++) fails(`held-${i}`, 0);

    let newcomers = 0;
    let failing = 0;
    for (let round = 1; round <= ROUNDS; round++) {
      const now = round * everyMs;
      for (let i = 0; i < NEWCOMERS; i++) {
        const id = `newcomer-${round}-${i}`;
        if (isAllowed(limiter.check(id, 1, now))) newcomers++;
        limiter.removePeer(id);
      }
      for (let i = 0; i < ROWS; i++) failing += fails(`held-${i}`, now);
    }
    return { newcomers, failing };
  }

  for (const preset of ['default', 'strict'] as const) {
    const twoTimeouts = 2 * presets[preset].circuitBreakerTimeoutMs;

    test(`${preset}: one failing request a row within two circuit timeouts holds the table`, () => {
      assert.equal(attack(presets[preset], twoTimeouts - 1), { newcomers: 0, failing: ROWS * ROUNDS });
    });

    test(`${preset}: with one failing request a row in two circuit timeouts or more, newcomers get rows`, () => {
      assert.is(attack(presets[preset], twoTimeouts).newcomers, NEWCOMERS * ROUNDS);
    });
  }

  test.run();
}

/** Two and three threads at one table: every interleaving of their accesses. The compiled core makes the accesses. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { adaptive, adaptiveLong } from './explore/adaptive.js';
import { compile } from './explore/build.js';
import { explore } from './explore/explorer.js';
import { long } from './explore/long.js';
import { owing } from './explore/owing.js';
import { saving, savingLong } from './explore/saving.js';
import { scenarios } from './explore/scenarios.js';
import { threes } from './explore/three.js';

const test = suite('every interleaving');
const core = await compile();

/** Minutes, and more memory. */
const all = process.env['PEERGATE_EXPLORE'] === '3';
const MOST_STATES = all ? 4_000_000 : 200_000;

for (const scenario of [
  ...scenarios,
  ...adaptive,
  ...saving,
  ...owing,
  ...threes,
  ...(all ? [...long, ...savingLong, ...adaptiveLong] : []),
]) {
  test(scenario.name, () => {
    const { states, ends, wrong, steps } = explore(core, scenario, MOST_STATES);
    console.log(`${scenario.name}: ${states} states, ${ends} ends`);
    assert.is(wrong, undefined, `${wrong}:\n${steps.join('\n')}`);
    assert.ok(ends > 1, 'there is more than one way to its end');
  });
}

test.run();

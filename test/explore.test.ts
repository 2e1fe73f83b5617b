/** Two and three threads at one table: every interleaving of their accesses, with the compiled core making them. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from './explore/build.js';
import { explore } from './explore/explorer.js';
import { scenarios } from './explore/scenarios.js';
import { threes } from './explore/three.js';

const test = suite('every interleaving');
const core = await compile();

for (const scenario of [...scenarios, ...threes]) {
  test(scenario.name, () => {
    const { states, ends, wrong, steps } = explore(core, scenario);
    console.log(`${scenario.name}: ${states} states, ${ends} ends`);
    assert.is(wrong, undefined, `${wrong}:\n${steps.join('\n')}`);
    assert.ok(ends > 1, 'there is more than one way to its end');
  });
}

test.run();

/** The explorer of interleavings finds faults that are planted in the core. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { adaptive } from './explore/adaptive.js';
import { compile } from './explore/build.js';
import { explore, type Scenario } from './explore/explorer.js';
import { faults } from './explore/faults.js';
import { long } from './explore/long.js';
import { owing } from './explore/owing.js';
import { saving, savingLong } from './explore/saving.js';
import { scenarios } from './explore/scenarios.js';

const test = suite('planted faults');

/** Turns, each told by its last access, which is the one that mattered. */
function briefly(steps: readonly string[]): string {
  const lasts = steps.filter(
    (step, i) => step[0] !== steps[i + 1]?.[0] || steps[i + 1]?.endsWith(' dies') || / gives | dies$/.test(step),
  );
  return lasts.map((step) => `  ${step}`).join('\n');
}

for (const { what, scenario, ...fault } of faults) {
  test(`${what} is found`, async () => {
    const { wrong, steps } = explore(
      await compile(fault),
      [...scenarios, ...adaptive, ...saving, ...owing, ...savingLong, ...long].find(
        ({ name }) => name === scenario,
      ) as Scenario,
    );
    console.log(`${what}: ${wrong}, after\n${briefly(steps)}`);
    assert.ok(wrong);
    assert.ok(steps.some((step) => step.startsWith('A ')) && steps.some((step) => step.startsWith('B ')));
  });
}

test('a fault that matches no source is an error, not a finding', async () => {
  try {
    await compile({ file: 'row.ts', from: 'what does not stand there', to: '' });
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /row\.ts has no what does not stand there/);
  }
});

test.run();

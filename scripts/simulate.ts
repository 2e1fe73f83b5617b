// `npm run simulate`: peers, limiter and server in virtual time. Says what was seen and whether every promise holds; exit code 1
// where one does not.
//
//   --only NAME[,NAME]   runs these scenarios     --json       prints the figures as JSON
//   --svg DIR            draws a picture of each

import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { writeWhole } from './build/stamp.js';
import { draw } from './simulate/chart.js';
import { scenarios } from './simulate/index.js';
import { type Criterion, pictureOf } from './simulate/scenario.js';

const { values } = parseArgs({
  options: { only: { type: 'string' }, json: { type: 'boolean', default: false }, svg: { type: 'string' } },
});

const names = values.only?.split(',') ?? scenarios.map(({ name }) => name);
const results: { name: string; title: string; criteria: readonly Criterion[]; notes: readonly string[] }[] = [];
for (const name of names) {
  const scenario = scenarios.find((known) => known.name === name);
  if (scenario === undefined) {
    console.error(`no scenario ${name}; there are ${scenarios.map((known) => known.name).join(', ')}`);
    process.exit(2);
  }
  const { criteria, notes = [], chart } = await scenario.run();
  if (values.svg !== undefined) writeWhole(join(resolve(values.svg), pictureOf(scenario)), draw(chart));
  if (!values.json) {
    console.log(`\n${scenario.title} (${name})\n  ${scenario.about}`);
    for (const { promise, measured, holds } of criteria) {
      console.log(`  ${holds ? 'holds ' : 'FAILS '} ${promise}: ${measured}`);
    }
    for (const note of notes) console.log(`         ${note}`);
  }
  results.push({ name, title: scenario.title, criteria, notes });
}

const all = results.flatMap(({ criteria }) => criteria);
const held = all.filter(({ holds }) => holds).length;
if (values.json) console.log(JSON.stringify(results, undefined, 2));
else console.log(`\n${held} of ${all.length} promises hold`);
process.exitCode = held === all.length ? 0 : 1;

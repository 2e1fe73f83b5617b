/** The scenarios of `npm run simulate`: each promise holds, and the pictures in docs/ are what they look like. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { root } from '../scripts/build/stamp.js';
import { draw } from '../scripts/simulate/chart.js';
import { scenarios } from '../scripts/simulate/index.js';
import { pictureOf } from '../scripts/simulate/scenario.js';

const test = suite('simulation');

for (const scenario of scenarios) {
  const { title } = scenario;
  test(`${title}: every promise holds, and the committed picture shows it`, async () => {
    const { criteria, chart } = await scenario.run();
    assert.ok(criteria.length > 0);
    for (const { promise, measured, holds } of criteria) {
      assert.ok(holds, `${promise}: ${measured}`);
    }
    const picture = join(root, `docs/${pictureOf(scenario)}`);
    assert.ok(existsSync(picture), 'run `npm run pictures`');
    assert.is(readFileSync(picture, 'utf8'), draw(chart), 'run `npm run pictures`');
  });
}

test('a picture has colours for both schemes, and nothing in it lies outside', () => {
  const picture = draw({
    title: 'a < b',
    x: 'x',
    y: 'y',
    lines: [
      { name: 'one', points: [0, 1, 2, 3].map((x) => [x, 10 ** x]) },
      { name: 'two', points: [[0, 5]], quiet: true },
    ],
    marks: [{ y: 100, name: 'mark' }],
    shaded: { from: 1, to: 2, name: 'shaded' },
    logarithmic: true,
  });
  assert.match(picture, /prefers-color-scheme: dark/);
  assert.match(picture, 'a &lt; b');
  for (const [, used] of picture.matchAll(/var\(--([\w-]+)\)/g)) {
    assert.is(picture.split(`--${used}: #`).length - 1, 2, `--${used} has a light and a dark value`);
  }
  const [, , width = 0, height = 0] = (/viewBox="([^"]+)"/.exec(picture)?.[1] ?? '').split(' ').map(Number);
  for (const [, x, y] of picture.matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)) {
    assert.ok(Number(x) >= 0 && Number(x) <= width && Number(y) >= 0 && Number(y) <= height, `${x} ${y}`);
  }
});

test.run();

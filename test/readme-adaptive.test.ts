/** The examples of docs/adaptive.md run, and print nothing but what they say. */

import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { root } from '../scripts/build/stamp.js';
import { scenarios } from '../scripts/simulate/index.js';

const test = suite('docs/adaptive.md');
const page = readFileSync(join(root, 'docs/adaptive.md'), 'utf8');

test('each of its examples runs and ends by itself', () => {
  const examples = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);
  assert.is(examples.length, 4);
  const printed = examples.map((code, i) => {
    const file = join(root, `build/adaptive-example-${i}.${process.pid}.ts`);
    try {
      writeFileSync(file, code);
      const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', 'tsx', file], {
        cwd: root,
        encoding: 'utf8',
      });
      assert.is(status, 0, stderr);
      return stdout;
    } finally {
      rmSync(file, { force: true });
    }
  });
  assert.equal(printed, ['', '', '', 'undefined\n']);
});

test('it shows the picture of every scenario', () => {
  for (const { name, picture } of scenarios) {
    if (picture === undefined) assert.ok(page.includes(`(adaptive-${name}.svg)`), name);
  }
});

test.run();

/**
 * Histories that once gave a wrong result, or that tell a wrong limiter from a right one. Each file in test/vectors is one
 * history with a sentence about it. It runs step by step beside the oracle.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { engines } from './engines.js';
import { type Step, World } from './model/world.js';
import type { OracleLimits } from './oracle-types.js';

interface Vector {
  readonly about: string;
  readonly rows: number;
  readonly limits: OracleLimits;
  readonly steps: readonly Step[];
}

const folder = new URL('vectors/', import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith('.json'));

for (const { name, using } of engines) {
  const test = suite(`vectors (${name})`);

  for (const file of files) {
    const { about, rows, limits, steps } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Vector;
    test(about, () => {
      const world = new World(using, rows, limits);
      for (const step of steps) assert.ok(world.take(step), `${JSON.stringify(step)} had nothing to do`);
    });
  }

  test('there are vectors', () => {
    assert.ok(files.length > 0);
  });

  test.run();
}

/** The examples of docs/observability.md print what follows them. */

import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('docs/observability.md');
const root = fileURLToPath(new URL('../..', import.meta.url));
const text = readFileSync(`${root}/docs/observability.md`, 'utf8');

test('each example runs as printed', () => {
  const examples = [...text.matchAll(/```ts\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g)];
  assert.is(examples.length, 3);
  assert.is(text.split('```ts\n').length - 1, examples.length);
  const file = `${root}/build/observability-example.${process.pid}.ts`;
  // Time stands still in them, so that no bucket fills while a busy machine lets them wait.
  const still = ['--import', 'data:text/javascript,performance.now=()=>0'];
  try {
    for (const [, code = '', printed = ''] of examples) {
      writeFileSync(file, code);
      const { stdout, stderr } = spawnSync(process.execPath, [...still, '--import', 'tsx', file], {
        cwd: root,
        encoding: 'utf8',
      });
      assert.is(stderr, '');
      assert.is(stdout, printed);
    }
  } finally {
    rmSync(file, { force: true });
  }
});

test.run();

/** Builds run when they have to: what has changed since the last one is found in the files, not in their times. */

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mock } from 'node:test';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { filesBelow, INSTALLED, root, step } from '../scripts/build/stamp.js';
import { during } from '../scripts/progress.js';

const test = suite('builds');

/** What `act` says on standard error. */
async function saidBy(act: () => Promise<void>): Promise<string[]> {
  const { write } = process.stderr;
  const lines: string[] = [];
  try {
    process.stderr.write = ((text: string) => lines.push(text.replaceAll('\r\x1b[K', '').trim())) as never;
    await act();
  } finally {
    process.stderr.write = write;
  }
  return lines.filter((line) => line !== '');
}

test('a step runs again when an input or an output has changed, and only then', async () => {
  const folder = `build/step-test.${process.pid}`;
  mkdirSync(join(root, folder), { recursive: true });
  const [input, output] = [join(root, folder, 'in'), join(root, folder, 'out')];
  let runs = 0;
  const make = () => {
    runs++;
    writeFileSync(output, readFileSync(input, 'utf8').toUpperCase());
  };
  const name = `a test ${process.pid}`;
  const runsOf = async (change: () => void) => {
    change();
    const before = runs;
    await saidBy(() => step(name, [`${folder}/in`], [`${folder}/out`], make));
    return runs - before;
  };
  try {
    assert.is(await runsOf(() => writeFileSync(input, 'one')), 1);
    assert.is(await runsOf(() => {}), 0);
    assert.is(await runsOf(() => writeFileSync(input, 'two')), 1);
    assert.is(readFileSync(output, 'utf8'), 'TWO');
    assert.is(await runsOf(() => writeFileSync(output, 'spoilt')), 1);
    assert.is(await runsOf(() => rmSync(output)), 1);
  } finally {
    rmSync(join(root, folder), { recursive: true });
    rmSync(join(root, 'build/stamps', name.replaceAll(' ', '-')), { force: true });
  }
});

test('a package that was replaced in node_modules is an input, and what is published is built anew in any case', () => {
  assert.ok(filesBelow('node_modules/@assemblyscript/loader').length > 0);
  assert.ok(INSTALLED.every((path) => existsSync(join(root, path))));
  for (const script of ['core', 'dist']) {
    assert.match(readFileSync(join(root, `scripts/build/${script}.ts`), 'utf8'), /\.\.\.INSTALLED/);
  }
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  assert.match(scripts['prepack'] ?? '', /--anew$/);
});

test('a step says what it builds, how long it has been at it, and how it ended', async () => {
  mock.timers.enable({ apis: ['setInterval'] });
  const said = await saidBy(async () => {
    await during('building it', () => mock.timers.tick(60_000));
    await during('building it', () => Promise.reject(new Error('no'))).catch(() => {});
  });
  mock.timers.reset();
  assert.is(said[0], 'building it …');
  assert.match(said[1] ?? '', /^building it … \d+ s$/);
  assert.ok(said.some((line) => /^building it: done after \d+\.\d s$/.test(line)));
  assert.match(said.at(-1) ?? '', /^building it: failed after/);
});

test.run();

// What `npm run engines` takes for success and for failure, on the Node that runs this.

import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { command, engines } from '../../engines/run.js';
import { install, put, repository } from './installed.js';

const test = suite('npm run engines');

const installed = install();
cpSync(join(repository, 'engines/programs'), join(installed.project, 'programs'), { recursive: true });
const here = command('Node', process.execPath);

for (const program of ['core', 'address', 'http', 'fetch']) {
  test(`the program ${program} holds on this Node`, async () => {
    assert.is(await here.run(installed, program), '');
  });
}

test('a program that sees something else, is missing, or ends early says so', async () => {
  put(installed.project, 'programs/wrong.mjs', `export const check = (expect) => expect('a sum', 1 + 1, 3);`);
  assert.match(await here.run(installed, 'wrong'), 'a sum: expected 3, saw 2');
  assert.match(await here.run(installed, 'nothing'), 'nothing.mjs');
  put(installed.project, 'programs/early.mjs', 'export const check = () => process.exit(0);');
  assert.is(await here.run(installed, 'early'), 'ended with 0');
});

test('an engine that is not there has no version, and its programs fail', async () => {
  const gone = command('Gone', '/nowhere/gone');
  assert.is(gone.version, 'missing');
  assert.match(await gone.run(installed, 'core'), 'ENOENT');
});

test('it asks four versions of Node, Bun, Deno, workerd and Chromium', () => {
  assert.equal(
    engines().map(({ name }) => name),
    ['Node 20', 'Node 22', 'Node 24', 'Node 26', 'Bun', 'Deno', 'workerd', 'Chromium'],
  );
});

test.run();

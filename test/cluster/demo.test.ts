/** The demo of several servers with one limit keeps its promises, while its engine is killed and comes back. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { testOfServer } from './servers.js';

const demo = suite('demo --nodes');
const test = testOfServer(demo);

const FILE = fileURLToPath(new URL('../../examples/demo/main.ts', import.meta.url));

async function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', FILE, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

test('two servers hold a flooder to one limit, and refuse no honest peer', async () => {
  const { code, output } = await run('--nodes', '2', '--seconds', '5');
  console.log(output.trim());
  assert.is(code, 0, output);
  assert.is(output.match(/^kept /gm)?.length, 4);
});

test('a number of nodes that is none is an error', async () => {
  const { code, output } = await run('--nodes', 'many');
  assert.is(code, 2);
  assert.match(output, "--nodes: expected an integer from 1 to 16, got 'many'");
});

demo.run();

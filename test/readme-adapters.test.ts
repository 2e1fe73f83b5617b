/** The examples of HTTP servers do what docs/adapters.md says, and so does the adapter that it shows. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { root } from '../scripts/build/stamp.js';

const test = suite('docs/adapters.md');

/** Time stands still in it, so that no bucket fills while a busy machine lets it wait. */
const STILL = ['--import', 'data:text/javascript,performance.now=()=>0'];

/** Runs a server that prints its address, while `act` lasts. `said` is all that it printed. */
async function running(file: string, act: (port: number, said: () => string) => Promise<void>): Promise<void> {
  const child: ChildProcess = spawn(process.execPath, [...STILL, '--import', 'tsx', file], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  try {
    while (!/port: \d+/.test(output)) await once(child.stdout as NodeJS.ReadableStream, 'data');
    await act(Number(/port: (\d+)/.exec(output)?.[1]), () => output);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

const example = (name: string) => join(root, `examples/${name}.ts`);

for (const name of ['express', 'koa', 'fastify', 'hono']) {
  test(`examples/${name}.ts has fewer than 40 lines, lets five requests through and rejects the sixth`, async () => {
    assert.ok(readFileSync(example(name), 'utf8').split('\n').length <= 40);
    await running(example(name), async (port) => {
      const url = `http://127.0.0.1:${port}`;
      const statuses: number[] = [];
      for (let i = 0; i < 6; i++) {
        const response = name === 'express' ? await echo(url) : await fetch(url);
        statuses.push(response.status);
        assert.is(response.headers.get('ratelimit'), i < 5 ? `"peer";r=${4 - i}` : '"peer";r=0;t=1');
        await response.arrayBuffer();
      }
      assert.equal(statuses, [200, 200, 200, 200, 200, 429]);
    });
  });
}

const echo = (url: string) =>
  fetch(`${url}/echo`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":1}' });

test('examples/express.ts: three failures open the circuit, and the log says so', async () => {
  await running(example('express'), async (port, said) => {
    const url = `http://127.0.0.1:${port}`;
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await fetch(`${url}/broken`)).status);
    assert.equal(statuses, [500, 500, 500, 429]);
    assert.match(said(), '/broken: circuit_open, and 0 more');
    assert.is((await fetch(`${url}/echo`, { method: 'OPTIONS' })).status, 200, 'a preflight is not limited');
  });
});

test('examples/koa.ts: a known key has a bucket of its own, an unknown one has the address’s, and a report costs three', async () => {
  await running(example('koa'), async (port) => {
    const url = `http://127.0.0.1:${port}`;
    const left = async (key: string, path = '/') =>
      (await fetch(url + path, { headers: { 'x-api-key': key } })).headers.get('ratelimit');
    assert.is(await left('alice'), '"peer";r=4');
    assert.is(await left('nobody'), '"peer";r=4');
    assert.is(await left('somebody', '/report'), '"peer";r=1');
    assert.is(await left('alice'), '"peer";r=3');
  });
});

test('examples/hono.ts: a stream comes through', async () => {
  await running(example('hono'), async (port) => {
    const response = await fetch(`http://127.0.0.1:${port}/ticks`);
    assert.is(response.headers.get('content-type'), 'text/event-stream');
    assert.is(await response.text(), 'data: 0\n\ndata: 1\n\ndata: 2\n\n');
  });
});

test('the adapter that the page shows answers, and rejects', async () => {
  const page = readFileSync(join(root, 'docs/adapters.md'), 'utf8');
  const code = /```ts\n(import \{ createServer[\s\S]*?)```/.exec(page)?.[1] ?? '';
  const file = join(root, `build/adapter-example.${process.pid}.ts`);
  writeFileSync(file, code);
  try {
    await running(file, async (port) => {
      const socket = connect(port, '127.0.0.1').setEncoding('utf8');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.write('one\ntwo\nthree\n');
      while (text.split('\n').length < 4) await once(socket, 'data');
      socket.destroy();
      // A rejection is written at once, an answer when its handler is done.
      assert.equal(text.trim().split('\n').sort(), ['ONE', 'TWO', '{"reason":"rate_limited","retryAfterMs":1000}']);
    });
  } finally {
    rmSync(file, { force: true });
  }
});

test.run();

// The programs in docs/recipes.md, run as they stand there with the real frameworks. Time stands still, so that no bucket fills
// while a busy machine lets it wait.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { root } from '../../scripts/build/stamp.js';
import { node } from './installed.js';

const test = suite('recipes');

performance.now = () => 0;
process.env['PORT'] = '0';

// Below the repository, so that the programs find the package and the frameworks as a user's would.
mkdirSync(join(root, 'build'), { recursive: true });
const folder = mkdtempSync(join(root, 'build/recipes-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const put = (name: string, text: string) => writeFileSync(join(folder, name), text);
const page = readFileSync(join(root, 'docs/recipes.md'), 'utf8');
const programs = new Map(
  [...page.matchAll(/```ts\n\/\/ (\w+\.ts)\n([\s\S]*?)```/g)].map(([, name = '', code = '']) => [name, code]),
);
for (const [name, code] of programs) put(name, code);
put('tsconfig.json', '{"extends":"../../tsconfig.json","include":["*.ts"]}');
// A module as a user would have it, but with its decorators called: the compiler of this repository leaves them out.
put(
  'app.module.ts',
  `import { Controller, Get, HttpException, Logger, Module, Post } from '@nestjs/common';
class Things {
  hello() { return 'hello'; }
  broken() { throw new Error('the database is gone'); }
  refused() { throw new HttpException('no', 403); }
  post() { return 'posted'; }
}
const on = (decorate: MethodDecorator, name: string) =>
  decorate(Things.prototype, name, Object.getOwnPropertyDescriptor(Things.prototype, name) as PropertyDescriptor);
on(Get('hello'), 'hello');
on(Get('broken'), 'broken');
on(Get('refused'), 'refused');
on(Post('post'), 'post');
Controller()(Things);
export class AppModule {
  // What a handler throws here is meant.
  constructor() { Logger.overrideLogger(false); }
}
Module({ controllers: [Things] })(AppModule);
`,
);

let loaded = 0;

/** Runs a program once more, with a limiter of its own. */
function load(name: string): Promise<Record<string, unknown>> {
  const copy = `run-${++loaded}-${name}`;
  put(copy, programs.get(name) as string);
  return import(pathToFileURL(join(folder, copy)).href);
}

type Ask = (
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<{ status: number; body: unknown }>;

/** Starts a recipe's server, and stops it in the end. */
async function withServer(name: string, act: (ask: Ask) => Promise<void>): Promise<void> {
  const server = (await load(name))['server'] as Server;
  if (!server.listening) await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    await act(async (path, body, headers = {}) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
      });
      const text = await response.text();
      return { status: response.status, body: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text };
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function times<T>(count: number, act: () => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let i = 0; i < count; i++) all.push(await act());
  return all;
}

test('the page has its five recipes, and they pass the type checker', () => {
  assert.equal([...programs.keys()], ['nest.ts', 'yoga.ts', 'apollo.ts', 'jayson.ts', 'nats.ts']);
  assert.equal(node(root, 'node_modules/typescript/bin/tsc', '--pretty', 'false', '-p', folder), {
    status: 0,
    output: '',
  });
});

test('NestJS: a peer over its limit is rejected before its body is parsed, and peers behind a proxy are told apart', async () => {
  await withServer('nest.ts', async (ask) => {
    const from = (ip: string) => ({ 'x-forwarded-for': ip });
    assert.equal(await ask('/hello', undefined, from('192.0.2.1')), { status: 200, body: 'hello' });
    assert.is((await ask('/post', '{"no JSON', from('192.0.2.1'))).status, 400);
    const statuses = await times(19, async () => (await ask('/hello', undefined, from('192.0.2.1'))).status);
    assert.equal(statuses, [...new Array(18).fill(200), 429]);
    assert.is((await ask('/post', '{"no JSON', from('192.0.2.1'))).status, 429);
    assert.is((await ask('/nowhere', undefined, from('192.0.2.1'))).status, 429);
    assert.is((await ask('/hello', undefined, from('192.0.2.2'))).status, 200);
  });
});

test('NestJS: what a controller throws opens the circuit, and what it refuses does not', async () => {
  await withServer('nest.ts', async (ask) => {
    const from = (ip: string) => ({ 'x-forwarded-for': ip });
    assert.equal(
      new Set((await times(15, () => ask('/refused', undefined, from('192.0.2.3')))).map(({ status }) => status)),
      new Set([403]),
    );
    const answers = await times(11, () => ask('/broken', undefined, from('192.0.2.4')));
    assert.equal(
      answers.map(({ status }) => status),
      [...new Array(10).fill(500), 429],
    );
    assert.match(String((answers[10]?.body as { type: string } | undefined)?.type), 'abnormal-usage-detected');
  });
});

for (const name of ['yoga', 'apollo']) {
  test(`${name}: a resolver that fails inside a 200 opens the circuit, and a bad query does not`, async () => {
    await withServer(`${name}.ts`, async (ask) => {
      const query = (text: string) => ask('/graphql', { query: text });
      assert.equal(await query('{ hello }'), { status: 200, body: { data: { hello: 'world' } } });
      const bad = await times(5, () => query('{ nothing }'));
      assert.ok(bad.every(({ status }) => status < 500));
      assert.is((await query('{ hello }')).status, 200);
      const broken = await times(3, () => query('{ broken hello }'));
      for (const { status, body } of broken) {
        assert.is(status, 200);
        assert.equal((body as { data: unknown }).data, { broken: null, hello: 'world' });
      }
      const refused = await query('{ hello }');
      assert.is(refused.status, 429);
      assert.match((refused.body as { type: string }).type, 'abnormal-usage-detected');
    });
  });
}

test('jayson: each call of a batch takes a token, and a rejected one has an error of its own', async () => {
  await withServer('jayson.ts', async (ask) => {
    const call = (id: number, method = 'add') => ({ jsonrpc: '2.0', id, method, params: [id, 1] });
    assert.equal((await ask('/', call(1))).body, { jsonrpc: '2.0', id: 1, result: 2 });
    const { body } = await ask(
      '/',
      Array.from({ length: 21 }, (_, i) => call(i)),
    );
    const answers = body as { id: number; result?: number; error?: { code: number; data: unknown } }[];
    assert.is(answers.filter(({ result }) => result !== undefined).length, 19);
    const rejected = answers.filter(({ error }) => error !== undefined);
    assert.is(rejected.length, 2);
    for (const { error } of rejected) {
      assert.is(error?.code, -32001);
      assert.equal(error?.data, { reason: 'rate_limited', retryAfterMs: 100 });
    }
  });
});

test('jayson: methods that throw open the circuit', async () => {
  await withServer('jayson.ts', async (ask) => {
    const broken = () => ask('/', { jsonrpc: '2.0', id: 1, method: 'broken', params: [] });
    const codes = (await times(4, broken)).map(({ body }) => (body as { error: { code: number } }).error.code);
    assert.equal(codes, [-32603, -32603, -32603, -32002]);
  });
});

/** Where Debian's package has it. */
const NATS_SERVER = process.env['NATS_SERVER'] ?? '/usr/sbin/nats-server';

function hasNats(): boolean {
  try {
    accessSync(NATS_SERVER);
    return true;
  } catch {
    console.log(
      `skipped, because there is no NATS server at ${NATS_SERVER}: install nats-server, or set NATS_SERVER to its path`,
    );
    return false;
  }
}

/** Starts a NATS server on a free port. */
async function natsServer(): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(NATS_SERVER, ['-a', '127.0.0.1', '-p', '-1'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let url = '';
  for await (const line of createInterface(child.stderr as NonNullable<typeof child.stderr>)) {
    url ||= /Listening for client connections on (\S+)/.exec(line)?.[1] ?? '';
    if (line.includes('Server is ready')) return { child, url: `nats://${url}` };
  }
  throw new Error('the NATS server ended');
}

(hasNats() ? test : test.skip)(
  'NATS: clients are told apart by their subjects, limited, and cut off when their messages fail',
  async () => {
    const { child, url } = await natsServer();
    const opened: NatsConnection[] = [];
    try {
      process.env['NATS_URL'] = url;
      opened.push((await load('nats.ts'))['connection'] as NatsConnection);
      const client = await connect({ servers: url });
      opened.push(client);
      const add = async (who: string, body: string) => {
        const answer = await client.request(`sums.${who}.add`, body, { timeout: 60_000 });
        return { code: answer.headers?.get('Nats-Service-Error-Code') ?? '', body: answer.string() };
      };
      const answers = await times(21, () => add('ann', '[1,2,3]'));
      assert.equal(answers.slice(0, 20), new Array(20).fill({ code: '', body: '6' }));
      assert.equal(answers[20], { code: '429', body: '{"reason":"rate_limited","retryAfterMs":100}' });
      assert.equal(await add('bob', '[1]'), { code: '', body: '1' });
      const failing = await times(4, () => add('eve', 'no JSON'));
      assert.equal(
        failing.map(({ code }) => code),
        ['500', '500', '500', '429'],
      );
      assert.match(failing[3]?.body ?? '', '"reason":"circuit_open"');
    } finally {
      for (const connection of opened) await connection.close();
      child.kill();
    }
  },
);

test.run();

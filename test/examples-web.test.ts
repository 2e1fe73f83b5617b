/** The examples of adapters for tRPC, MetaMask's engine and socket.io run, answer up to the burst and reject the rest. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { io } from 'socket.io-client';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('examples of adapters');
const fileOf = (name: string) => fileURLToPath(new URL(`../examples/${name}.ts`, import.meta.url));

/** Runs an example that waits, and hands over the address that it prints. */
async function served(name: string, use: (url: string) => Promise<void>): Promise<void> {
  assert.ok(readFileSync(fileOf(name), 'utf8').split('\n').length <= 40, 'an example has at most 40 lines');
  const child = spawn(process.execPath, ['--import', 'tsx', fileOf(name)], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [url] = await once(child.stdout, 'data');
    await use(String(url).trim());
  } finally {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

/** The first rejection: however slowly calls are made, more of them are sent until one is rejected. */
async function firstRejection<T>(call: () => Promise<T>, isRejection: (answer: T) => boolean): Promise<[T, number]> {
  for (let allowed = 0; ; ) {
    for (const answer of await Promise.all(Array.from({ length: 25 }, call))) {
      if (isRejection(answer)) return [answer, allowed];
      allowed++;
    }
  }
}

test('trpc', () =>
  served('trpc', async (url) => {
    const ask = async () => (await fetch(`${url}/time`)).json() as Promise<{ error?: { data: object } }>;
    const [{ error }, allowed] = await firstRejection(ask, (answer) => answer.error !== undefined);
    assert.ok(allowed >= 20, `${allowed} were let in`);
    const { code, reason, retryAfterMs } = (error?.data ?? {}) as Record<string, unknown>;
    assert.equal([code, reason, typeof retryAfterMs], ['TOO_MANY_REQUESTS', 'rate_limited', 'number']);
  }));

test('json-rpc-engine', () =>
  served('json-rpc-engine', async (url) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId' });
    type Answer = { error?: { code: number; data: { reason: string } } };
    const ask = async () => (await fetch(url, { method: 'POST', body })).json() as Promise<Answer>;
    const [{ error }, allowed] = await firstRejection(ask, (answer) => answer.error !== undefined);
    assert.ok(allowed >= 20, `${allowed} were let in`);
    assert.is(error?.code, -32005);
    assert.is(error?.data.reason, 'rate_limited');
  }));

test('socket.io', () =>
  served('socket.io', async (url) => {
    type Answer = { result?: number; error?: { code: unknown; data?: { reason: string } } };
    const socket = io(url, { transports: ['websocket'], reconnection: false });
    const ask = (numbers: unknown): Promise<Answer> => socket.emitWithAck('sum', numbers);
    assert.equal(await ask([1, 2, 3]), { result: 6 });
    assert.is((await ask('no list')).error?.code, 'FAILED');
    const [{ error }, allowed] = await firstRejection(
      () => ask([1, 1]),
      (answer) => answer.error !== undefined,
    );
    assert.ok(allowed >= 18, `${allowed} were let in`);
    assert.equal([error?.code, error?.data?.reason], [-32001, 'rate_limited']);
    socket.disconnect();
  }));

test.run();

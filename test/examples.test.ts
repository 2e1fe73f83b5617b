/** The examples run, say what they should, and are short. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';

const test = suite('examples');
const folder = fileURLToPath(new URL('../examples', import.meta.url));
const command = (name: string, ...args: string[]) => ['--import', 'tsx', `${folder}/${name}.ts`, ...args];
/** Time stands still in it, so that no bucket fills while a busy machine lets it wait. */
const STILL = ['--import', 'data:text/javascript,performance.now=()=>0'];
const run = (name: string) => spawnSync(process.execPath, [...STILL, ...command(name)], { encoding: 'utf8' });

/** Starts an example that waits, once it has said `word`. */
async function started(word: RegExp, name: string, ...args: string[]) {
  const child = spawn(process.execPath, command(name, ...args), { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  while (!word.test(output)) await once(child.stdout, 'data');
  return { child, output: () => output };
}

test('each is under 60 lines', () => {
  for (const file of readdirSync(folder).filter((name) => /\.(ts|mjs)$/.test(name))) {
    assert.ok(readFileSync(`${folder}/${file}`, 'utf8').split('\n').length <= 60, file);
  }
});

test('connection: frames are allowed up to the burst, and reconnecting buys nothing', () => {
  const { stdout, stderr } = run('connection');
  assert.is(stderr, '');
  assert.match(stdout, /^3 frames let through, 17 tokens left\nframe 17: rate_limited, again in 100 ms/);
  assert.match(stdout, /reconnected with 0 tokens/);
});

test('guard: three failures open the circuit, a probe closes it', () => {
  const { stdout, stderr } = run('guard');
  assert.is(stderr, '');
  assert.match(stdout, /timed out after 50 ms/);
  assert.match(
    stdout,
    /error -32002: .*circuit_open.*30000.* <- its circuit is open\nanswer: 42\nanswer: 42 <- a probe/,
  );
  assert.match(stdout, /circuitOpened: 1/);
});

test('snapshot: state saved on SIGTERM is there after a restart', async () => {
  const at = mkdtempSync(join(tmpdir(), 'peergate-'));
  try {
    const first = await started(/ready/, 'snapshot', `${at}/limits.bin`);
    assert.match(first.output(), /no .*limits\.bin yet/);
    first.child.kill('SIGTERM');
    await once(first.child, 'exit');
    const second = await started(/ready/, 'snapshot', `${at}/limits.bin`);
    assert.match(second.output(), /restored 1 peers/);
    second.child.kill('SIGTERM');
    await once(second.child, 'exit');
    assert.equal(readdirSync(at), ['limits.bin']);
  } finally {
    rmSync(at, { recursive: true });
  }
});

test('threads: all threads share one quota, which outlives them, and their numbers are given back', async () => {
  const { child, output } = await started(/(thread.*\n){2}/, 'threads', '2');
  const threads = () =>
    [...output().matchAll(/^thread (\d+): (\S+)$/gm)].map(([, number, url = '']) => ({ number, url }));
  const ask = async (url = '') => (await fetch(url, { headers: { connection: 'close' } })).status;
  const allowedOf = async (urls: string[]) => {
    const statuses = await Promise.all(Array.from({ length: 60 }, (_, i) => ask(urls[i % 2])));
    return statuses.filter((status) => status === 200).length;
  };
  try {
    const begun = performance.now();
    const most = () => 20 + ((performance.now() - begun) / 1000) * 10;
    const first = threads();
    let allowed = await allowedOf(first.map(({ url }) => url));
    assert.ok(allowed >= 20 && allowed <= most(), `${allowed} allowed, at most ${most()}`);

    child.kill('SIGHUP');
    while (threads().length < 4) await once(child.stdout, 'data');
    const second = threads().slice(2);
    allowed += await allowedOf(second.map(({ url }) => url));
    assert.ok(allowed <= most(), `${allowed} allowed with the threads that came after, at most ${most()}`);
    const numbers = (some: typeof first) => some.map(({ number }) => number).sort();
    assert.equal(numbers(second), numbers(first));
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
});

test('lines: another protocol over the same gate is answered, limited, told what was dropped, and ends with its server', async () => {
  const { child, output } = await started(/127\S+\n/, 'lines');
  const socket = connect(Number(output().trim().split(':')[1]), '127.0.0.1');
  try {
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    const lines = () => text.split('\n').slice(0, -1);
    const heard = async (holds: () => boolean) => {
      while (!holds()) await once(socket, 'data');
    };
    socket.write('upper hello\nwait 5\nnobody\n');
    await heard(() => lines().length >= 3);
    assert.equal(lines().slice(0, 3), ['HELLO', 'Error: no command nobody', 'waited']);
    socket.write('upper a\n'.repeat(300));
    // More is let in the slower the machine is; what is rejected is answered up to a hundred times, and then counted.
    await heard(() => lines().some((line) => line.startsWith('dropped')));
    assert.ok(lines().filter((line) => line === 'A').length >= 17);
    const limited = lines().filter((line) => /^rate_limited \d+$/.test(line));
    assert.ok(limited.length >= 100, `${limited.length}`);
    child.kill('SIGTERM');
    await once(child, 'exit');
  } finally {
    socket.destroy();
    child.kill('SIGKILL');
  }
});

test('ws-json-rpc: it answers up to the burst and rejects the rest', async () => {
  const { child, output } = await started(/ws:\S+\n/, 'ws-json-rpc');
  try {
    const socket = new WebSocket(output().trim());
    await once(socket, 'open');
    const answers: { result?: number; error?: { code: number } }[] = [];
    socket.on('message', (data) => answers.push(JSON.parse(String(data))));
    const results = () => answers.filter(({ result }) => result !== undefined).map(({ result }) => result);
    // However slowly they are taken, more are sent until one is rejected.
    for (let id = 0; results().length < 20 || !answers.some(({ error }) => error); id += 25) {
      for (let i = id; i < id + 25; i++) {
        socket.send(JSON.stringify({ jsonrpc: '2.0', id: i, method: 'sum', params: [i, 1] }));
      }
      await once(socket, 'message');
    }
    assert.equal(results().slice(0, 3), [1, 2, 3]);
    assert.is(answers.find(({ error }) => error)?.error?.code, -32001);
    socket.terminate();
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
});

test.run();

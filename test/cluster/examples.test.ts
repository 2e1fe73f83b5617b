/** The example of servers that share a limit: started as several processes over one engine. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Server, testOfServer } from './servers.js';

const examples = suite('examples/cluster.ts');
const test = testOfServer(examples);

const FILE = fileURLToPath(new URL('../../examples/cluster.ts', import.meta.url));
const [RATE, BURST, NODES] = [10, 30, 3];
const CREDIT = Math.floor(BURST / (2 * NODES));

async function start(engine: number) {
  const args = ['--import', 'tsx', FILE, `redis://127.0.0.1:${engine}`, String(NODES)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  while (!/serving/.test(output)) await once(child.stdout, 'data');
  const url = /http:\S+/.exec(output)?.[0] as string;
  const end = async () => {
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
    return output;
  };
  return { url, end, kill: () => child.kill('SIGKILL') };
}

test('three of them give one key what one would, and their credits; each pays on SIGTERM', async () => {
  const engine = await Server.start();
  const servers: Awaited<ReturnType<typeof start>>[] = [];
  try {
    servers.push(...(await Promise.all(Array.from({ length: NODES }, () => start(engine.port)))));
    const from = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const { url } = servers[i % NODES] as (typeof servers)[0];
        const { status, headers } = await fetch(url, { headers: { 'x-api-key': 'one of many' } });
        if (status === 429) assert.ok(Number(headers.get('retry-after')) >= 1);
        return status;
      }),
    );
    const seconds = (performance.now() - from) / 1000;
    const given = answers.filter((status) => status === 200).length;
    assert.is(answers.filter((status) => status === 429).length, 300 - given);
    const said = await Promise.all(servers.map(({ end }) => end()));
    for (const output of said) assert.match(output, /exchanges: [1-9]\d*, failures: \d/);
    // A server that was asked before its client had connected gave its share of a burst first.
    const share = said.every((output) => output.includes('failures: 0')) ? 0 : BURST;
    const most = BURST + share + RATE * seconds + NODES * CREDIT;
    assert.ok(given >= 1 && given <= most, `${given} of 300 in ${seconds} s`);
  } finally {
    for (const { kill } of servers) kill();
    await engine.end();
  }
});

examples.run();

/** The guard's timers and the life of the process: a call that runs keeps it alive until its time is up, and none after it. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('timers of the guard and the process');
const index = new URL('../../src/index.ts', import.meta.url).href;
const root = fileURLToPath(new URL('../../', import.meta.url));
/** Far below the time-outs below, and far above what the work takes. */
const PATIENCE_MS = 120_000;

/** What a process of its own prints that runs this code, once it has ended by itself. */
function printed(code: string): string {
  const program = `import { RateLimiter, RpcGuard } from '${index}'; const limiter = new RateLimiter({ maxPeers: 8 }); ${code}`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', program],
    { cwd: root, encoding: 'utf8', timeout: PATIENCE_MS },
  );
  assert.is(status, 0, stderr);
  return stdout.trim();
}

test('calls that have ended let the process end, however long their time-out was', () => {
  const output = printed(`
    const guard = new RpcGuard(limiter, { timeoutMs: 2 ** 31 - 1 });
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    await guard.run('peer', () => 1);
    await guard.run('peer', async () => 1);
    await guard.run('peer', async () => { await turn(); await turn(); });
    await guard.run('peer', turn, { timeoutMs: 2 ** 30 });
    console.log('done');`);
  assert.is(output, 'done');
});

test('a call that nobody answers keeps the process alive until its time is up', () => {
  const output = printed(`
    const guard = new RpcGuard(limiter, { timeoutMs: 20 });
    const never = () => new Promise(() => {});
    guard.run('peer', never).catch((error) => console.log(error.name, error.timeoutMs));
    guard.run('peer', never, { timeoutMs: 10 }).catch((error) => console.log(error.name, error.timeoutMs));`);
  assert.equal(output.split('\n').sort(), ['RpcTimeout 10', 'RpcTimeout 20']);
});

test.run();

// The installed package in Node: imported, required, the core taken as a file, the adapter without its framework.

import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { install, node } from './installed.js';

const test = suite('the package in Node');
const { project } = install();

/** Three checks of a burst of two, said as text. */
const USE = `
  const limiter = new RateLimiter({ maxRequestsPerSec: 1, burstSize: 2, maxPeers: 100 });
  const said = [1, 2, 3].map(() => reasonOf(limiter.check('peer-a', 1, 0)));
  console.log(said.join(), limiter.peerCount);
`;
const SAID = 'allowed,allowed,rate_limited 1';

test('imported', () => {
  const code = `import { RateLimiter, reasonOf } from 'peergate'; ${USE}`;
  assert.equal(node(project, '--input-type=module', '-e', code), { status: 0, output: SAID });
});

test('imported on demand, from CommonJS', () => {
  const code = `import('peergate').then(({ RateLimiter, reasonOf }) => { ${USE} })`;
  assert.equal(node(project, '--input-type=commonjs', '-e', code), { status: 0, output: SAID });
});

test('required', () => {
  const code = `const { RateLimiter, reasonOf } = require('peergate'); ${USE}`;
  const { status, output } = node(project, '--no-warnings', '--input-type=commonjs', '-e', code);
  assert.equal({ status, output }, { status: 0, output: SAID });
});

test('imported and required it is one and the same', () => {
  const code = `import { createRequire } from 'node:module'; import * as imported from 'peergate';
    const required = createRequire(process.cwd() + '/x.js')('peergate');
    console.log(required.RateLimiter === imported.RateLimiter, Object.keys(imported).join() === Object.keys(required).join());`;
  assert.equal(node(project, '--no-warnings', '--input-type=module', '-e', code), { status: 0, output: 'true true' });
});

test('the core, taken as a file and compiled by the caller', () => {
  const code = `import { readFileSync } from 'node:fs'; import { RateLimiter, reasonOf } from 'peergate';
    const module = new WebAssembly.Module(readFileSync(new URL(import.meta.resolve('peergate/core.wasm'))));
    WebAssembly.Module = class { constructor() { throw new Error('something was compiled'); } static [Symbol.hasInstance]() { return true; } };
    ${USE.replace('maxPeers: 100', 'maxPeers: 100, module')}`;
  assert.equal(node(project, '--input-type=module', '-e', code), { status: 0, output: SAID });
});

test('the adapter loads without its framework and takes the guard of the other entry', () => {
  const code = `import { ConfigError, RateLimiter, RpcGuard } from 'peergate'; import { guardJsonRpc } from 'peergate/json-rpc';
    const server = { applyMiddleware() {}, receive: async () => null };
    const gate = guardJsonRpc(server, new RpcGuard(new RateLimiter({ maxPeers: 10 })));
    try { guardJsonRpc(null, null); } catch (error) { console.log(gate.connections.size, error instanceof ConfigError); }`;
  assert.equal(node(project, '--input-type=module', '-e', code), { status: 0, output: '0 true' });
});

test('the controllers take the limiter of the other entry, and their timers let the process end', () => {
  const code = `import { RateLimiter } from 'peergate'; import { LimitTuner, LoadController } from 'peergate/adaptive';
    const limiter = new RateLimiter({ maxPeers: 10 });
    const load = new LoadController(limiter, { intervalMs: 10 });
    load.step(80, 0); load.start(); new LimitTuner(limiter).start(); console.log(limiter.loadFactor);`;
  assert.equal(node(project, '--input-type=module', '-e', code), { status: 0, output: '0.5' });
});

test('a limit across machines takes the limiter of the other entry, and its timers let the process end', () => {
  const code = `import { RateLimiter } from 'peergate'; import { ClusterSync } from 'peergate/cluster';
    const limiter = new RateLimiter({ maxPeers: 10, burstSize: 12 });
    const evalsha = async (sha, keys, args) => args.slice(2);
    const sync = new ClusterSync(limiter, { transport: { evalsha, eval: evalsha }, nodes: 3 });
    let given = 0; while (limiter.allows('peer')) given++;
    await sync.flush(); console.log(given, sync.state, sync.stats().keys);`;
  assert.equal(node(project, '--input-type=module', '-e', code), { status: 0, output: '2 up 1' });
});

test('importing it does nothing: no module is compiled, no timer keeps the process alive', () => {
  const code = `const { Module } = WebAssembly; let compiled = 0;
    WebAssembly.Module = new Proxy(Module, { construct: (target, args) => { compiled++; return new target(...args); } });
    const { RateLimiter } = await import('peergate'); await import('peergate/json-rpc'); await import('peergate/adaptive'); await import('peergate/cluster');
    const before = compiled; new RateLimiter({ maxPeers: 1 }); new RateLimiter({ maxPeers: 1 }); console.log(before, compiled);`;
  assert.equal(node(project, '--input-type=module', '-e', code), { status: 0, output: '0 1' });
});

test('npx peergate runs the command line of the package', () => {
  const log = '192.0.2.1 - - [01/Mar/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5\n'.repeat(30);
  const options = { cwd: project, input: log, encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync(
    'npx',
    ['--no', 'peergate', 'replay', '-', '--preset', 'strict'],
    options,
  );
  assert.is(status, 0, stderr);
  assert.match(stdout, '10 of 30 requests');
});

test('what is not exported cannot be reached', () => {
  const { status, output } = node(project, '--input-type=module', '-e', `await import('peergate/dist/index.js')`);
  assert.is(status, 1);
  assert.match(output, 'ERR_PACKAGE_PATH_NOT_EXPORTED');
});

test.run();

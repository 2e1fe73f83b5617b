// The package in the Workers runtime, which compiles no bytes and has no randomness before a request.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { install } from './installed.js';
import { runWorker } from './worker.js';

const test = suite('the package in Workers');
const installed = install();

const run = (code: string) => runWorker(installed, code);

const LIMITER = `
import { RateLimiter, reasonOf, RpcGuard, RpcRejection } from 'peergate';
const limiter = new RateLimiter({ maxRequestsPerSec: 1, burstSize: 2, maxPeers: 100 }); // at module scope
const expect = (seen, expected) => { if (String(seen) !== String(expected)) throw new Error('saw ' + seen); };
`;

test('a limiter made at module scope decides within a request', async () => {
  const { status, output } = await run(`${LIMITER}
    export default { test() {
      expect([1, 2, 3].map(() => reasonOf(limiter.check('peer-a'))), 'allowed,allowed,rate_limited');
      expect(limiter.peerCount, 1);
    } };`);
  assert.is(status, 0, output);
});

test('the guard and the adapter share the classes of the entry', async () => {
  const { status, output } = await run(`${LIMITER}
    import { ConfigError } from 'peergate';
    import { guardJsonRpc } from 'peergate/json-rpc';
    export default { async test() {
      const guard = new RpcGuard(limiter, { timeoutMs: 1_000 });
      expect(await guard.run('peer-a', () => 7), 7);
      await guard.run('peer-a', () => 7);
      try { await guard.run('peer-a', () => 7); expect('an answer', 'a rejection'); }
      catch (error) { expect(error instanceof RpcRejection && error.code, -32001); }
      try { guardJsonRpc(null, guard); expect('a gate', 'an error'); }
      catch (error) { expect(error instanceof ConfigError, true); }
    } };`);
  assert.is(status, 0, output);
});

test('the load controller steps, and its timer finds nothing to read where the clock stands still', async () => {
  const { status, output } = await run(`${LIMITER}
    import { LoadController } from 'peergate/adaptive';
    export default { async test() {
      const load = new LoadController(limiter, { intervalMs: 10 });
      load.step(80, 0);
      expect(limiter.loadFactor, 0.5);
      load.start();
      await new Promise((resolve) => setTimeout(resolve, 50));
      load.stop();
    } };`);
  assert.is(status, 0, output);
});

test('a time-out ends a call of its own request, whatever other requests of the same guard began and ended', async () => {
  const { status, output } = await run(`${LIMITER}
    const guard = new RpcGuard(limiter, { timeoutMs: 200 });
    const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    export default {
      async fetch(request) {
        const name = new URL(request.url).pathname;
        const handler = name === '/quick' ? () => pause(20) : () => pause(1_000_000);
        try { await guard.run(name, handler); return new Response('answered'); }
        catch (error) { return new Response(error.name); }
      },
      async test(_, { SELF }) {
        const ask = async (name) => (await SELF.fetch('http://main/' + name)).text();
        const quick = ask('quick');
        await pause(5);
        expect(await Promise.all([quick, ask('slow'), ask('slow')]), 'answered,RpcTimeout,RpcTimeout');
      } };`);
  assert.is(status, 0, output);
});

test('a Fetch handler at module scope is limited by cf-connecting-ip, and a time-out of it is a failure', async () => {
  const { status, output } = await run(`${LIMITER}
    import { guardFetch } from 'peergate/fetch';
    const guard = new RpcGuard(limiter, { timeoutMs: 20 });
    const serve = guardFetch(guard)(async (request, env, ctx) => {
      if (new URL(request.url).pathname === '/late') await new Promise((resolve) => setTimeout(resolve, 100));
      return new Response('hello');
    });
    export default {
      fetch: serve,
      async test(_, { SELF }) {
        const ask = async (ip, path = '/') => {
          const { status, headers } = await SELF.fetch('http://main' + path, { headers: { 'cf-connecting-ip': ip } });
          return [status, headers.get('ratelimit'), headers.get('content-type')];
        };
        expect(await ask('192.0.2.1'), ['200', '"peer";r=1', 'text/plain;charset=UTF-8']);
        expect(await ask('192.0.2.1'), ['200', '"peer";r=0', 'text/plain;charset=UTF-8']);
        expect((await ask('192.0.2.1'))[0], 429);
        expect((await ask('2001:db8::1', '/late'))[0], 200);
        expect([...limiter.peers()].map(({ id, failures }) => id + ' ' + failures), ['192.0.2.1 0', '2001:db8::/64 1']);
      },
    };`);
  assert.is(status, 0, output);
});

test('what goes wrong in there is seen out here', async () => {
  const { status } = await run(`${LIMITER} export default { test() { expect(limiter.peerCount, 1); } };`);
  assert.is.not(status, 0);
});

test.run();

/** What peergate/fetch does on any runtime: who asks, which answers it can change, when a request has ended. */

import { Hono } from 'hono';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guardFetch, guardHono } from '../../../src/adapters/fetch.js';
import type { RpcGuard } from '../../../src/index.js';
import { drain, thrownBy } from '../../support.js';

import { byHeader, peersOf, request, rig } from './rig.js';

const test = suite('peergate/fetch');

/** What `act` writes to the console as errors. */
async function complaintsOf(act: () => Promise<void>): Promise<unknown[]> {
  const { error } = console;
  const written: unknown[] = [];
  console.error = (_text: unknown, reason: unknown) => written.push(reason);
  try {
    await act();
  } finally {
    console.error = error;
  }
  return written;
}

const handed: [string, unknown, string][] = [
  ['Bun', { requestIP: () => ({ address: '192.0.2.1', family: 'IPv4', port: 5 }) }, '192.0.2.1'],
  ['Hono on Bun', { server: { requestIP: () => ({ address: '192.0.2.1' }) } }, '192.0.2.1'],
  ['Deno', { remoteAddr: { transport: 'tcp', hostname: '2001:db8:1:2::7', port: 5 } }, '2001:db8:1:2::/64'],
  ['Node', { incoming: { socket: { remoteAddress: '::ffff:192.0.2.1' } } }, '192.0.2.1'],
];
for (const [runtime, value, expected] of handed) {
  test(`the default peer on ${runtime} is the address of the connection, and no header changes it`, async () => {
    const headers = { 'cf-connecting-ip': '198.51.100.9', 'x-forwarded-for': '198.51.100.9' };
    const { limiter, guard } = rig();
    await guardFetch(guard)((_request: Request, _handed: unknown) => new Response('ok'))(request(headers), value);
    assert.equal(peersOf(limiter), [expected]);
    const hono = rig();
    const app = new Hono();
    app.use(guardHono(hono.guard));
    app.get('/', (c) => c.text('ok'));
    assert.is((await app.request('/', { headers }, value as object)).status, 200);
    assert.equal(peersOf(hono.limiter), [expected]);
  });
}

test('in Workers the default peer is cf-connecting-ip', async () => {
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'Cloudflare-Workers' }, configurable: true });
  try {
    const { limiter, guard } = rig();
    const bindings = { SECRET: 'x' };
    const fetch = guardFetch(guard)((_request: Request, _env: typeof bindings, _ctx: object) => new Response('ok'));
    await fetch(request({ 'cf-connecting-ip': '192.0.2.1' }), bindings, {});
    assert.equal(peersOf(limiter), ['192.0.2.1']);
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis, 'navigator');
    else Object.defineProperty(globalThis, 'navigator', before);
  }
});

test('where nobody knows the address, that is an error of the server, whatever the client says', async () => {
  for (const value of [undefined, null, {}, { remoteAddr: { transport: 'unix' } }, { requestIP: () => null }]) {
    const { limiter, guard } = rig();
    const complaints = await complaintsOf(async () => {
      const answer = await guardFetch(guard)((_request: Request, _handed: unknown) => new Response('ok'))(
        request({ 'cf-connecting-ip': '198.51.100.9' }),
        value,
      );
      assert.is(answer.status, 500);
    });
    assert.is((complaints[0] as { code: string }).code, 'ERR_PEERGATE_ADDRESS');
    assert.is(limiter.peerCount, 0);
  }
});

test('your own peer function gets what the runtime hands over, and the handler all of it', async () => {
  const { limiter, guard } = rig();
  const seen: unknown[] = [];
  const fetch = guardFetch(guard, { peer: (_request, info: { name: string }) => info.name })(
    (_request: Request, ...rest: [{ name: string }, number]) => {
      seen.push(...rest);
      return new Response('ok');
    },
  );
  const info = { name: 'someone' };
  await fetch(request(), info, 5);
  assert.equal(seen, [info, 5]);
  assert.equal(peersOf(limiter), ['someone']);
});

test('an answer carries the RateLimit fields, also one whose fields cannot be changed', async () => {
  const { guard, limiter } = rig();
  const answers = [() => new Response('ok'), () => Response.redirect('http://test/there'), () => Response.json({})];
  const fields = async (answer: () => Response) => {
    const { headers } = await guardFetch(guard, byHeader)((_request: Request) => answer())(request());
    return [headers.get('ratelimit-policy'), headers.get('ratelimit')];
  };
  for (const [i, answer] of answers.entries()) {
    assert.equal(await fields(answer), ['"peer";q=5;w=1', `"peer";r=${4 - i}`]);
  }
  drain(limiter, 'peer', 1_000);
  const off = guardFetch(guard, { ...byHeader, headers: false })((_request: Request) => new Response('ok'));
  assert.is((await off(request())).headers.get('ratelimit'), null);
});

test('a rejected request gets a problem document', async () => {
  const { guard, limiter } = rig();
  drain(limiter, 'peer', 0);
  const answer = await guardFetch(guard, byHeader)((_request: Request) => new Response('ok'))(request());
  assert.is(answer.status, 429);
  assert.is(answer.headers.get('content-type'), 'application/problem+json');
  assert.is(answer.headers.get('retry-after'), '1');
  assert.is(answer.headers.get('ratelimit'), '"peer";r=0;t=1');
  assert.is(((await answer.json()) as { retryAfterMs: number }).retryAfterMs, 100);
});

test('Hono: what an outer middleware set is on a rejection, and a handler’s own fields stay', async () => {
  const { guard, limiter } = rig();
  const app = new Hono();
  app.use(async (c, next) => {
    c.header('access-control-allow-origin', '*');
    await next();
  });
  app.use(guardHono(guard, { peer: () => 'peer' }));
  app.get('/', () => new Response('ok', { headers: { 'x-own': '1' } }));
  const answer = await app.request('/');
  assert.is(answer.headers.get('x-own'), '1');
  assert.is(answer.headers.get('ratelimit'), '"peer";r=4');
  drain(limiter, 'peer', 1_000);
  const rejected = await app.request('/');
  assert.is(rejected.status, 429);
  assert.is(rejected.headers.get('access-control-allow-origin'), '*');
  assert.is(rejected.headers.get('content-type'), 'application/problem+json');
  assert.is((await app.request('/', { method: 'HEAD' })).status, 429);
});

test('options that are inherited count', async () => {
  const { limiter, guard } = rig();
  const options = Object.create({ peer: () => 'peer', cost: () => 3 });
  await guardFetch(guard, options)(() => new Response('ok'))(request());
  assert.is(limiter.getAvailableTokens('peer'), 2);
});

test('bad options are refused by name', () => {
  const { guard } = rig();
  for (const make of [guardFetch, guardHono] as ((guard: RpcGuard, options: never) => unknown)[]) {
    const fieldOf = (options: unknown) => thrownBy(() => make(guard, options as never)).field;
    assert.is(fieldOf({ peers: () => 'peer' }), 'peers');
    assert.is(fieldOf({ peer: 'peer' }), 'peer');
    assert.is(fieldOf({ headers: true }), 'headers');
    assert.is(fieldOf(null), 'options');
  }
});

test.run();

/** What peergate/fetch does on any runtime: who asks, which answers it can change, when a request has ended. */

import { Hono } from 'hono';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type FetchOptions, guardFetch, guardHono } from '../../../src/adapters/fetch.js';
import { RateLimiter, RpcGuard } from '../../../src/index.js';
import { rejectionOf, until } from '../../rpc/support.js';
import { drain, openCircuit, thrownBy } from '../../support.js';

const test = suite('peergate/fetch');

function rig(timeoutMs = 60_000) {
  const at = { ms: 0 };
  const limiter = new RateLimiter({
    maxRequestsPerSec: 10,
    burstSize: 5,
    circuitBreakerThreshold: 2,
    circuitBreakerTimeoutMs: 1_000,
    maxPeers: 16,
    clock: () => at.ms,
  });
  return { at, limiter, guard: new RpcGuard(limiter, { timeoutMs }) };
}

const request = (headers: Record<string, string> = {}, signal?: AbortSignal) =>
  new Request('http://test/', { headers, ...(signal && { signal }) });

const byHeader: FetchOptions<Request> = { peer: ({ headers }) => headers.get('x-peer') ?? 'peer' };

const peersOf = (limiter: RateLimiter) => [...limiter.peers()].map(({ id }) => id);
const failuresOf = (limiter: RateLimiter) => [...limiter.peers()].reduce((sum, { failures }) => sum + failures, 0);

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

test('an answer with 500 or more, a throw and a time-out are failures; a throw goes on', async () => {
  const { guard, limiter } = rig(20);
  const fetchOf = (handler: () => Response | Promise<Response>) =>
    guardFetch(guard, byHeader)((_: Request) => handler());
  await fetchOf(() => new Response('', { status: 404 }))(request());
  assert.is(failuresOf(limiter), 0);
  await fetchOf(() => new Response('', { status: 502 }))(request());
  assert.is(failuresOf(limiter), 1);
  limiter.resetCircuit('peer', 0);
  const before = failuresOf(limiter);
  const crash = fetchOf(() => {
    throw new Error('crash');
  })(request());
  assert.is((await rejectionOf(crash)).message, 'crash');
  assert.is(failuresOf(limiter), before + 1);
  limiter.resetCircuit('peer', 0);
  let answerLate = (_: Response) => {};
  const late = fetchOf(
    () =>
      new Promise((resolve) => {
        answerLate = resolve;
      }),
  )(request());
  const count = failuresOf(limiter);
  await until(() => failuresOf(limiter) === count + 1, 'the time-out');
  answerLate(new Response('late'));
  assert.is(await (await late).text(), 'late', 'the answer is still given');
  assert.is(failuresOf(limiter), count + 1);
});

test('a client that left by the time its handler throws, or runs out of time, is ignored', async () => {
  for (const end of ['throw', 'time-out']) {
    const { guard, limiter, at } = rig(20);
    openCircuit(limiter, 'peer', 0);
    at.ms = 1_000;
    const controller = new AbortController();
    const before = failuresOf(limiter);
    const call = guardFetch(
      guard,
      byHeader,
    )(
      ({ signal }: Request) =>
        new Promise<Response>((_, reject) => {
          if (end === 'throw') signal.addEventListener('abort', () => reject(signal.reason));
        }),
    )(request({}, controller.signal));
    call.catch(() => {});
    controller.abort();
    await until(() => limiter.allows('peer'), 'the probe to come back');
    assert.is(failuresOf(limiter), before);
  }
});

test('a streamed body ends the request when it ends, fails or is cancelled', async () => {
  const ends: [string, (reader: ReadableStreamDefaultReader) => Promise<unknown>, number][] = [
    ['end', (reader) => reader.read(), 0],
    ['fail', (reader) => rejectionOf(reader.read()), 1],
    ['cancel', (reader) => reader.cancel(), 0],
  ];
  for (const [how, finish, failures] of ends) {
    for (const type of [undefined, 'text/event-stream', 'application/x-ndjson; charset=utf-8']) {
      const { guard, limiter } = rig();
      let cancelled = false;
      const source = () =>
        new ReadableStream({
          start(controller) {
            controller.enqueue(new Uint8Array([1, 2, 3]));
          },
          pull(controller) {
            if (how === 'fail') controller.error(new Error('cut'));
            else if (how === 'end') controller.close();
          },
          cancel() {
            cancelled = true;
          },
        });
      const headers = type === undefined ? {} : { 'content-type': type };
      const fetch = guardFetch(guard, byHeader)((_: Request) => new Response(source(), { headers, status: 201 }));
      const answer = await fetch(request());
      assert.is(answer.status, 201);
      const reader = (answer.body as ReadableStream).getReader();
      assert.equal((await reader.read()).value, new Uint8Array([1, 2, 3]));
      await finish(reader);
      await until(() => failuresOf(limiter) === failures, `the outcome of ${how}`);
      assert.is(cancelled, how === 'cancel');
    }
  }
});

test('an answer to an upgrade, and no answer at all, go through untouched', async () => {
  const { guard, limiter } = rig();
  const upgrade = { status: 101, headers: new Headers(), body: null };
  assert.is(await guardFetch(guard, byHeader)((_: Request) => upgrade)(request()), upgrade);
  assert.is(upgrade.headers.has('ratelimit'), false);
  assert.is(await guardFetch(guard, byHeader)((_: Request) => undefined)(request()), undefined);
  assert.is(failuresOf(limiter), 0);
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

test('Hono: what a handler throws is judged by the status that the app made of it', async () => {
  const { guard, limiter } = rig();
  const app = new Hono();
  app.use(guardHono(guard, { peer: () => 'peer' }));
  app.onError((error, c) => c.text('', error.message === 'mine' ? 500 : 400));
  app.get('/mine', () => {
    throw new Error('mine');
  });
  app.get('/yours', () => {
    throw new Error('yours');
  });
  assert.is((await app.request('/yours')).status, 400);
  assert.is(failuresOf(limiter), 0);
  assert.is((await app.request('/mine')).status, 500);
  assert.is(failuresOf(limiter), 1);
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

/** What peergate/http says: statuses, fields and bodies, and to whom. */

import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import fastify from 'fastify';
import Koa from 'koa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fastifyPeergate, guardHttp, guardKoa } from '../../../src/adapters/http.js';
import { RateLimiter, RpcGuard } from '../../../src/index.js';
import { until } from '../../rpc/support.js';
import { drain, openCircuit, thrownBy } from '../../support.js';
import { failuresOf, guarded, LOCAL, listened, ok, serving } from './servers.js';

const test = suite('peergate/http: what it says');

test('an allowed answer says what the policy is and what is left after it', async () => {
  await serving(ok, async ({ url }) => {
    for (let left = 4; left >= 0; left--) {
      const { status, headers } = await fetch(url);
      assert.is(status, 200);
      assert.is(headers.get('ratelimit-policy'), '"peer";q=5;w=1');
      assert.is(headers.get('ratelimit'), `"peer";r=${left}`);
      assert.is(headers.get('retry-after'), null);
    }
  });
});

test('a rejected request gets a problem document, and the wait in whole seconds, rounded up', async () => {
  await serving(
    ok,
    async ({ url, limiter }) => {
      drain(limiter, LOCAL, 0);
      const response = await fetch(url);
      assert.is(response.status, 429);
      assert.is(response.headers.get('content-type'), 'application/problem+json');
      assert.is(response.headers.get('retry-after'), '4');
      assert.is(response.headers.get('ratelimit-policy'), '"peer";q=5;w=17');
      assert.is(response.headers.get('ratelimit'), '"peer";r=0;t=4');
      assert.equal(await response.json(), {
        type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
        title: 'Too many requests from this peer',
        status: 429,
        retryAfterMs: 3334,
        'violated-policies': ['peer'],
      });
    },
    {},
    { maxRequestsPerSec: 0.3 },
  );
});

test('the policy is that of the limits in force', async () => {
  await serving(ok, async ({ url, limiter }) => {
    await fetch(url);
    limiter.configure({ burstSize: 200, maxRequestsPerSec: 100 }, 0);
    assert.is((await fetch(url)).headers.get('ratelimit-policy'), '"peer";q=200;w=2');
  });
});

test('an open circuit is 429, or 503 where you say so', async () => {
  for (const [options, status] of [
    [{}, 429],
    [{ circuitOpenStatus: 429 }, 429],
    [{ circuitOpenStatus: 503 }, 503],
  ] as const) {
    await serving(
      ok,
      async ({ url, limiter }) => {
        openCircuit(limiter, LOCAL, 0);
        const response = await fetch(url);
        assert.is(response.status, status);
        assert.is(response.headers.get('retry-after'), '2');
        assert.is(response.headers.get('ratelimit'), '"peer";r=0;t=2');
        const problem = (await response.json()) as Record<string, unknown>;
        assert.is(problem['status'], status);
        assert.is(problem['retryAfterMs'], 1_500);
        assert.match(String(problem['type']), /#abnormal-usage-detected$/);
      },
      options,
    );
  }
});

test('where waiting cannot help there is no Retry-After and no t', async () => {
  await serving(
    ok,
    async ({ url }) => {
      const response = await fetch(url);
      assert.is(response.status, 429);
      assert.is(response.headers.get('retry-after'), null);
      assert.is(response.headers.get('ratelimit'), '"peer";r=5');
      assert.is(((await response.json()) as { retryAfterMs: unknown }).retryAfterMs, null);
    },
    { cost: () => 6 },
  );
});

test('headers: false takes the RateLimit fields away, and Retry-After stays', async () => {
  await serving(
    ok,
    async ({ url, limiter }) => {
      assert.is((await fetch(url)).headers.get('ratelimit'), null);
      drain(limiter, LOCAL, 1_000);
      const { status, headers } = await fetch(url);
      assert.is(status, 429);
      assert.is(headers.get('ratelimit-policy'), null);
      assert.is(headers.get('retry-after'), '2');
    },
    { headers: false },
  );
});

test('bad options are refused by name', () => {
  const { guard } = guarded();
  const fieldOf = (options: object) => thrownBy(() => guardHttp(guard, options)).field;
  assert.is(fieldOf({ headers: true }), 'headers');
  assert.is(fieldOf({ headers: 'draft-7' }), 'headers');
  assert.is(fieldOf({ circuitOpenStatus: 500 }), 'circuitOpenStatus');
  assert.is(fieldOf({ skip: true }), 'skip');
  assert.is(fieldOf({ header: false }), 'header');
  assert.is(thrownBy(() => guardHttp(guard, null as never)).field, 'options');
});

test('what a second guard turns away is no outcome for the first', async () => {
  const full = new RateLimiter({ maxPeers: 1, onFull: 'reject' });
  full.peer('pinned');
  const first = new RateLimiter({ circuitBreakerThreshold: 1 });
  const outer = guardHttp(new RpcGuard(first));
  const inner = guardHttp(new RpcGuard(full));
  const server = createServer((request, response) =>
    outer(request, response, () => inner(request, response, () => assert.unreachable())),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  for (let i = 0; i < 2; i++) assert.is((await fetch(`http://127.0.0.1:${port}`)).status, 503);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  assert.is(first.getCircuitState('127.0.0.1'), 'closed');
});

test('skip lets requests through without a limit, and one that throws is an error of the server', async () => {
  const skip = ({ method, url }: IncomingMessage) => {
    if (url === '/bad') throw new Error('skip');
    return method === 'OPTIONS';
  };
  await serving(
    ok,
    async ({ url, limiter }) => {
      drain(limiter, LOCAL, 0);
      const preflight = await fetch(url, { method: 'OPTIONS' });
      assert.is(preflight.status, 200);
      assert.is(preflight.headers.get('ratelimit'), null);
      assert.is((await fetch(url)).status, 429);
      const { error } = console;
      console.error = () => {};
      const bad = await fetch(`${url}bad`);
      console.error = error;
      assert.is(bad.status, 500);
      assert.equal(await bad.json(), {
        type: 'about:blank',
        title: 'Internal Server Error',
        status: 500,
        retryAfterMs: null,
        'violated-policies': [],
      });
    },
    { skip },
  );
});

test('the default peer is the address of the socket', async () => {
  await serving(ok, async ({ url, limiter }) => {
    await fetch(url, { headers: { 'x-forwarded-for': '192.0.2.1' } });
    assert.equal(
      [...limiter.peers()].map(({ id }) => id),
      [LOCAL],
    );
  });
});

test('a request counts once, however often the guard is mounted', async () => {
  const { limiter, guard } = guarded();
  const app = express();
  const limit = guardHttp(guard);
  app.use(limit);
  app.get('/', limit, (_request, response) => void response.end('ok'));
  await listened(createServer(app), async (port) => {
    const url = `http://${LOCAL}:${port}/`;
    await fetch(url);
    assert.is(limiter.getAvailableTokens(LOCAL), 4);
    const head = await fetch(url, { method: 'HEAD' });
    assert.is(head.headers.get('ratelimit'), '"peer";r=3');
    assert.is(limiter.getAvailableTokens(LOCAL), 3);
  });
});

test('Fastify: HEAD counts once, and requests without a route and preflights count, too', async () => {
  const { limiter, guard } = guarded();
  const app = fastify();
  app.register(fastifyPeergate, { guard });
  app.get('/', async () => 'ok');
  await app.listen({ port: 0, host: LOCAL });
  const url = `http://${LOCAL}:${(app.server.address() as AddressInfo).port}/`;
  try {
    const statuses: number[] = [];
    for (const [method, path] of [
      ['HEAD', ''],
      ['GET', ''],
      ['GET', 'none'],
      ['OPTIONS', ''],
      ['POST', 'none'],
    ] as const) {
      statuses.push((await fetch(url + path, { method })).status);
    }
    assert.equal(statuses, [200, 200, 404, 404, 404]);
    assert.is(limiter.getAvailableTokens(LOCAL), 0);
    for (const path of ['', 'none']) assert.is((await fetch(url + path)).status, 429);
    assert.equal(limiter.rejectionsBy('http'), { answered: 2, dropped: 0, closed: 0 });
    assert.is((await app.inject('/')).statusCode, 429, 'without a socket');
  } finally {
    await app.close();
  }
});

test('Fastify: what another plugin set on the reply, such as CORS fields, is on the rejection', async () => {
  const { limiter, guard } = guarded();
  const app = fastify();
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('access-control-allow-origin', '*');
    done();
  });
  app.register(fastifyPeergate, { guard });
  drain(limiter, LOCAL, 0);
  const { statusCode, headers } = await app.inject('/');
  assert.is(statusCode, 429);
  assert.is(headers['access-control-allow-origin'], '*');
  assert.is(headers['content-type'], 'application/problem+json');
  await app.close();
});

test('Koa: a status that a handler throws is judged by its number', async () => {
  const { limiter, guard } = guarded();
  const app = new Koa();
  app.silent = true;
  app.use(guardKoa(guard));
  app.use((ctx) => ctx.throw(ctx.path === '/bad' ? 503 : 404));
  await listened(createServer(app.callback()), async (port) => {
    const url = `http://${LOCAL}:${port}`;
    for (let i = 0; i < 3; i++) assert.is((await fetch(`${url}/none`)).status, 404);
    assert.is(failuresOf(limiter), 0);
    assert.is((await fetch(`${url}/bad`)).status, 503);
    await until(() => failuresOf(limiter) === 1, 'the failure');
  });
});

test.run();

/** What peergate/http says in Koa and Fastify. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import Koa from 'koa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fastifyPeergate, guardKoa } from '../../../src/adapters/http.js';
import { until } from '../../rpc/support.js';
import { drain } from '../../support.js';
import { failuresOf, guarded, LOCAL, listened } from './servers.js';

const test = suite('peergate/http: Koa and Fastify');

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

test('Fastify: options that are inherited count', async () => {
  const { limiter, guard } = guarded();
  const app = fastify();
  await app.register(fastifyPeergate, Object.assign(Object.create({ peer: () => 'peer', cost: () => 3 }), { guard }));
  app.get('/', async () => 'ok');
  await app.inject('/');
  assert.is(limiter.getAvailableTokens('peer'), 2);
});

test('Fastify: an answer that a test gets by inject is judged by its status', async () => {
  const { limiter, guard } = guarded();
  const app = fastify();
  await app.register(fastifyPeergate, { guard, peer: () => 'peer' });
  app.get('/', async () => 'ok');
  app.get('/crash', async () => {
    throw new Error('crash');
  });
  for (const path of ['/', '/none', '/']) await app.inject(path);
  assert.is(failuresOf(limiter), 0);
  await app.inject('/crash');
  assert.is(failuresOf(limiter), 1);
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

// Servers of HTTP frameworks, bare and with the guard before them, to be used in turns.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import Koa from 'koa';
import type * as FetchAdapter from '../../src/adapters/fetch.js';
import type * as HttpAdapter from '../../src/adapters/http.js';
import type { Figures } from '../measure.js';
import { Limiter, RpcGuard } from '../peergate.js';
import { inTurns } from './pair.js';

const entry = (name: string) => import(new URL(`../../dist/${name}.js`, import.meta.url).href);
const { guardHttp, guardKoa, fastifyPeergate } = (await entry('http')) as typeof HttpAdapter;
const { guardHono } = (await entry('fetch')) as typeof FetchAdapter;

/** Makes a server that answers `hello`, with a guard or without. */
type Make = (guard: InstanceType<typeof RpcGuard> | undefined) => Server | Promise<Server>;

const frameworks = {
  'node:http': (guard) => {
    if (guard === undefined) return createServer((_request, response) => response.end('hello'));
    const limit = guardHttp(guard);
    return createServer((request, response) => limit(request, response, () => response.end('hello')));
  },
  'node:http, headers: false': (guard) => {
    if (guard === undefined) return createServer((_request, response) => response.end('hello'));
    const limit = guardHttp(guard, { headers: false });
    return createServer((request, response) => limit(request, response, () => response.end('hello')));
  },
  'Express 5': (guard) => {
    const app = express();
    if (guard !== undefined) app.use(guardHttp(guard));
    app.get('/', (_request, response) => void response.send('hello'));
    return createServer(app);
  },
  'Koa 3': (guard) => {
    const app = new Koa();
    if (guard !== undefined) app.use(guardKoa(guard));
    app.use((ctx) => {
      ctx.body = 'hello';
    });
    return createServer(app.callback());
  },
  'Fastify 5': async (guard) => {
    const app = fastify();
    if (guard !== undefined) app.register(fastifyPeergate, { guard });
    app.get('/', async () => 'hello');
    await app.ready();
    return app.server;
  },
  'Hono 4': (guard) => {
    const app = new Hono();
    if (guard !== undefined) app.use(guardHono(guard));
    app.get('/', (c) => c.text('hello'));
    return createServer(getRequestListener(app.fetch));
  },
  // With any middleware at all, Hono takes a slower way.
  'Hono 4, beside a middleware': (guard) => {
    const app = new Hono();
    app.use((_c, next) => next());
    if (guard !== undefined) app.use(guardHono(guard));
    app.get('/', (c) => c.text('hello'));
    return createServer(getRequestListener(app.fetch));
  },
} satisfies Record<string, Make>;

export type Framework = keyof typeof frameworks;

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

export async function http(name: Framework): Promise<Figures> {
  const make: Make = frameworks[name];
  const guard = new RpcGuard(new Limiter({ maxRequestsPerSec: 1e6, burstSize: 1e9 }));
  return inTurns([await portOf(await make(undefined)), await portOf(await make(guard))], 'http-clients');
}

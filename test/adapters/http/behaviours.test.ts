/** The HTTP adapters over loopback, each with its framework's real server. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import connect from 'connect';
import express from 'express';
import fastify from 'fastify';
import Koa from 'koa';
import { fastifyPeergate, guardHttp, guardKoa, type HttpOptions } from '../../../src/adapters/http.js';
import type { RpcGuard } from '../../../src/index.js';
import { behave, type Options } from '../behaviours.js';
import { bodyOf, httpRig, listening, type Methods, send } from '../http-rig.js';

type NodeOptions = HttpOptions<IncomingMessage>;

const peerOf = (request: IncomingMessage) => request.headers['x-peer'];
const noTimeLimit = { without: { 'time-out': 'ends with its connection' } } as const;

/** The methods, for whatever hands over Node's two objects. */
async function answer(request: IncomingMessage, response: ServerResponse, methods: Methods): Promise<void> {
  const name = request.url?.slice(1) ?? '';
  methods.reached(name);
  if (name === 'crash') throw new Error('crash');
  if (name === 'hang') return;
  if (name === 'stream') {
    await send(methods.messages(), response);
    return;
  }
  await bodyOf(request, methods);
  response.end('{}');
}

function crashed(response: ServerResponse): void {
  response.statusCode = 500;
  response.end();
}

behave(
  httpRig(
    'node:http',
    (guard, options, methods) => {
      const limit = guardHttp(guard, options as NodeOptions);
      const serve = (request: IncomingMessage, response: ServerResponse) =>
        limit(request, response, () => {
          answer(request, response, methods).catch(() => crashed(response));
        });
      return listening(createServer(serve));
    },
    (guard, options) => guardHttp(guard, options as NodeOptions),
    peerOf,
    noTimeLimit,
  ),
).run();

behave(
  httpRig(
    'connect 3',
    (guard, options, methods) => {
      const app = connect();
      app.use(guardHttp(guard, options as HttpOptions<connect.IncomingMessage>));
      app.use((request, response, next) => {
        answer(request, response, methods).catch(next);
      });
      app.use((_error: unknown, _request: unknown, response: ServerResponse, _next: unknown) => crashed(response));
      return listening(createServer(app));
    },
    (guard, options) => guardHttp(guard, options as NodeOptions),
    peerOf,
    noTimeLimit,
  ),
).run();

behave(
  httpRig(
    'Express 5',
    (guard, options, methods) => {
      const app = express();
      app.set('env', 'test'); // so that it writes no crash to the console
      app.use(guardHttp(guard, options as HttpOptions<express.Request>));
      app.use(express.json({ verify: () => void methods.parsed++ }));
      app.post('/ok', (_request, response) => {
        methods.reached('ok');
        response.json({});
      });
      app.post('/crash', async () => {
        methods.reached('crash');
        throw new Error('crash');
      });
      app.post('/hang', () => methods.reached('hang'));
      app.post('/stream', (_request, response) => {
        methods.reached('stream');
        return send(methods.messages(), response);
      });
      return listening(createServer(app));
    },
    (guard, options) => guardHttp(guard, options as NodeOptions),
    peerOf,
    noTimeLimit,
  ),
).run();

behave(
  httpRig(
    'Koa 3',
    (guard, options, methods) => {
      const app = new Koa();
      app.silent = true;
      app.use(guardKoa(guard, options as HttpOptions<Koa.Context>));
      app.use(async (ctx) => {
        const name = ctx.path.slice(1);
        methods.reached(name);
        if (name === 'crash') throw new Error('crash');
        if (name === 'hang') await new Promise(() => {});
        if (name === 'stream') ctx.body = Readable.from(methods.messages());
        else {
          await bodyOf(ctx.req, methods);
          ctx.body = '{}';
        }
      });
      return listening(createServer(app.callback()));
    },
    (guard, options) => guardKoa(guard, options as HttpOptions<Koa.Context>),
    (ctx: Koa.Context) => peerOf(ctx.req),
  ),
).run();

behave(
  httpRig(
    'Fastify 5',
    async (guard, options, methods) => {
      const app = fastify();
      await app.register(fastifyPeergate, { guard, ...options });
      app.addHook('preValidation', (request, _reply, next) => {
        if (request.body !== undefined) methods.parsed++;
        next();
      });
      app.post('/ok', async () => {
        methods.reached('ok');
        return {};
      });
      app.post('/crash', async () => {
        methods.reached('crash');
        throw new Error('crash');
      });
      app.post('/hang', () => {
        methods.reached('hang');
        return new Promise(() => {});
      });
      app.post('/stream', async (_request, reply) => {
        methods.reached('stream');
        return reply.type('text/plain').send(Readable.from(methods.messages()));
      });
      await app.listen({ port: 0, host: '127.0.0.1' });
      return app.server;
    },
    (guard: RpcGuard, options: Options) => fastify().register(fastifyPeergate, { guard, ...options }),
    (request: { raw: IncomingMessage }) => peerOf(request.raw),
    noTimeLimit,
  ),
).run();

/** The Fetch adapters over loopback: Hono and a plain handler on Node, each with the real server. */

import { once } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import { serve } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { type FetchOptions, guardFetch, guardHono, type HttpOptions } from '../../../src/adapters/fetch.js';
import { behave } from '../behaviours.js';
import { httpRig, type Methods } from '../http-rig.js';

// It writes each stream that fails to the console.
const { error } = console;
console.error = (...args) => /stream failed|aborted/.test(String(args[0])) || error(...args);

type Fetch = (request: Request, env: { incoming: IncomingMessage }) => Response | Promise<Response>;

async function listening(fetch: Fetch): Promise<Server> {
  const server = serve({ fetch: fetch as never, port: 0, hostname: '127.0.0.1' }) as Server;
  if (!server.listening) await once(server, 'listening');
  return server;
}

/** A body that is cut off where the messages fail. */
function bodyOf(messages: AsyncGenerator<string>): ReadableStream {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await messages.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
  });
}

async function answer(request: Request, methods: Methods): Promise<Response> {
  const name = new URL(request.url).pathname.slice(1);
  methods.reached(name);
  if (name === 'crash') throw new Error('crash');
  if (name === 'hang') {
    await new Promise((_, reject) => request.signal.addEventListener('abort', () => reject(request.signal.reason)));
  }
  if (name === 'stream') return new Response(bodyOf(methods.messages()));
  await request.json();
  methods.parsed++;
  return Response.json({});
}

behave(
  httpRig(
    'Hono 4 on Node',
    (guard, options, methods) => {
      const app = new Hono();
      app.use(guardHono(guard, options as HttpOptions<Context>));
      app.onError((_error, c) => c.text('crash', 500));
      app.post('/ok', async (c) => {
        methods.reached('ok');
        await c.req.json();
        methods.parsed++;
        return c.json({});
      });
      app.post('/crash', () => {
        methods.reached('crash');
        throw new Error('crash');
      });
      app.post('/hang', () => {
        methods.reached('hang');
        return new Promise<Response>(() => {});
      });
      app.post('/stream', (c) => {
        methods.reached('stream');
        return c.body(bodyOf(methods.messages()));
      });
      return listening(app.fetch as Fetch);
    },
    (guard, options) => guardHono(guard, options as HttpOptions<Context>),
    (c: Context) => c.req.header('x-peer'),
  ),
).run();

/** With what Node hands over, and without, as on a runtime that only has requests and responses. */
for (const [name, handsOver] of [
  ['fetch on Node', true],
  ['fetch alone', false],
] as const) {
  behave(
    httpRig(
      name,
      (guard, options, methods) => {
        const guarded = guardFetch(
          guard,
          options as FetchOptions<Request>,
        )((request: Request, _handed?: unknown) => answer(request, methods));
        return listening(async (request, handed) => {
          try {
            return await guarded(request, handsOver ? handed : undefined);
          } catch {
            return new Response('crash', { status: 500 });
          }
        });
      },
      (guard, options) => guardFetch(guard, options as FetchOptions<Request>),
      (request: Request) => request.headers.get('x-peer'),
    ),
  ).run();
}

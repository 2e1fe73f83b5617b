/** What peergate/http says and does as HTTP: fields, bodies, connections. */

import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import express from 'express';
import fastify from 'fastify';
import Koa from 'koa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fastifyPeergate, guardHttp, guardKoa, type HttpOptions } from '../../../src/adapters/http.js';
import { RateLimiter, type RateLimiterConfig, RpcGuard } from '../../../src/index.js';
import { until } from '../../rpc/support.js';
import { drain, openCircuit, thrownBy } from '../../support.js';

const test = suite('peergate/http');

type Handle = (request: IncomingMessage, response: ServerResponse) => void;
type NodeOptions = HttpOptions<IncomingMessage>;

const LOCAL = '127.0.0.1';
const ok: Handle = (_request, response) => {
  response.end('ok');
};

function guarded(config: Partial<RateLimiterConfig> = {}) {
  const at = { ms: 0 };
  const limiter = new RateLimiter({
    maxRequestsPerSec: 10,
    burstSize: 5,
    circuitBreakerThreshold: 2,
    circuitBreakerTimeoutMs: 1_500,
    maxPeers: 16,
    clock: () => at.ms,
    ...config,
  });
  return { at, limiter, guard: new RpcGuard(limiter) };
}

type World = ReturnType<typeof guarded> & { readonly port: number; readonly url: string };

/** A server of node:http with the guard before `handle`; it is gone when `act` has ended. */
async function serving(
  handle: Handle,
  act: (world: World) => Promise<void>,
  options: NodeOptions = {},
  config: Partial<RateLimiterConfig> = {},
): Promise<void> {
  const world = guarded(config);
  const limit = guardHttp(world.guard, options);
  const server = createServer((request, response) => limit(request, response, () => handle(request, response)));
  await listened(server, (port) => act({ ...world, port, url: `http://${LOCAL}:${port}/` }));
}

async function listened(server: ReturnType<typeof createServer>, act: (port: number) => Promise<void>): Promise<void> {
  server.listen(0, LOCAL);
  await once(server, 'listening');
  try {
    await act((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Writes bytes to a socket of its own, and collects what comes back. */
function raw(port: number, text: string) {
  const socket: Socket = connect(port, LOCAL);
  const got = { text: '', ended: false };
  socket.setEncoding('latin1').on('data', (chunk) => {
    got.text += chunk;
  });
  socket.on('close', () => {
    got.ended = true;
  });
  socket.on('error', () => {});
  socket.write(text);
  return {
    socket,
    got,
    answers: () => [...got.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status)),
  };
}

const failuresOf = (limiter: RateLimiter) => [...limiter.peers()].reduce((sum, { failures }) => sum + failures, 0);

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

test('the connection is closed after a rejection only where an unread body is chunked or longer than 64 KiB', async () => {
  await serving(ok, async ({ port, limiter }) => {
    drain(limiter, LOCAL, 0);
    for (const [head, closes] of [
      ['Content-Length: 0', false],
      ['Content-Length: 65536', false],
      ['Content-Length: 65537', true],
      ['Transfer-Encoding: chunked', true],
    ] as const) {
      const { socket, got } = raw(port, `POST / HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n`);
      await until(() => got.text.includes('violated-policies'), 'the answer');
      assert.is(/^connection: close/im.test(got.text), closes, head);
      if (closes) await until(() => got.ended, 'the end of the connection');
      socket.destroy();
    }
  });
});

test('an upload that is rejected is cut off, and does not go on to its end', async () => {
  await serving(ok, async ({ port, limiter }) => {
    drain(limiter, LOCAL, 0);
    const size = 50 * 2 ** 20;
    const { socket, got } = raw(port, `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    const chunk = Buffer.alloc(2 ** 16);
    while (!got.ended && socket.bytesWritten < size) {
      if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {});
      else await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(socket.bytesWritten < size / 2, `${socket.bytesWritten} of ${size} bytes were taken`);
  });
});

test('a connection that is kept open, and one with requests one after the other in one piece, is limited request by request', async () => {
  await serving(ok, async ({ port }) => {
    const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
    const { socket, answers } = raw(port, get.repeat(7));
    await until(() => answers().length === 7, 'seven answers');
    assert.equal(answers(), [200, 200, 200, 200, 200, 429, 429]);
    socket.write(get);
    await until(() => answers().length === 8, 'one more answer');
    socket.destroy();
  });
});

test('a client of HTTP/1.0 gets its answer, and the connection ends', async () => {
  await serving(ok, async ({ port, limiter }) => {
    drain(limiter, LOCAL, 0);
    const { got, answers } = raw(port, 'GET / HTTP/1.0\r\n\r\n');
    await until(() => got.ended, 'the end of the connection');
    assert.equal(answers(), [429]);
    assert.match(got.text, /^Retry-After: 1/m);
  });
});

test('a request to upgrade, where nobody takes upgrades, is a request', async () => {
  await serving(ok, async ({ port, limiter }) => {
    drain(limiter, LOCAL, 0);
    const { socket, answers } = raw(
      port,
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    await until(() => answers().length === 1, 'the answer');
    assert.equal(answers(), [429]);
    socket.destroy();
  });
});

test('a client that waits for 100 Continue is rejected before it sends its body, if the server asks the guard first', async () => {
  const { limiter, guard } = guarded();
  const limit = guardHttp(guard);
  const server = createServer();
  server.on('checkContinue', (request, response) =>
    limit(request, response, () => {
      response.writeContinue();
      request.resume().on('end', () => response.end('ok'));
    }),
  );
  await listened(server, async (port) => {
    const post = () =>
      raw(port, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\nExpect: 100-continue\r\n\r\n');
    const first = post();
    await until(() => first.answers().length === 1, '100 Continue');
    first.socket.write('x'.repeat(100_000));
    await until(() => first.answers().length === 2, 'the answer');
    assert.equal(first.answers(), [100, 200]);
    first.socket.destroy();
    drain(limiter, LOCAL, 1_000);
    const second = post();
    await until(() => second.got.ended, 'the end of the connection');
    assert.equal(second.answers(), [429]);
  });
});

test('an answer that an outer layer has begun is cut off, and one that it has ended is left alone', async () => {
  const { limiter, guard } = guarded();
  const limit = guardHttp(guard);
  let nexts = 0;
  const server = createServer((request, response) => {
    response.writeHead(200);
    if (request.url === '/ended') response.end('outer');
    else response.write('outer');
    limit(request, response, () => {
      nexts++;
      if (!response.writableEnded) response.end();
    });
  });
  await listened(server, async (port) => {
    const url = `http://${LOCAL}:${port}`;
    for (const path of ['/ended', '/begun']) assert.is(await (await fetch(url + path)).text(), 'outer');
    assert.is(nexts, 2);
    drain(limiter, LOCAL, 1_000);
    assert.is(await (await fetch(`${url}/ended`)).text(), 'outer');
    const error = await fetch(`${url}/begun`)
      .then((response) => response.text())
      .catch((reason) => reason);
    assert.instance(error, Error);
    assert.is(nexts, 2);
    assert.equal(limiter.rejectionsBy('http'), { answered: 0, dropped: 1, closed: 1 });
    assert.is(failuresOf(limiter), 0);
  });
});

test('an answer that is ended twice is one answer', async () => {
  const twice: Handle = (_request, response) => {
    response.statusCode = 500;
    response.end('once');
    response.end();
  };
  await serving(twice, async ({ url, limiter }) => {
    await fetch(url);
    await until(() => failuresOf(limiter) === 1, 'the failure');
  });
});

test('a client that leaves in the midst of its upload, or before it has its answer, is ignored', async () => {
  let reached = 0;
  const slow: Handle = (request) => {
    reached++;
    request.on('error', () => {});
    request.resume();
  };
  await serving(slow, async ({ port, limiter }) => {
    for (const text of [
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nxyz',
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    ]) {
      for (const leave of [(socket: Socket) => socket.resetAndDestroy(), (socket: Socket) => socket.end()]) {
        openCircuit(limiter, LOCAL, 0);
        limiter.resetCircuit(LOCAL, 0);
        const before = failuresOf(limiter);
        const count = reached;
        const { socket, got } = raw(port, text);
        await until(() => reached > count, 'the request');
        leave(socket);
        await until(() => got.ended, 'the end of the connection');
        assert.is(failuresOf(limiter), before);
      }
    }
  });
});

test('a server that breaks off, such as for a time limit of its own, is a failure', async () => {
  const world = guarded();
  const limit = guardHttp(world.guard);
  const server = createServer((request, response) => limit(request, response, () => {}));
  server.timeout = 20;
  await listened(server, async (port) => {
    await fetch(`http://${LOCAL}:${port}/`).catch(() => {});
    await until(() => failuresOf(world.limiter) === 1, 'the failure');
  });
});

test('a handler that throws at once is a failure, and its error goes where it went', async () => {
  const { limiter, guard } = guarded();
  const limit = guardHttp(guard);
  let caught: unknown;
  const server = createServer((request, response) => {
    try {
      limit(request, response, () => {
        throw new Error('crash');
      });
    } catch (error) {
      caught = error;
      response.end('caught');
    }
  });
  await listened(server, async (port) => {
    assert.is((await fetch(`http://${LOCAL}:${port}/`)).status, 200);
    assert.is((caught as Error).message, 'crash');
    assert.is(failuresOf(limiter), 1);
  });
});

test('over HTTP/2 a request is limited, judged by its status, and ignored where the client cancels it', async () => {
  const { limiter, guard } = guarded();
  const limit = guardHttp<never>(guard) as (request: unknown, response: unknown, next: () => void) => void;
  const server = createHttp2Server((request, response) =>
    limit(request, response, () => {
      if (request.url === '/hang') return;
      response.statusCode = request.url === '/bad' ? 500 : 200;
      response.end('ok');
    }),
  );
  server.listen(0, LOCAL);
  await once(server, 'listening');
  const client = connectHttp2(`http://${LOCAL}:${(server.address() as AddressInfo).port}`);
  const ask = async (path: string) => {
    const stream = client.request({ ':path': path, ':method': 'POST', 'content-length': '100000' });
    const [headers] = await once(stream, 'response');
    stream.close();
    return headers as Record<string, unknown>;
  };
  try {
    assert.is((await ask('/'))['ratelimit'], '"peer";r=4');
    assert.is((await ask('/bad'))[':status'], 500);
    await until(() => failuresOf(limiter) === 1, 'the failure');
    const hanging = client.request({ ':path': '/hang' });
    await until(() => limiter.getAvailableTokens(LOCAL) === 2, 'the request');
    hanging.close(8);
    await once(hanging, 'close');
    drain(limiter, LOCAL, 1_000);
    const rejected = await ask('/');
    assert.is(rejected[':status'], 429);
    assert.is(rejected['connection'], undefined);
    assert.is(failuresOf(limiter), 1);
  } finally {
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});

test('a Unix socket has no address, so without the option peer that is an error of the server', async () => {
  const { guard, limiter } = guarded();
  const limit = guardHttp(guard);
  const path = `/tmp/peergate-${process.pid}.sock`;
  const server = createServer((request, response) => limit(request, response, () => ok(request, response)));
  server.listen(path);
  await once(server, 'listening');
  const { error } = console;
  const complaints: unknown[] = [];
  console.error = (...args: unknown[]) => complaints.push(args[1]);
  try {
    const request = httpRequest({ socketPath: path, path: '/' }).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    assert.is(response.statusCode, 500);
    response.resume();
    assert.is((complaints[0] as { code: string }).code, 'ERR_PEERGATE_ADDRESS');
    assert.is(limiter.peerCount, 0);
  } finally {
    console.error = error;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

test.run();

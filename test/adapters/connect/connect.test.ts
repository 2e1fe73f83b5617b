/** The Connect adapter: what is its own beside what all adapters promise. */

import type { EventEmitter } from 'node:events';
import { createServer } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { Code, ConnectError, createContextKey } from '@connectrpc/connect';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { deadlineOf } from '../../../src/adapters/connect/deadline.js';
import { type ConnectOptions, guardConnect } from '../../../src/adapters/connect.js';
import { isAllowed, RateLimiter, type RateLimiterConfig, RpcGuard } from '../../../src/index.js';
import { deferred, until } from '../../rpc/support.js';
import { drain, openCircuit } from '../../support.js';
import { errorOf, type Methods, type Protocol, protocols, serveConnect, waitOf } from './rig.js';

const test = suite('the Connect adapter');
const all = Object.keys(protocols) as Protocol[];
const overHttp2 = all.filter((protocol) => !protocol.endsWith('1.1'));

interface Setup {
  readonly options?: ConnectOptions;
  readonly config?: Partial<RateLimiterConfig>;
  readonly methods?: Methods;
  readonly protocol?: Protocol;
  readonly routerOptions?: object;
}

interface World extends Awaited<ReturnType<typeof serveConnect>> {
  readonly at: { ms: number };
  readonly limiter: RateLimiter;
  readonly guard: RpcGuard;
  failures(peer?: string): number;
}

async function during(act: (world: World) => Promise<void>, setup: Setup = {}) {
  const at = { ms: 0 };
  const limiter = new RateLimiter({
    maxRequestsPerSec: 10,
    burstSize: 5,
    circuitBreakerThreshold: 2,
    circuitBreakerTimeoutMs: 1_000,
    clock: () => at.ms,
    ...setup.config,
  });
  const guard = new RpcGuard(limiter);
  const methods = { unary: (request: { value: string }) => request, ...setup.methods };
  const served = await serveConnect(guard, setup.options, methods, setup.protocol, setup.routerOptions);
  const failures = (peer = 'peer') => [...limiter.peers()].find(({ id }) => id === peer)?.failures ?? 0;
  try {
    await act({ ...served, at, limiter, guard, failures });
  } finally {
    await served.stop();
  }
}

function halfOpen({ at, limiter }: World, peer = 'peer') {
  openCircuit(limiter, peer, at.ms);
  at.ms += 1_000;
}

/** The error that a stream or a promise ends with. */
async function endOf(messages: AsyncIterable<unknown> | Promise<unknown>): Promise<ConnectError | undefined> {
  try {
    if ('then' in messages) await messages;
    else for await (const _ of messages);
    return undefined;
  } catch (error) {
    return ConnectError.from(error);
  }
}

async function* texts(count: number) {
  for (let i = 0; i < count; i++) yield { value: String(i) };
}

for (const protocol of all) {
  for (const waitMs of [1, 1_234, 86_400_123]) {
    test(`over the limit, a client of ${protocol} hears that it should wait ${waitMs} ms`, () =>
      during(
        async ({ ask, client, as, limiter }) => {
          drain(limiter, 'peer', 0);
          const watched = await endOf(client.watch({ value: '' }, as('peer')));
          for (const error of [errorOf(await ask()), watched as ConnectError]) {
            assert.is(error.code, Code.ResourceExhausted);
            assert.is(error.rawMessage, 'Rate limit exceeded');
            assert.is(waitOf(error), waitMs);
          }
        },
        { protocol, config: { maxRequestsPerSec: 1_000 / waitMs } },
      ));
  }

  test(`where waiting cannot help, a client of ${protocol} is not told to wait`, () =>
    during(
      async ({ ask }) => {
        const error = errorOf(await ask());
        assert.is(error.code, Code.ResourceExhausted);
        assert.is(waitOf(error), null);
        if (protocol.startsWith('gRPC')) assert.is(error.metadata.get('grpc-retry-pushback-ms'), '-1');
      },
      { protocol, options: { cost: () => 6 } },
    ));

  test(`a request over ${protocol} that cannot be decoded, or is too large, is the failure of the peer`, () =>
    during(
      async ({ ask, client, as, url, failures }) => {
        const watched = await endOf(client.watch({ value: 'x'.repeat(2_000) }, as('large stream')));
        assert.is(watched?.code, Code.ResourceExhausted);
        await until(() => failures('large stream') === 1, 'the failure for a stream');
        const { code } = errorOf(await ask('x'.repeat(2_000), 'large'));
        assert.is(code, Code.ResourceExhausted);
        await until(() => failures('large') === 1, 'the failure for what is too large');
        if (!protocol.endsWith('1.1')) return;
        const contentType = protocol.startsWith('Connect') ? 'application/json' : 'application/grpc-web+proto';
        const headers = { 'content-type': contentType, 'x-peer': 'garbler' };
        await fetch(`${url}/test.Service/Unary`, { method: 'POST', headers, body: '\0\0\0\0\x01{' });
        await until(() => failures('garbler') === 1, 'the failure for what cannot be decoded');
      },
      { protocol, routerOptions: { readMaxBytes: 1_000 } },
    ));

  // The server's clock for a call starts when the call arrives. One that was long on its way is cancelled well before its deadline.
  test(`a deadline over ${protocol} is a failure`, () =>
    during(
      async ({ ask, failures }) => {
        while (failures() === 0) {
          assert.is(errorOf(await ask('late', 'peer', { timeoutMs: 100 })).code, Code.DeadlineExceeded);
        }
      },
      {
        protocol,
        methods: { unary: () => new Promise(() => {}) },
        config: { burstSize: 1_000_000, circuitBreakerThreshold: 1_000 },
      },
    ));

  test(`each message of a client’s stream over ${protocol} costs a token, the first one that of the stream`, () => {
    const received: string[] = [];
    return during(
      async ({ client, as, limiter, failures }) => {
        const error = await endOf(client.upload(texts(9), as('peer')));
        assert.is(error?.code, Code.ResourceExhausted);
        assert.is(waitOf(error as ConnectError), 100);
        assert.equal(received, ['0', '1', '2', '3', '4']);
        assert.is(failures(), 0);
        assert.equal({ ...limiter.rejectionsBy('connect') }, { answered: 0, dropped: 0, closed: 1 });
      },
      {
        protocol,
        methods: {
          async upload(requests) {
            for await (const { value } of requests) received.push(value);
            return { value: 'all' };
          },
        },
      },
    );
  });
}

for (const protocol of overHttp2) {
  test(`a method over ${protocol} that swallows the end of its stream still ends with it`, () =>
    during(
      async (world) => {
        halfOpen(world);
        const before = world.failures();
        const error = await endOf(world.client.talk(texts(9), world.as('peer')));
        assert.is(error?.code, Code.ResourceExhausted);
        assert.is(world.failures(), before);
        assert.is(world.limiter.getCircuitState('peer'), 'closed', 'the first answer was the probe’s success');
      },
      {
        protocol,
        methods: {
          async *talk(requests) {
            try {
              for await (const request of requests) yield request;
            } catch {
              yield { value: 'goes on' };
            }
          },
        },
      },
    ));

  test(`a client over ${protocol} that leaves a stream before its first message has cancelled it`, () => {
    const reached = deferred();
    return during(
      async (world) => {
        halfOpen(world);
        const controller = new AbortController();
        const options = { ...world.as('peer'), signal: controller.signal };
        const end = endOf(world.client.watch({ value: '' }, options));
        await reached.promise;
        controller.abort();
        await end;
        await until(() => {
          const decision = world.guard.admit('peer');
          return isAllowed(decision) && world.guard.settle('peer', decision, 'ignored');
        }, 'the probe to come back');
      },
      {
        protocol,
        methods: {
          async *watch(_request, { signal }) {
            reached.resolve();
            await new Promise((resolve) => signal.addEventListener('abort', resolve));
            yield { value: 'too late' };
          },
        },
      },
    );
  });
}

test('codes that mean a broken server are failures, all others successes', () => {
  const failing = [2, 4, 12, 13, 14, 15];
  return during(
    async ({ ask, failures }) => {
      for (let code = 1; code <= 16; code++) {
        assert.is(errorOf(await ask(String(code), `peer ${code}`)).code, code);
        await until(() => failures(`peer ${code}`) === Number(failing.includes(code)), Code[code] as string);
      }
    },
    {
      methods: {
        unary: ({ value }) => {
          throw new ConnectError('as told', Number(value));
        },
      },
    },
  );
});

test('classify has the last word', () => {
  const ends: unknown[] = [];
  return during(
    async ({ ask, failures }) => {
      assert.is(await ask(), 'hello');
      assert.equal(ends, [{ how: 'done', status: 0 }]);
      assert.is(failures(), 1);
    },
    {
      options: {
        classify: (end) => {
          ends.push(end);
          return 'failure';
        },
      },
    },
  );
});

test('a page that is no method is judged by its HTTP status', () => {
  const pages = (status: number) => (_request: unknown, response: { writeHead(code: number): void; end(): void }) => {
    response.writeHead(status);
    response.end();
  };
  const ask = (url: string) => fetch(`${url}/page`, { headers: { 'x-peer': 'peer' } });
  return during(
    async ({ url, failures, limiter }) => {
      assert.is((await ask(url)).status, 503);
      await until(() => failures() === 1, 'the failure');
      for (let i = 0; i < 4; i++) await ask(url);
      const { status, headers } = await ask(url);
      assert.is(status, 429, 'the circuit is open');
      assert.is(headers.get('retry-after'), '1');
      assert.is(limiter.getCircuitState('peer'), 'open');
    },
    { protocol: 'Connect, JSON, HTTP/1.1', routerOptions: { fallback: pages(503) } },
  );
});

test('by default the peer is the address of the connection', () =>
  during(
    async ({ ask, limiter }) => {
      await ask('one', 'a');
      assert.equal(
        [...limiter.peers()].map(({ id }) => id),
        ['127.0.0.1'],
      );
    },
    { options: { peer: undefined } },
  ));

test('your own context values go beside those of the guard', () => {
  const key = createContextKey('nobody');
  const limit = guardConnect(new RpcGuard(new RateLimiter()));
  const values = limit.contextValues({} as never).set(key, 'somebody');
  assert.is(values.get(key), 'somebody');
});

test('gRPC-web in text gets its trailers in base64', () =>
  during(
    async ({ url, limiter }) => {
      drain(limiter, 'peer', 0);
      const headers = { 'content-type': 'application/grpc-web-text+proto', 'x-peer': 'peer' };
      const answer = await fetch(`${url}/test.Service/Unary`, { method: 'POST', headers, body: 'AAAAAAA=' });
      const bytes = Buffer.from(await answer.text(), 'base64');
      assert.is(bytes[0], 0x80);
      assert.is(bytes.readUInt32BE(1), bytes.length - 5);
      assert.match(String(bytes.subarray(5)), /^grpc-status: 8\r\ngrpc-message: Rate%20limit%20exceeded\r\n/);
    },
    { protocol: 'gRPC-web, HTTP/1.1' },
  ));

test('a client of grpc-js reads the status of a call that is turned away', () =>
  during(
    async ({ url, limiter }) => {
      drain(limiter, 'peer', 0);
      const client = new Client(url.replace('http://', ''), credentials.createInsecure());
      const asIs = (bytes: Buffer) => bytes;
      const metadata = new Metadata();
      metadata.set('x-peer', 'peer');
      const ask = () =>
        new Promise<ServiceError | null>((resolve) =>
          client.makeUnaryRequest('/test.Service/Unary', asIs, asIs, Buffer.of(), metadata, resolve),
        );
      const error = await ask();
      assert.is(error?.code, Code.ResourceExhausted);
      assert.is(error?.details, 'Rate limit exceeded');
      assert.equal(error?.metadata.get('grpc-retry-pushback-ms'), ['100']);
      client.close();
    },
    { protocol: 'gRPC' },
  ));

test('what a second guard turns away is no outcome for the first', async () => {
  const full = new RateLimiter({ maxPeers: 1, onFull: 'reject' });
  full.peer('pinned');
  const first = new RateLimiter({ circuitBreakerThreshold: 1 });
  const outer = guardConnect(new RpcGuard(first), { peer: () => 'peer' });
  const inner = guardConnect(new RpcGuard(full), { peer: () => 'anybody' });
  const server = createServer(outer.handler(inner.handler(() => assert.unreachable())));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  for (let i = 0; i < 2; i++) {
    const headers = { 'content-type': 'application/json' };
    const { status } = await fetch(`http://127.0.0.1:${port}/test.Service/Unary`, { method: 'POST', headers });
    assert.is(status, 503);
  }
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  assert.is(first.getCircuitState('peer'), 'closed');
});

test('an upload over HTTP/2 that is turned away is cut off, whether its client reads the answer or not', () => {
  const closed = deferred();
  const peer = (request: object) => {
    (request as { stream: EventEmitter }).stream.once('close', () => closed.resolve());
    return 'peer';
  };
  return during(
    async ({ url, limiter }) => {
      drain(limiter, 'peer', 0);
      const session = connectHttp2(url);
      session.on('error', () => {});
      const headers = { ':method': 'POST', 'content-type': 'application/grpc', 'x-peer': 'peer' };
      const upload = session.request({ ...headers, ':path': '/test.Service/Upload' }).on('error', () => {});
      upload.write(Buffer.alloc(1_000));
      await closed.promise;
      assert.not.ok(upload.writableEnded, 'the client never ended it');
      session.destroy();
    },
    { options: { peer } },
  );
});

test('a handler that throws at once is a failure, and its error goes on', () => {
  const limiter = new RateLimiter({ clock: () => 0 });
  const limit = guardConnect(new RpcGuard(limiter), { peer: () => 'peer' });
  const crash = limit.handler(() => {
    throw new Error('crash');
  });
  const server = createServer((request, response) => {
    assert.throws(() => crash(request, response), /crash/);
    assert.is([...limiter.peers()][0]?.failures, 1);
    response.end('caught');
  });
  return new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)).then(async () => {
    const { port } = server.address() as { port: number };
    assert.is(await (await fetch(`http://127.0.0.1:${port}`)).text(), 'caught');
    server.closeAllConnections();
    server.close();
  });
});

test('the deadline is read from the field of either protocol, and what is no deadline is none', () => {
  const leftMs = (headers: Record<string, string>) => Math.round((deadlineOf(headers) - Date.now()) / 1_000);
  assert.is(leftMs({ 'connect-timeout-ms': '5000' }), 5);
  assert.is(leftMs({ 'grpc-timeout': '7S' }), 7);
  assert.is(leftMs({ 'grpc-timeout': '2M' }), 120);
  assert.is(leftMs({ 'grpc-timeout': '9000m' }), 9);
  for (const bad of ['', '1', 'S', '1x', '-1S', '123456789S', 'toString']) {
    assert.is(deadlineOf({ 'grpc-timeout': bad }), Number.POSITIVE_INFINITY, bad);
  }
  assert.is(deadlineOf({ 'connect-timeout-ms': '1e3' }), Number.POSITIVE_INFINITY);
  assert.is(deadlineOf({}), Number.POSITIVE_INFINITY);
});

test.run();

/** What peergate/http does over HTTP/2. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guardHttp } from '../../../src/adapters/http.js';
import { until } from '../../rpc/support.js';
import { drain } from '../../support.js';
import { failuresOf, guarded, LOCAL, listened, raw } from './servers.js';

const test = suite('peergate/http: HTTP/2');

test('over HTTP/2 a request is limited, judged by its status, and ignored where the client cancels it', async () => {
  let closed = false;
  const { limiter, guard } = guarded();
  const limit = guardHttp<never>(guard) as (request: unknown, response: unknown, next: () => void) => void;
  const server = createHttp2Server((request, response) =>
    limit(request, response, () => {
      if (request.url === '/hang') {
        response.on('close', () => {
          closed = true;
        });
        return;
      }
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
    // A success in between would take the failure back.
    hanging.close(8);
    await once(hanging, 'close');
    await until(() => closed, 'the end of the stream');
    limiter.recordFailure(LOCAL);
    assert.is(limiter.getCircuitState(LOCAL), 'open', 'the cancelled request was no success');
    limiter.resetCircuit(LOCAL);
    drain(limiter, LOCAL, 1_000);
    const rejected = await ask('/');
    assert.is(rejected[':status'], 429);
    assert.is(rejected['connection'], undefined);
  } finally {
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});

test('requests beside each other on one connection count once each, although the guard is mounted twice', async () => {
  const { limiter, guard } = guarded({ burstSize: 20 });
  const limit = guardHttp(guard, { peer: () => 'peer' }) as (
    request: unknown,
    response: unknown,
    next: () => void,
  ) => void;
  let waiting: (() => void)[] = [];
  /** All are let in by the first guard before one comes to the second. */
  const handle = (request: unknown, response: { end(text: string): unknown }) =>
    limit(request, response, () => {
      waiting.push(() => limit(request, response, () => response.end('ok')));
      if (waiting.length < 5) return;
      for (const go of waiting) go();
      waiting = [];
    });
  const server = createHttp2Server(handle);
  server.listen(0, LOCAL);
  await once(server, 'listening');
  const client = connectHttp2(`http://${LOCAL}:${(server.address() as AddressInfo).port}`);
  try {
    await Promise.all(Array.from({ length: 5 }, () => once(client.request({ ':path': '/' }), 'response')));
    assert.is(limiter.getAvailableTokens('peer'), 15);
  } finally {
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
  await listened(createServer(handle), async (port) => {
    const { socket, answers } = raw(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(5));
    await until(() => answers().length === 5, 'five answers');
    assert.is(limiter.getAvailableTokens('peer'), 10);
    socket.destroy();
  });
});

test('over HTTP/2, a connection that is gone while a request waits to be limited, or is being answered, ends no process', async () => {
  const { limiter, guard } = guarded();
  const limit = guardHttp(guard, { peer: () => 'peer' }) as (
    request: unknown,
    response: unknown,
    next: () => void,
  ) => void;
  const steps: string[] = [];
  const server = createHttp2Server((request, response) => {
    const enter = () =>
      limit(request, response, () => {
        steps.push(request.url);
      });
    if (request.url === '/late') request.stream.once('close', () => setImmediate(enter));
    else enter();
    steps.push('came');
  });
  server.listen(0, LOCAL);
  await once(server, 'listening');
  try {
    for (const path of ['/late', '/now']) {
      const client = connectHttp2(`http://${LOCAL}:${(server.address() as AddressInfo).port}`);
      client.on('error', () => {});
      client.request({ ':path': path }).on('error', () => {});
      const count = steps.length;
      await until(() => steps.slice(count).includes('came'), 'the request');
      client.destroy();
      await until(() => steps.includes(path), 'the handler');
    }
    await until(() => limiter.getAvailableTokens('peer') === 3, 'both tokens');
    assert.is(failuresOf(limiter), 0);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

test.run();

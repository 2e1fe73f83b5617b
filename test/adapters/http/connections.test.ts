/** What peergate/http does to connections, and what it makes of how they end. */

import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guardHttp } from '../../../src/adapters/http.js';
import { until } from '../../rpc/support.js';
import { drain, openCircuit } from '../../support.js';
import { failuresOf, guarded, type Handle, LOCAL, listened, ok, raw, serving } from './servers.js';

const test = suite('peergate/http: connections');

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

test('requests that wait behind another one of their connection are settled when the connection ends', async () => {
  const ends: string[] = [];
  const held: IncomingMessage[] = [];
  const handle: Handle = (request, response) => {
    held.push(request);
    // An answer that is ready before its turn.
    if (request.url === '/2') response.end('ok');
  };
  await serving(
    handle,
    async ({ port }) => {
      const paths = Array.from({ length: 15 }, (_, i) => `/${i}`);
      const { socket } = raw(port, paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
      await until(() => held.length === paths.length, 'all requests');
      const warned: Error[] = [];
      const warn = (warning: Error) => warned.push(warning);
      process.on('warning', warn);
      socket.destroy();
      await until(() => ends.length >= paths.length, 'all ends');
      process.off('warning', warn);
      assert.equal(ends.sort(), paths.map((path) => `${path} cancelled`).sort());
      assert.equal(warned, []);
    },
    {
      classify: ({ how }, { url }) => {
        ends.push(`${url} ${how}`);
        return 'ignored';
      },
    },
    { burstSize: 20 },
  );
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

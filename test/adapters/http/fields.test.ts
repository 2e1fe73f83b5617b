/** What peergate/http says: statuses, fields and bodies, and to whom. */

import { createServer, type IncomingMessage } from 'node:http';
import express from 'express';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guardHttp } from '../../../src/adapters/http.js';
import { drain, openCircuit, thrownBy } from '../../support.js';
import { guarded, LOCAL, listened, ok, serving } from './servers.js';

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

test('a skip that is an async function lets nobody through, and its rejection ends no process', async () => {
  const skip = async () => {
    throw new Error('skip');
  };
  await serving(
    ok,
    async ({ url, limiter }) => {
      const { error } = console;
      const complaints: unknown[] = [];
      console.error = (...args: unknown[]) => complaints.push(args[1]);
      const { status } = await fetch(url);
      console.error = error;
      assert.is(status, 500);
      assert.is((complaints[0] as { field: string }).field, 'skip');
      assert.is(limiter.peerCount, 0);
    },
    { skip: skip as never },
  );
});

test('a peer without a row is never promised tokens of the bucket that it shares', async () => {
  await serving(
    ok,
    async ({ url, limiter }) => {
      limiter.peer('pinned', 0);
      for (let i = 0; i < 5; i++) {
        const { status, headers } = await fetch(url);
        assert.is(status, 200);
        assert.is(headers.get('ratelimit-policy'), '"peer";q=5;w=1');
        assert.is(headers.get('ratelimit'), null);
      }
      const { status, headers } = await fetch(url);
      assert.is(status, 429);
      assert.is(headers.get('ratelimit'), '"peer";r=0;t=1');
    },
    {},
    { maxPeers: 1 },
  );
});

test('a rejected request that costs several tokens is told how many are left', async () => {
  await serving(
    ok,
    async ({ url }) => {
      assert.is((await fetch(url)).headers.get('ratelimit'), '"peer";r=2');
      const { status, headers } = await fetch(url);
      assert.is(status, 429);
      assert.is(headers.get('ratelimit'), '"peer";r=2;t=1');
    },
    { cost: () => 3 },
  );
});

test('where a peer of your own does not say what it has left, no answer says it', async () => {
  const { limiter } = guarded();
  const check = () => limiter.check('peer', 1, 0);
  const peer = { check, recordSuccess: () => true, recordFailure: () => true, recordIgnored: () => true };
  await serving(
    ok,
    async ({ url }) => {
      const { headers } = await fetch(url);
      assert.is(headers.get('ratelimit-policy'), '"peer";q=5;w=1');
      assert.is(headers.get('ratelimit'), null);
    },
    { peer: () => peer },
  );
});

test('a request that one guard turns away is no outcome for a guard before it', async () => {
  const [outer, inner] = [guarded(), guarded({ maxPeers: 1, onFull: 'reject' })];
  inner.limiter.peer('pinned', 0);
  openCircuit(outer.limiter, LOCAL, 0);
  outer.at.ms = 1_500;
  const [first, second] = [guardHttp(outer.guard), guardHttp(inner.guard)];
  const server = createServer((request, response) =>
    first(request, response, () => second(request, response, () => ok(request, response))),
  );
  await listened(server, async (port) => {
    const { status } = await fetch(`http://${LOCAL}:${port}/`);
    assert.is(status, 503);
    assert.is(outer.limiter.getCircuitState(LOCAL), 'half_open');
    assert.ok(outer.limiter.allows(LOCAL), 'the probe went back');
  });
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

test.run();

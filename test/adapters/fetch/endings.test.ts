/** What peergate/fetch makes of how a request ends. */

import { Hono } from 'hono';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guardFetch, guardHono } from '../../../src/adapters/fetch.js';
import { rejectionOf, until } from '../../rpc/support.js';
import { drain, openCircuit } from '../../support.js';
import { byHeader, failuresOf, request, rig } from './rig.js';

const test = suite('peergate/fetch: endings');

test('an answer with 500 or more, a throw and a time-out are failures; a throw goes on', async () => {
  const { guard, limiter } = rig(20);
  const fetchOf = (handler: () => Response | Promise<Response>) =>
    guardFetch(guard, byHeader)((_: Request) => handler());
  await fetchOf(() => new Response('', { status: 404 }))(request());
  assert.is(failuresOf(limiter), 0);
  await fetchOf(() => new Response('', { status: 502 }))(request());
  assert.is(failuresOf(limiter), 1);
  limiter.resetCircuit('peer', 0);
  const before = failuresOf(limiter);
  const crash = fetchOf(() => {
    throw new Error('crash');
  })(request());
  assert.is((await rejectionOf(crash)).message, 'crash');
  assert.is(failuresOf(limiter), before + 1);
  limiter.resetCircuit('peer', 0);
  let answerLate = (_: Response) => {};
  const late = fetchOf(
    () =>
      new Promise((resolve) => {
        answerLate = resolve;
      }),
  )(request());
  const count = failuresOf(limiter);
  await until(() => failuresOf(limiter) === count + 1, 'the time-out');
  answerLate(new Response('late'));
  assert.is(await (await late).text(), 'late', 'the answer is still given');
  assert.is(failuresOf(limiter), count + 1);
});

test('a client that left by the time its handler throws, or runs out of time, is ignored', async () => {
  for (const end of ['throw', 'time-out']) {
    const { guard, limiter, at } = rig(20);
    openCircuit(limiter, 'peer', 0);
    at.ms = 1_000;
    const controller = new AbortController();
    const before = failuresOf(limiter);
    const call = guardFetch(
      guard,
      byHeader,
    )(
      ({ signal }: Request) =>
        new Promise<Response>((_, reject) => {
          if (end === 'throw') signal.addEventListener('abort', () => reject(signal.reason));
        }),
    )(request({}, controller.signal));
    call.catch(() => {});
    controller.abort();
    await until(() => limiter.allows('peer'), 'the probe to come back');
    assert.is(failuresOf(limiter), before);
  }
});

test('a streamed body ends the request when it ends, fails or is cancelled', async () => {
  const ends: [string, (reader: ReadableStreamDefaultReader) => Promise<unknown>, number][] = [
    ['end', (reader) => reader.read(), 0],
    ['fail', (reader) => rejectionOf(reader.read()), 1],
    ['cancel', (reader) => reader.cancel(), 0],
  ];
  for (const [how, finish, failures] of ends) {
    for (const type of [undefined, 'text/event-stream', 'application/x-ndjson; charset=utf-8']) {
      const { guard, limiter } = rig();
      let cancelled = false;
      const source = () =>
        new ReadableStream({
          start(controller) {
            controller.enqueue(new Uint8Array([1, 2, 3]));
          },
          pull(controller) {
            if (how === 'fail') controller.error(new Error('cut'));
            else if (how === 'end') controller.close();
          },
          cancel() {
            cancelled = true;
          },
        });
      const headers = type === undefined ? {} : { 'content-type': type };
      const fetch = guardFetch(guard, byHeader)((_: Request) => new Response(source(), { headers, status: 201 }));
      const answer = await fetch(request());
      assert.is(answer.status, 201);
      const reader = (answer.body as ReadableStream).getReader();
      assert.equal((await reader.read()).value, new Uint8Array([1, 2, 3]));
      await finish(reader);
      await until(() => failuresOf(limiter) === failures, `the outcome of ${how}`);
      assert.is(cancelled, how === 'cancel');
    }
  }
});

test('an answer to an upgrade, and no answer at all, go through untouched', async () => {
  const { guard, limiter } = rig();
  const upgrade = { status: 101, headers: new Headers(), body: null };
  assert.is(await guardFetch(guard, byHeader)((_: Request) => upgrade)(request()), upgrade);
  assert.is(upgrade.headers.has('ratelimit'), false);
  assert.is(await guardFetch(guard, byHeader)((_: Request) => undefined)(request()), undefined);
  assert.is(failuresOf(limiter), 0);
});

test('Hono: what a handler throws is judged by the status that the app made of it', async () => {
  const { guard, limiter } = rig();
  const app = new Hono();
  app.use(guardHono(guard, { peer: () => 'peer' }));
  app.onError((error, c) => c.text('', error.message === 'mine' ? 500 : 400));
  app.get('/mine', () => {
    throw new Error('mine');
  });
  app.get('/yours', () => {
    throw new Error('yours');
  });
  assert.is((await app.request('/yours')).status, 400);
  assert.is(failuresOf(limiter), 0);
  assert.is((await app.request('/mine')).status, 500);
  assert.is(failuresOf(limiter), 1);
});

test('a request that one guard turns away is no outcome for a guard before it, and its answer stays as it is', async () => {
  const [outer, inner] = [rig(), rig()];
  const peer = () => 'peer';
  drain(inner.limiter, 'peer', 0);
  const handler = guardFetch(outer.guard, { peer, classify: () => 'failure' })(
    guardFetch(inner.guard, { peer })(() => new Response('ok')),
  );
  const app = new Hono();
  app.use(guardHono(outer.guard, { peer, classify: () => 'failure' }));
  app.use(guardHono(inner.guard, { peer }));
  for (const response of [await handler(new Request('http://a/')), await app.request('/')]) {
    assert.is(response.status, 429);
    assert.is(response.headers.get('ratelimit'), '"peer";r=0;t=1');
  }
  assert.is(failuresOf(outer.limiter), 0);
});

test('a client that left by the time of its answer is ignored, whatever the answer is', async () => {
  const { limiter, guard } = rig();
  const app = new Hono();
  app.use(guardHono(guard, { peer: () => 'peer' }));
  app.onError((_error, c) => c.text('aborted', 500));
  const leaving: AbortController[] = [];
  const leave = () => {
    leaving.pop()?.abort();
    throw new Error('aborted');
  };
  app.get('/', leave);
  const handler = guardFetch(
    guard,
    byHeader,
  )(() => {
    leaving.pop()?.abort();
    return new Response('aborted', { status: 500 });
  });
  for (const ask of [(asked: Request) => app.request(asked), handler]) {
    for (let i = 0; i < 2; i++) {
      const controller = new AbortController();
      leaving.push(controller);
      await ask(request({}, controller.signal));
    }
  }
  assert.is(failuresOf(limiter), 0);
  assert.is(limiter.getAvailableTokens('peer'), 1);
});

test.run();

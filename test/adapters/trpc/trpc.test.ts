/** guardTrpc: what is tRPC's own, such as batches, error codes, observables and contexts. */

import { initTRPC, TRPCError } from '@trpc/server';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guardTrpc, rejectionOf, type TrpcOptions } from '../../../src/adapters/trpc.js';
import { RateLimiter, type RateLimiterConfig, RpcGuard, RpcRejection } from '../../../src/index.js';
import { deferred, rejectionOf as rejected, turn, until } from '../../rpc/support.js';
import { drain, openCircuit } from '../../support.js';
import { type Context, seenOf, serveTrpc, type Transport } from './rig.js';

const test = suite('guardTrpc');

function guardOf(config: Partial<RateLimiterConfig> = {}) {
  const at = { ms: 0 };
  const limiter = new RateLimiter({
    maxRequestsPerSec: 10,
    burstSize: 50,
    circuitBreakerThreshold: 20,
    circuitBreakerTimeoutMs: 1_000,
    clock: () => at.ms,
    ...config,
  });
  const failures = (peer = 'peer') => [...limiter.peers()].find(({ id }) => id === peer)?.failures ?? 0;
  return { at, limiter, failures, guard: new RpcGuard(limiter, { timeoutMs: Number.POSITIVE_INFINITY }) };
}

type Scene = ReturnType<typeof guardOf> & Awaited<ReturnType<typeof serveTrpc>>;

function over(transport: Transport, sentence: string, holds: (scene: Scene) => Promise<void>): void {
  test(`${sentence} (${transport})`, async () => {
    const rig = guardOf();
    const served = await serveTrpc(rig.guard, {}, transport);
    try {
      await holds({ ...rig, ...served });
    } finally {
      await served.stop();
    }
  });
}

over(
  'http',
  'each call of a batch costs a token, and each is answered by itself',
  async ({ limiter, clientOf, work }) => {
    limiter.configure({ burstSize: 2 }, 0);
    const client = clientOf('peer');
    const calls = Array.from({ length: 4 }, () => client.ok.query().catch(seenOf));
    const said = { code: 'TOO_MANY_REQUESTS', reason: 'rate_limited', retryAfterMs: 100 };
    assert.equal(await Promise.all(calls), ['fine', 'fine', said, said]);
    assert.is(work.handled, 2);
    assert.equal(limiter.rejectionsBy('trpc'), { answered: 2, dropped: 0, closed: 0 });
  },
);

over('http', 'a rejected call has the status 429, and its input is not even parsed', async ({ limiter, url, work }) => {
  drain(limiter, 'peer', 0);
  const answer = await fetch(`${url}/ok?input=%7Bno-json`, { headers: { 'x-as': 'peer' } });
  assert.is(answer.status, 429);
  const { error } = (await answer.json()) as { error: { message: string; data: Record<string, unknown> } };
  assert.is(error.message, 'Rate limit exceeded');
  assert.is(error.data['code'], 'TOO_MANY_REQUESTS');
  assert.is(error.data['retryAfterMs'], 100);
  assert.is(work.parsed, 0);
});

over('http', 'an input that is no JSON is a failure of its peer', async ({ failures, url }) => {
  const answer = await fetch(`${url}/ok?input=%7Bno-json`, { headers: { 'x-as': 'peer' } });
  assert.is(answer.status, 400);
  assert.is(failures(), 1);
});

over('http', 'an error that answers the client is a success, others are failures', async ({ clientOf, failures }) => {
  const client = clientOf('peer');
  const codes: [TRPCError['code'], number][] = [
    ['BAD_REQUEST', 0],
    ['UNAUTHORIZED', 0],
    ['FORBIDDEN', 0],
    ['NOT_FOUND', 0],
    ['CONFLICT', 0],
    ['UNPROCESSABLE_CONTENT', 0],
    ['TOO_MANY_REQUESTS', 0],
    ['CLIENT_CLOSED_REQUEST', 0],
    ['PARSE_ERROR', 1],
    ['PAYLOAD_TOO_LARGE', 1],
    ['TIMEOUT', 1],
    ['INTERNAL_SERVER_ERROR', 1],
    ['NOT_IMPLEMENTED', 1],
    ['BAD_GATEWAY', 1],
    ['SERVICE_UNAVAILABLE', 1],
    ['GATEWAY_TIMEOUT', 1],
  ];
  for (const [code, expected] of codes) {
    const before = failures();
    const seen = seenOf(await rejected(client.answer.query(code)));
    assert.is(seen.code, code);
    assert.is(failures() - before, expected, code);
  }
});

for (const transport of ['http', 'ws'] as const) {
  over(transport, 'the first message of an observable settles a probe', async ({ limiter, at, stream, failures }) => {
    openCircuit(limiter, 'peer', 0);
    at.ms = 1_000;
    const before = failures();
    const failing = await stream('peer', 'observed');
    assert.is(limiter.getCircuitState('peer'), 'closed');
    await failing.fail();
    await until(() => failures() === before + 1, 'the failure');
    const ending = await stream('peer', 'observed');
    await ending.end();
    assert.is(failures(), before + 1);
  });

  over(transport, 'a subscription that its client leaves is ignored, and its handler hears of it', async (scene) => {
    const { stream, work, failures, limiter } = scene;
    for (const method of ['ticks', 'observed'] as const) {
      const before = work.left;
      const { leave, end } = await stream('peer', method);
      leave();
      if (method === 'ticks') end();
      await until(() => work.left > before, `the end of ${method}`);
    }
    assert.is(failures(), 0);
    assert.is(limiter.getCircuitState('peer'), 'closed');
  });
}

/** Procedures that are called by the server itself, with `guards` before them. */
function callerOf(
  guards: readonly [RpcGuard, TrpcOptions<Context>][],
  {
    as = 'peer',
    signal = new AbortController().signal,
    held,
  }: { as?: string; signal?: AbortSignal; held?: Promise<void> } = {},
) {
  const t = initTRPC.context<Context>().create();
  let base = t.procedure;
  for (const [guard, options] of guards) base = base.use(guardTrpc(guard, options));
  const router = t.router({
    ok: base.query(({ ctx }) => ctx.as),
    hang: base.query(() => held),
    crash: base.query(() => {
      throw new Error('crash');
    }),
    object: base.query(() => ({ subscribe: () => 'a field of this name' })),
    numbers: base.query(async function* (): AsyncGenerator<number, unknown, unknown> {
      const sent = yield 1;
      yield 2;
      return sent;
    }),
  });
  return t.createCallerFactory(router)({ as }, { signal });
}

test('a rejection by a guard behind this one is not an outcome: a probe goes back', async () => {
  const [outer, inner] = [guardOf(), guardOf({ burstSize: 1, maxRequestsPerSec: 0.001 })];
  openCircuit(outer.limiter, 'peer', 0);
  outer.at.ms = 1_000;
  const peer = (ctx: Context) => ctx.as;
  const caller = callerOf([
    [outer.guard, { peer }],
    [inner.guard, { peer }],
  ]);
  drain(inner.limiter, 'peer', 0);
  for (let i = 0; i < 3; i++) {
    const error = await rejected(caller.ok());
    assert.is(error.code, 'TOO_MANY_REQUESTS');
    assert.is(outer.limiter.getCircuitState('peer'), 'half_open');
  }
  inner.at.ms = 1_000_000;
  assert.is(await caller.ok(), 'peer');
  assert.is(outer.limiter.getCircuitState('peer'), 'closed');
});

test('a rejection is what tRPC takes for one of its errors, and says in its cause why and for how long', async () => {
  const { guard, limiter } = guardOf();
  drain(limiter, 'peer', 0);
  const error = await rejected(callerOf([[guard, { peer: (ctx) => ctx.as }]]).ok());
  assert.is(error.name, 'TRPCError');
  assert.instance(error.cause, RpcRejection);
  assert.equal(rejectionOf(error), { reason: 'rate_limited', retryAfterMs: 100 });
  for (const other of [new TRPCError({ code: 'TOO_MANY_REQUESTS' }), new Error('x'), undefined, null, 7]) {
    assert.is(rejectionOf(other), undefined);
  }
});

test('a call that its client gave up is ignored, whether it fails later or never ends', async () => {
  const { limiter, failures } = guardOf();
  const guard = new RpcGuard(limiter, { timeoutMs: 20 });
  const options: TrpcOptions<Context> = { peer: (ctx) => ctx.as };
  const [held, never] = [deferred(), deferred()];
  const controller = new AbortController();
  const given = { signal: controller.signal };
  const failing = callerOf([[guard, options]], { ...given, held: held.promise }).hang();
  const stuck = callerOf([[guard, options]], { ...given, held: never.promise }).hang();
  const waiting = callerOf([[guard, options]], { as: 'other', held: never.promise }).hang();
  controller.abort();
  held.reject(new Error('crash'));
  await rejected(failing);
  await until(() => failures('other') === 1, 'the failure of the one that waits');
  assert.is(failures('peer'), 0);
  never.resolve();
  await Promise.all([stuck, waiting]);
  assert.is(failures('peer'), 0);
  assert.is(failures('other'), 1);
});

test('a call whose peer is undefined is not limited', async () => {
  const { guard, limiter } = guardOf({ burstSize: 1 });
  const caller = callerOf([[guard, { peer: () => undefined }]]);
  for (let i = 0; i < 5; i++) assert.is(await caller.ok(), 'peer');
  assert.is((await rejected(caller.crash())).message, 'crash');
  assert.is(limiter.peerCount, 0);
});

test('a generator passes as it is: what is sent to it, what it returns, and its end before its time', async () => {
  const { guard, limiter, failures } = guardOf();
  const caller = callerOf([[guard, { peer: (ctx) => ctx.as }]]);
  const whole = await caller.numbers();
  assert.equal(await whole.next(), { done: false, value: 1 });
  assert.equal(await whole.next('sent'), { done: false, value: 2 });
  assert.equal(await whole.next(), { done: true, value: 'sent' });
  for await (const number of await caller.numbers()) {
    assert.is(number, 1);
    break;
  }
  const thrown = await caller.numbers();
  await thrown.next();
  assert.is(failures(), 0);
  assert.is((await rejected(thrown.throw(new Error('thrown in')))).message, 'thrown in');
  assert.is(failures(), 1);
  assert.is(limiter.getAvailableTokens('peer'), 47);
  await turn();
});

test('an answer of a query that only looks like an observable is left alone', async () => {
  const { guard } = guardOf();
  const { subscribe } = await callerOf([[guard, { peer: (ctx) => ctx.as }]]).object();
  assert.is(subscribe(), 'a field of this name');
});

test('the context is known to the type checker as the procedure has it, and the option peer is required', () => {
  const { guard } = guardOf();
  const t = initTRPC.context<Context>().create();
  const richer = t.procedure
    .use(({ next }) => next({ ctx: { tenant: 'a' } }))
    .use(guardTrpc(guard, { peer: (ctx) => ctx.tenant + ctx.as }));
  t.router({ tenant: richer.query(({ ctx }): string => ctx.tenant) });
  t.procedure.use(t.middleware(guardTrpc(guard, { peer: (ctx) => ctx.as })));
  // @ts-expect-error there is no such field
  t.procedure.use(guardTrpc(guard, { peer: (ctx) => ctx.nobody }));
  // @ts-expect-error tRPC does not say who is calling
  assert.throws(() => guardTrpc(guard, {}), /peer/);
});

test.run();

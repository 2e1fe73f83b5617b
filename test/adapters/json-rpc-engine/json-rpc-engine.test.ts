/** guardEngine: what is the engines' own, such as error codes, notifications and one engine inside the other. */

import { asV2Middleware, JsonRpcEngine } from '@metamask/json-rpc-engine';
import { asLegacyMiddleware, JsonRpcEngineV2 } from '@metamask/json-rpc-engine/v2';
import { rpcErrors } from '@metamask/rpc-errors';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clientErrorsIgnored, guardEngine, type LegacyRequest } from '../../../src/adapters/json-rpc-engine.js';
import * as core from '../../../src/index.js';
import { RateLimiter, type RpcErrorCodes, RpcGuard, RpcRejection } from '../../../src/index.js';
import { rejectionOf, until } from '../../rpc/support.js';
import { drain, openCircuit } from '../../support.js';
import { type Context, Methods, newEngine, oldEngine, serve } from './rig.js';

const test = suite('guardEngine');

function guardOf(errorCodes?: RpcErrorCodes, timeoutMs = Number.POSITIVE_INFINITY) {
  const at = { ms: 0 };
  const limiter = new RateLimiter({
    maxRequestsPerSec: 10,
    burstSize: 50,
    circuitBreakerThreshold: 20,
    circuitBreakerTimeoutMs: 1_000,
    clock: () => at.ms,
  });
  const failures = (peer = 'peer') => [...limiter.peers()].find(({ id }) => id === peer)?.failures ?? 0;
  const halfOpen = () => {
    openCircuit(limiter, 'peer', at.ms);
    at.ms += 1_000;
  };
  return { at, limiter, failures, halfOpen, guard: new RpcGuard(limiter, { errorCodes, timeoutMs }) };
}

const peer = (context: Context) => context.get('origin');
const context = { origin: 'peer' };
const request = { jsonrpc: '2.0', id: 1, method: 'ok' } as const;
const answer = () => 'fine';

for (const [name, engine] of Object.entries({ JsonRpcEngineV2: newEngine, JsonRpcEngine: oldEngine })) {
  type Scene = ReturnType<typeof guardOf> & { readonly methods: Methods };
  const over = (sentence: string, holds: (scene: Scene) => Promise<void>) =>
    test(`${sentence} (${name})`, () => holds({ ...guardOf(), methods: new Methods() }));

  over('a rejection is the error that EIP-1474 has for it', async ({ guard, limiter, methods }) => {
    const { ask, stop } = await serve(engine(guard, {}, methods));
    try {
      drain(limiter, 'peer', 0);
      const { error } = await ask('ok', 'peer');
      const { code, message, data } = rpcErrors.limitExceeded({
        message: 'Rate limit exceeded',
        data: { reason: 'rate_limited', retryAfterMs: 100 },
      });
      assert.equal(error, { code, message, data });
      openCircuit(limiter, 'peer', 0);
      assert.is((await ask('ok', 'peer')).error?.code, rpcErrors.resourceUnavailable().code);
    } finally {
      await stop();
    }
  });

  over('an error response is a failure, whatever its code', async ({ guard, failures, methods }) => {
    const { ask, stop } = await serve(engine(guard, {}, methods));
    try {
      for (const code of [-32600, -32601, -32602, -32000, -32603, 4001]) {
        const before = failures();
        assert.is((await ask('fail', 'peer', [code])).error?.code, code);
        assert.is(failures(), before + 1, `${code}`);
      }
    } finally {
      await stop();
    }
  });

  over('with clientErrorsIgnored, errors that a clumsy client makes are none', async (world) => {
    const { guard, failures, methods } = world;
    const { ask, stop } = await serve(engine(guard, { classify: clientErrorsIgnored }, methods));
    try {
      for (const code of [-32600, -32601, -32602]) await ask('fail', 'peer', [code]);
      await ask('unknown', 'peer');
      assert.is(failures(), 0);
      await ask('fail', 'peer', [-32000]);
      await ask('crash', 'peer');
      assert.is(failures(), 2);
    } finally {
      await stop();
    }
  });
}

test('clientErrorsIgnored is the one of peergate, which also judges what guard.run says of a call', () => {
  assert.is(clientErrorsIgnored, core.clientErrorsIgnored);
  const clumsy = { code: -32601 };
  assert.is(clientErrorsIgnored({ how: 'done' }), 'success');
  assert.is(clientErrorsIgnored({ how: 'error', error: clumsy }), 'ignored');
  assert.is(clientErrorsIgnored({ how: 'error', error: new Error('crash') }), 'failure');
  assert.is(clientErrorsIgnored({ how: 'timeout' }), 'failure');
  assert.is(clientErrorsIgnored({ how: 'cancelled' }), 'ignored');
  assert.is(clientErrorsIgnored({ value: { error: clumsy } }), 'ignored');
  assert.is(core.onlyCodes(-32000)({ how: 'error', error: { code: -32000 } }), 'failure');
  assert.is(core.onlyCodes(-32000)({ how: 'timeout' }), 'ignored');
  assert.is(core.onlyCodes(-32000)({ how: 'cancelled' }), 'ignored');
});

test('a guard with codes of its own keeps them, also where only one of them is its own', async () => {
  for (const rateLimited of [-31_001, -32_001]) {
    const { guard, limiter } = guardOf({ rateLimited, circuitOpen: -31_002, tableFull: -31_003 });
    drain(limiter, 'peer', 0);
    const engine = JsonRpcEngineV2.create({ middleware: [guardEngine(guard, { peer }), answer] });
    const error = await rejectionOf(engine.handle(request, { context }));
    assert.instance(error, RpcRejection);
    assert.is(error.code, rateLimited);
  }
});

test('a notification costs a token and is a success; one that is rejected is not answered', async () => {
  const { guard, limiter, halfOpen } = guardOf();
  const methods = new Methods();
  const { ask, notify, stop } = await serve(newEngine(guard, {}, methods));
  try {
    halfOpen();
    await notify('ok', 'peer');
    await until(() => limiter.getCircuitState('peer') === 'closed', 'the success');
    assert.ok(limiter.allows('peer', 49, 1_000));
    await notify('ok', 'peer');
    await ask('ok', 'peer'); // a response to the notification would have come before this one
    assert.is(methods.handled, 1);
    assert.is(limiter.rejectionsBy('json-rpc-engine').answered, 2);
  } finally {
    await stop();
  }
});

test('before an older engine it sees the outcome through asV2Middleware', async () => {
  const { guard, failures } = guardOf();
  const old = new JsonRpcEngine();
  old.push(({ method }, response, _next, end) => {
    response.result = 'fine';
    end(method === 'ok' ? undefined : rpcErrors.internal());
  });
  const engine = JsonRpcEngineV2.create({ middleware: [guardEngine(guard, { peer }), asV2Middleware(old)] });
  assert.is(await engine.handle(request, { context }), 'fine');
  assert.is((await rejectionOf(engine.handle({ ...request, method: 'crash' }, { context }))).code, -32603);
  assert.is(failures(), 1);
});

test('inside an older engine, which ends the request itself, it limits and says nothing of the outcome', async () => {
  const { guard, limiter, halfOpen } = guardOf();
  const engine = new JsonRpcEngine();
  const inner = guardEngine(guard, { peer: () => 'peer' });
  engine.push(asLegacyMiddleware(inner as never));
  engine.push((_request, response, _next, end) => {
    response.result = 'fine';
    end();
  });
  halfOpen();
  for (let i = 0; i < 3; i++) {
    assert.is(((await engine.handle(request)) as { result?: unknown }).result, 'fine');
    assert.is(limiter.getCircuitState('peer'), 'half_open', 'the probe went back');
  }
  drain(limiter, 'other', 1_000);
  limiter.configure({ burstSize: 1, maxRequestsPerSec: 0.001 }, 1_000);
  const { error } = (await engine.handle(request)) as { error?: { code: number } };
  assert.is(error?.code, -32005);
});

test('a rejection by a guard behind this one is not an outcome', async () => {
  const [outer, inner] = [guardOf(), guardOf()];
  const middleware = [guardEngine(outer.guard, { peer }), guardEngine(inner.guard, { peer }), answer];
  const engine = JsonRpcEngineV2.create({ middleware });
  outer.halfOpen();
  drain(inner.limiter, 'peer', 0);
  assert.is((await rejectionOf(engine.handle(request, { context }))).code, -32005);
  assert.is(outer.limiter.getCircuitState('peer'), 'half_open');
  assert.is(outer.failures(), 20, 'those of before');
});

test('a request that nobody ends in the older engine is a failure once its time is up', async () => {
  const { guard, failures } = guardOf(undefined, 20);
  const engine = new JsonRpcEngine();
  engine.push(guardEngine(guard, { peer: (_: LegacyRequest) => 'peer' }));
  const { error } = (await engine.handle(request)) as { error?: { code: number } };
  assert.is(error?.code, -32603);
  await until(() => failures() === 1, 'the failure');
});

test('a request whose peer is undefined is not limited', async () => {
  const { guard, limiter } = guardOf();
  const engine = JsonRpcEngineV2.create({ middleware: [guardEngine(guard, { peer: () => undefined }), answer] });
  for (let i = 0; i < 100; i++) assert.is(await engine.handle(request), 'fine');
  const old = new JsonRpcEngine();
  old.push(guardEngine(guard, { peer: (_: LegacyRequest) => undefined }));
  old.push((_request, response, _next, end) => {
    response.result = 'fine';
    end();
  });
  assert.is(((await old.handle(request)) as { result?: unknown }).result, 'fine');
  assert.is(limiter.peerCount, 0);
});

test.run();

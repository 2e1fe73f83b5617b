/** guardNamespace: what is socket.io's own, such as acknowledgements, disconnects and floods of events. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type Socket } from 'socket.io';
import { io } from 'socket.io-client';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guardNamespace, type SocketOptions } from '../../../src/adapters/socket.io.js';
import { RateLimiter, type RateLimiterConfig, RpcGuard } from '../../../src/index.js';
import { until } from '../../rpc/support.js';
import { drain, openCircuit, thrownBy } from '../../support.js';
import { serveSockets } from './rig.js';

const test = suite('guardNamespace');

interface Setting extends SocketOptions<Socket> {
  readonly config?: Partial<RateLimiterConfig>;
  readonly timeoutMs?: number;
  readonly second?: RpcGuard;
}

async function rigOf({ config = {}, timeoutMs = Number.POSITIVE_INFINITY, second, ...options }: Setting = {}) {
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
  const rejections = limiter.rejectionsBy('socket.io');
  const served = await serveSockets(new RpcGuard(limiter, { timeoutMs }), options, 'websocket', second);
  return { at, limiter, failures, rejections, ...served };
}

type Scene = Awaited<ReturnType<typeof rigOf>>;

function over(sentence: string, setting: Setting, holds: (scene: Scene) => Promise<void>): void {
  test(sentence, async () => {
    const scene = await rigOf(setting);
    try {
      await holds(scene);
    } finally {
      await scene.stop();
    }
  });
}

over('a rejected event is acknowledged with the error', {}, async ({ limiter, ask, seen }) => {
  drain(limiter, 'peer', 0);
  assert.equal(await ask('ok', 'peer'), {
    error: { code: -32001, message: 'Rate limit exceeded', data: { reason: 'rate_limited', retryAfterMs: 100 } },
  });
  assert.is(seen.handled, 0);
});

over(
  'a rejected event without an acknowledgement is dropped',
  {},
  async ({ limiter, ask, socketOf, seen, rejections }) => {
    drain(limiter, 'peer', 0);
    (await socketOf('peer')).emit('note');
    await ask('ok', 'peer');
    assert.is(seen.noted, 0);
    assert.equal(rejections, { answered: 1, dropped: 1, closed: 0 });
  },
);

over('an event without an acknowledgement is a success', {}, async ({ limiter, at, ask, socketOf, seen }) => {
  openCircuit(limiter, 'peer', 0);
  at.ms = 1_000;
  (await socketOf('peer')).emit('note');
  await until(() => seen.noted === 1, 'the event');
  assert.is(limiter.getCircuitState('peer'), 'closed');
  await ask('ok', 'peer');
});

over('an error in whichever argument of the acknowledgement is a failure', {}, async ({ ask, seen, failures }) => {
  const answers: [unknown[], number][] = [
    [[{ error: 'no' }], 1],
    [['text', { error: { code: 1 } }], 1],
    [[{ error: null }, { error: undefined }, null, 'error'], 0],
    [[], 0],
  ];
  for (const [answer, expected] of answers) {
    const before = failures();
    const call = ask('hang', 'peer');
    await until(() => seen.replies.length > 0, 'the handler to begin');
    (seen.replies.pop() as (...answer: unknown[]) => void)(...answer);
    await call;
    assert.is(failures() - before, expected, JSON.stringify(answer));
  }
});

over(
  'silence beyond timeoutMs is a failure, and a late answer still reaches the client',
  { timeoutMs: 20 },
  async (scene) => {
    const { ask, failures, seen } = scene;
    const call = ask('hang', 'peer');
    await until(() => failures() === 1, 'the failure');
    seen.replies[0]?.({ result: 'late' });
    assert.equal(await call, { result: 'late' });
    assert.is(failures(), 1);
  },
);

over(
  'what a disconnect leaves unanswered is ignored, also where it had little time',
  { timeoutMs: 600_000 },
  async (scene) => {
    const { ask, failures, seen, socketOf, limiter, at } = scene;
    openCircuit(limiter, 'peer', 0);
    at.ms = 1_000;
    const before = failures();
    const call = ask('hang', 'peer').catch(() => 'lost');
    await until(() => seen.replies.length > 0, 'the handler to begin');
    assert.is((await ask('ok', 'peer')).error?.code, -32002, 'the probe is out');
    (await socketOf('peer')).disconnect();
    assert.is(await call, 'lost');
    for (;;) {
      const { result } = await ask('ok', 'peer');
      if (result === 'fine') break;
    }
    seen.replies[0]?.({ error: { code: 'too late' } });
    assert.is(failures(), before);
  },
);

over(
  'a flood is answered up to the burst of answers, then at their rate, and the rest is dropped',
  { maxRejectionBurst: 5, maxRejectionsPerSec: 2 },
  async ({ limiter, at, ask, socketOf, rejections }) => {
    limiter.configure({ maxRequestsPerSec: 0.001 }, 0);
    drain(limiter, 'peer', 0);
    const socket = await socketOf('peer');
    let answered = 0;
    const flood = (count: number) => {
      for (let i = 0; i < count; i++) socket.emit('ok', () => answered++);
    };
    flood(100);
    await until(() => rejections.answered + rejections.dropped === 100, 'the flood');
    assert.equal(rejections, { answered: 5, dropped: 95, closed: 0 });
    at.ms = 1_000;
    flood(100);
    await until(() => rejections.answered + rejections.dropped === 200, 'the second flood');
    assert.equal(rejections, { answered: 7, dropped: 193, closed: 0 });
    assert.is((await ask('ok', 'other')).result, 'fine');
    await until(() => answered === 7, 'the answers');
  },
);

over('a socket that keeps on is disconnected after maxStrikes', { maxStrikes: 30 }, async (scene) => {
  const { limiter, ask, socketOf, rejections, at } = scene;
  drain(limiter, 'peer', 0);
  const socket = await socketOf('peer');
  const reason = new Promise((resolve) => socket.once('disconnect', resolve));
  for (let i = 0; i < 40; i++) socket.emit('ok', () => {});
  assert.is(await reason, 'io server disconnect');
  assert.is(rejections.answered, 29);
  assert.is(rejections.closed, 1);
  at.ms = 60_000;
  assert.is((await ask('ok', 'peer')).result, 'fine');
});

over('a socket that pauses is forgiven', { maxStrikes: 30 }, async ({ limiter, ask, rejections, at }) => {
  for (let round = 0; round < 3; round++) {
    limiter.check('peer', Math.max(limiter.getAvailableTokens('peer'), 1));
    for (let i = 0; i < 20; i++) assert.is((await ask('ok', 'peer')).error?.code, -32001);
    at.ms += 10_000;
    assert.is((await ask('ok', 'peer')).result, 'fine');
  }
  assert.is(rejections.closed, 0);
});

test('a rejection by a second guard is not an outcome for the first: a probe goes back', async () => {
  const strict = new RateLimiter({ burstSize: 1, maxRequestsPerSec: 0.001, clock: () => 0 });
  const { limiter, ask, at, socketOf, rejections, stop } = await rigOf({ second: new RpcGuard(strict) });
  try {
    drain(strict, 'everyone', 0);
    openCircuit(limiter, 'peer', 0);
    at.ms = 1_000;
    for (let i = 0; i < 3; i++) {
      assert.is((await ask('ok', 'peer')).error?.code, -32001);
      assert.is(limiter.getCircuitState('peer'), 'half_open');
    }
    const socket = await socketOf('peer');
    for (let i = 0; i < 45; i++) socket.emit('ok', () => {});
    await until(() => strict.rejectionsBy('socket.io').answered === 48, 'the rejections');
    assert.is(limiter.getCircuitState('peer'), 'half_open');
    assert.equal(rejections, { answered: 0, dropped: 0, closed: 0 });
  } finally {
    await stop();
  }
});

test('a client that recovers its session is limited as before', async () => {
  const limiter = new RateLimiter({ burstSize: 2, maxRequestsPerSec: 0.01, clock: () => 0 });
  const http = createServer();
  const server = new Server(http, { connectionStateRecovery: {} });
  guardNamespace(new RpcGuard(limiter), server, { peer: () => 'peer' });
  const recovered: boolean[] = [];
  server.on('connection', (socket) => {
    recovered.push(socket.recovered);
    socket.on('ok', (reply: (answer: object) => void) => reply({ result: 'fine' }));
    socket.emit('hello'); // a client can recover only after it has got an event
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const client = io(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, {
    transports: ['websocket'],
    reconnectionDelay: 1,
    reconnectionDelayMax: 1,
  });
  try {
    await new Promise<void>((resolve) => client.once('hello', resolve));
    assert.is((await client.emitWithAck('ok')).result, 'fine');
    client.io.engine.close();
    await until(() => recovered.length === 2, 'the client to come back');
    assert.equal(recovered, [false, true]);
    assert.is((await client.emitWithAck('ok')).result, 'fine');
    assert.is((await client.emitWithAck('ok')).error?.code, -32001);
    assert.is(limiter.rejectionsBy('socket.io').answered, 1);
  } finally {
    client.disconnect();
    await server.close();
  }
});

test('the default peer is the address of the connection, whatever the ID of the socket', async () => {
  const { ask, stop, limiter } = await rigOf({ peer: undefined });
  try {
    await ask('ok', 'one');
    await ask('ok', 'other');
    assert.equal(
      [...limiter.peers()].map(({ id, allowed }) => [id, allowed]),
      [['127.0.0.1', 2]],
    );
  } finally {
    await stop();
  }
});

test('options out of their bounds are refused by name', () => {
  const guard = new RpcGuard(new RateLimiter());
  const fieldOf = (options: object) =>
    thrownBy(() => guardNamespace(guard, { use: () => {}, on: () => {} }, options)).field;
  assert.is(fieldOf({ maxRejectionsPerSec: -1 }), 'maxRejectionsPerSec');
  assert.is(fieldOf({ maxRejectionBurst: 1.5 }), 'maxRejectionBurst');
  assert.is(fieldOf({ maxStrikes: 0 }), 'maxStrikes');
  guardNamespace(
    guard,
    { use: () => {}, on: () => {} },
    { maxRejectionBurst: undefined, maxStrikes: Number.POSITIVE_INFINITY },
  );
});

test.run();

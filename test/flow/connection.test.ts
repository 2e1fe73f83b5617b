/** A guarded connection over a socket in memory, with a protocol of three lines. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guardFlow } from '../../src/flow/gate.js';
import { Outlet } from '../../src/flow/outlet.js';
import { Queue } from '../../src/flow/queue.js';
import { Reading } from '../../src/flow/reading.js';
import type { Session } from '../../src/flow/session.js';
import { tell } from '../../src/flow/tell.js';
import { RateLimiter, RpcGuard } from '../../src/index.js';
import { FakeSocket } from '../adapters/fake-socket.js';
import { turn } from '../rpc/support.js';

const test = suite('a guarded connection');

const connected = (session: Partial<Session> = {}, socket = new FakeSocket()) => {
  const limiter = new RateLimiter({ maxPeers: 8, burstSize: 1_000, circuitBreakerThreshold: 3, clock: () => 0 });
  const gate = guardFlow(new RpcGuard(limiter), (link) => ({
    begin: (_, permit) => link.serve(permit, () => 'done'),
    ...session,
  }));
  return { limiter, gate, socket, connection: gate.accept(socket, 'peer') };
};

test('frames that arrive after the connection has begun to close are not looked at, whoever closes it', () => {
  const byClient = connected();
  byClient.socket.readyState = 2;
  byClient.socket.deliver('late');
  assert.is(byClient.connection.stats().received, 0);
  const byServer = connected();
  byServer.connection.close();
  byServer.socket.readyState = 1; // some sockets take their time
  byServer.socket.deliver('late');
  assert.is(byServer.connection.stats().received, 0);
  assert.is(byServer.limiter.stats().allowed, 0);
});

test('nothing is sent to a client that has begun to close', async () => {
  const { socket, connection } = connected();
  socket.deliver('frame');
  socket.readyState = 2;
  for (let i = 0; i < 3; i++) await turn();
  assert.is(connection.inFlight, 0);
  assert.equal(socket.sent, []);
});

test('a socket that cannot send has lost its client, and the connection is dropped', async () => {
  class Broken extends FakeSocket {
    override send(): void {
      throw new Error('broken pipe');
    }
  }
  const { gate, socket, connection } = connected({}, new Broken());
  socket.deliver('frame');
  await turn();
  await turn();
  assert.is(connection.isOpen, false);
  assert.is(socket.readyState, 3);
  assert.is(gate.connections.size, 0);
});

test('a protocol that throws closes its connection with 1011; a frame that it threw for counts as a failure', async () => {
  const thrower = () => {
    throw new Error('a bug');
  };
  const atBegin = connected({ begin: thrower });
  atBegin.socket.deliver('frame');
  await turn();
  await turn();
  assert.is(atBegin.socket.closedWith?.[0], 1011);
  assert.is([...atBegin.limiter.peers(0)][0]?.failures, 1);
});

test('the timer that ends an expelled client does not keep the process alive, and is gone once the client is', async () => {
  const { setTimeout } = globalThis;
  const timers: NodeJS.Timeout[] = [];
  const { socket } = connected({
    begin: () => {
      throw new Error('a bug');
    },
  });
  try {
    globalThis.setTimeout = ((act: () => void, ms: number) => {
      const timer = setTimeout(act, ms);
      timers.push(timer);
      return timer;
    }) as never;
    socket.deliver('frame');
    for (let i = 0; i < 3; i++) await turn();
  } finally {
    globalThis.setTimeout = setTimeout;
  }
  assert.is(socket.closedWith?.[0], 1011);
  assert.ok(timers.length > 0);
  assert.ok(timers.every((timer) => !timer.hasRef()));
  socket.terminate();
});

test('an outlet that was closed does not look at its socket again', () => {
  const { setInterval, clearInterval } = globalThis;
  const running = new Set<unknown>();
  try {
    globalThis.setInterval = ((_act: () => void) => {
      const timer = {};
      running.add(timer);
      return timer;
    }) as never;
    globalThis.clearInterval = ((timer: unknown) => running.delete(timer)) as never;
    const socket = new FakeSocket();
    socket.bufferedAmount = 100;
    const owner = { clogged() {}, cleared() {}, lost() {} };
    const outlet = new Outlet(socket, new Reading(socket), { maxBufferedBytes: 800, stallTimeoutMs: 1_000 }, owner);
    outlet.send('answer');
    assert.is(running.size, 1);
    outlet.close();
    assert.is(running.size, 0);
  } finally {
    Object.assign(globalThis, { setInterval, clearInterval });
  }
});

test('a queue holds as much as its limit at any one time, however much has passed through it', () => {
  const queue = new Queue(1_000);
  for (let i = 0; i < 1_000; i++) {
    queue.push('frame', 10_000, i as never);
    assert.equal(queue.shift()?.permit, i);
    assert.is(queue.isTooLong, false);
  }
  assert.is(queue.shift(), undefined);
  const room = 2 ** 20 + 4_000;
  queue.push('frame', room - 128, 0 as never);
  assert.is(queue.isTooLong, false);
  queue.push('frame', 0, 1 as never);
  assert.is(queue.isTooLong, true);
  assert.is(queue.clear().length, 2);
  assert.is(queue.isTooLong, false);
  assert.ok(queue.isEmpty);
});

test('an outcome that a closed limiter is told does not count and does not throw', () => {
  const limiter = new RateLimiter({ maxPeers: 1, clock: () => 0 });
  const guard = new RpcGuard(limiter);
  const peer = limiter.peer('peer');
  const permit = peer.check();
  assert.is(tell(guard, peer, 'failure', permit), true);
  limiter.close();
  for (const outcome of ['success', 'failure', 'ignored'] as const)
    assert.is(tell(guard, peer, outcome, permit), false);
});

test('where slowCallMs is on, the breaker hears how long a request took', async () => {
  let now = 0;
  const limiter = new RateLimiter({
    maxPeers: 8,
    slowCallMs: 50,
    failureRateThreshold: 1,
    minimumCalls: 1,
    clock: () => now,
  });
  const gate = guardFlow(new RpcGuard(limiter), (link) => ({
    begin: (frame, permit) =>
      link.serve(permit, async () => {
        now += Number(frame);
        return 'done';
      }),
  }));
  const socket = new FakeSocket();
  gate.accept(socket, 'peer');
  socket.deliver('49');
  for (let i = 0; i < 3; i++) await turn();
  assert.is(limiter.getCircuitState('peer', now), 'closed');
  now += 60_000; // a new window
  socket.deliver('50');
  for (let i = 0; i < 3; i++) await turn();
  assert.is(limiter.getCircuitState('peer', now), 'open');
});

test.run();

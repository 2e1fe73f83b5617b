/** An honest client that overshoots hears of it: an answer to each rejected request, or else how many there were. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { presets } from '../../src/index.js';
import { until } from '../rpc/support.js';
import { FakeSocket } from './fake-socket.js';
import { notification, request, type Wire, withRig } from './rig.js';
import { withTimers } from './timers.js';

const test = suite('clients that overshoot');

const add = (id: unknown) => JSON.stringify(request(id, 'add', [1, 2]));
const wires = (socket: FakeSocket) => socket.sent.map((text) => JSON.parse(text) as Wire & { method?: string });
const told = (socket: FakeSocket) => wires(socket).filter(({ method }) => method === 'rpc.rejected');
const errors = (socket: FakeSocket) => wires(socket).filter(({ error }) => error !== undefined);
const rejected = (count: number) => ({ jsonrpc: '2.0', method: 'rpc.rejected', params: { count } });

for (const [name, preset] of Object.entries(presets)) {
  test(
    `a new client that sends twice its burst and ten more at once has every request answered (${name})`,
    withRig({ limiter: preset }, async ({ connect }) => {
      const count = 2 * preset.burstSize + 10;
      const client = await connect('peer');
      for (let id = 0; id < count; id++) client.send(request(id, 'add', [1, 2]));
      const most = preset.burstSize + Math.min(Math.max(preset.burstSize, 100), 1_000);
      const messages = (await client.messages(Math.min(count, most))) as Wire[];
      const limited = messages.filter(({ error }) => error?.code === -32001);
      assert.is(limited.length, Math.min(count, most) - preset.burstSize);
    }),
  );
}

test('a budget holds one burst of the limiter, at least 100 and at most 1 000, or what the option says', async () => {
  for (const [burstSize, option, answered] of [
    [20, undefined, 100],
    [300, undefined, 300],
    [5_000, undefined, 1_000],
    [300, 7, 7],
    [20, 0, 0],
  ] as const) {
    await withRig({ limiter: { burstSize }, adapter: { maxRejectionBurst: option } }, async ({ gate, limiter }) => {
      const socket = new FakeSocket();
      gate.accept(socket, 'peer');
      limiter.check('peer', burstSize);
      for (let id = 0; id < 1_100; id++) socket.deliver(add(id));
      assert.is(errors(socket).length, answered, `burst ${burstSize}, option ${option}`);
    })();
  }
});

test(
  'the first frame that is let in again brings word of how many were dropped, once',
  withRig({ adapter: { maxRejectionBurst: 10 } }, async ({ at, gate }) => {
    const socket = new FakeSocket();
    gate.accept(socket, 'peer');
    for (let id = 0; id < 60; id++) socket.deliver(add(id));
    assert.is(errors(socket).length, 10);
    assert.equal(told(socket), []);
    at.ms = 200;
    socket.deliver(add(60));
    assert.equal(told(socket), [rejected(30)]);
    socket.deliver(add(61));
    assert.is(told(socket).length, 1);
  }),
);

test(
  'one that goes on overshooting is told at most once a second',
  withRig({ adapter: { maxRejectionsPerSec: 1, maxRejectionBurst: 1 } }, async ({ at, gate }) => {
    const socket = new FakeSocket();
    const connection = gate.accept(socket, 'peer');
    for (let tenths = 0; tenths < 100; tenths++) {
      at.ms = tenths * 100;
      for (let i = 0; i < 5; i++) socket.deliver(add(i));
    }
    const count = told(socket).length;
    assert.ok(count >= 9 && count <= 10, `${count} times in ten seconds`);
    const sum = (told(socket) as unknown as { params: { count: number } }[]).reduce(
      (all, { params }) => all + params.count,
      0,
    );
    const { rejectionsDropped } = connection.stats();
    assert.ok(sum > 0.8 * rejectionsDropped && sum <= rejectionsDropped, `${sum} of ${rejectionsDropped}`);
  }),
);

test(
  'one that waits for its answers, and sends nothing more, is told after a second',
  withRig({ adapter: { maxRejectionBurst: 10 } }, async ({ gate, at }) => {
    withTimers((timers) => {
      const socket = new FakeSocket();
      gate.accept(socket, 'peer');
      for (let id = 0; id < 60; id++) socket.deliver(add(id));
      const telling = timers.filter(({ ms }) => ms === 1_000);
      assert.is(telling.length, 1);
      at.ms = 1_000;
      telling[0]?.run();
      assert.equal(told(socket), [rejected(30)]);
      socket.deliver(add(60));
      assert.is(told(socket).length, 1, 'there is nothing more to tell');
    });
  }),
);

test(
  'nobody is told where notifyRejections is false, nor after the end',
  withRig({ guard: { timeoutMs: Number.POSITIVE_INFINITY } }, async ({ gate, guard, server, at }) => {
    const { guardJsonRpc } = await import('../../src/adapters/json-rpc.js');
    const quiet = guardJsonRpc(server, guard, { maxRejectionBurst: 0, notifyRejections: false });
    withTimers((timers) => {
      const socket = new FakeSocket();
      const silent = quiet.accept(socket, 'quiet');
      for (let id = 0; id < 60; id++) socket.deliver(add(id));
      at.ms = 5_000;
      socket.deliver(add(60));
      assert.equal(told(socket), []);
      assert.is(timers.filter(({ ms }) => ms === 1_000).length, 0);
      silent.close();

      const other = new FakeSocket();
      const connection = gate.accept(other, 'other');
      for (let id = 0; id < 200; id++) other.deliver(add(id));
      assert.ok(timers.length > 0);
      connection.close();
      assert.equal(timers, []);
    });
  }),
);

test(
  'a rejected notification is counted as well: nobody has parsed it',
  withRig({ adapter: { maxRejectionBurst: 0 } }, async ({ gate, at }) => {
    const socket = new FakeSocket();
    gate.accept(socket, 'peer');
    for (let i = 0; i < 25; i++) socket.deliver(JSON.stringify(notification('add', [1, 2])));
    at.ms = 100;
    socket.deliver(add(1));
    await until(() => socket.sent.length === 2, 'the answer');
    assert.equal(told(socket), [rejected(5)]);
  }),
);

test.run();

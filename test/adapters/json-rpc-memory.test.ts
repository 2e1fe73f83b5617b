/** Memory stays bounded, however fast a client sends and however slowly it takes its answers. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { turn, until } from '../rpc/support.js';
import { FakeSocket } from './fake-socket.js';
import { request, type Wire, withRig } from './rig.js';

const test = suite('the bounds of a JSON-RPC connection');

const LARGE = 2 ** 18;

test(
  'only maxInFlight requests are worked on at a time; the others wait, and all are answered in order',
  withRig(
    { limiter: { burstSize: 1_000 }, adapter: { maxInFlight: 4 } },
    async ({ connect, hanging, connections, sockets }) => {
      const client = await connect('peer');
      for (let id = 0; id < 50; id++) client.send(request(id, 'hang'));
      await until(() => hanging.length === 4, 'the first handlers');
      await turn();
      assert.ok(sockets[0]?.isPaused);
      assert.is(connections[0]?.inFlight, 4);
      for (let i = 0; i < 50; i++) {
        await until(() => hanging.length > i, 'the next handler');
        assert.ok((connections[0]?.inFlight ?? 0) <= 4);
        hanging[i]?.resolve(i);
      }
      const answers = (await client.messages(50)) as Wire[];
      assert.equal(
        answers.map(({ result }) => result),
        Array.from({ length: 50 }, (_, i) => i),
      );
      await until(() => sockets[0]?.isPaused === false, 'the reading');
      assert.ok((connections[0]?.stats().stalls ?? 0) > 0);
      assert.is(connections[0]?.inFlight, 0);
    },
  ),
);

test(
  'a batch may overshoot, by itself',
  withRig({ limiter: { burstSize: 1_000 }, adapter: { maxInFlight: 4 } }, async ({ connect, hanging, connections }) => {
    const client = await connect('peer');
    for (let batch = 0; batch < 2; batch++) client.send(Array.from({ length: 10 }, (_, id) => request(id, 'hang')));
    await until(() => hanging.length === 10, 'the first batch');
    await turn();
    assert.is(connections[0]?.inFlight, 10);
    for (const one of hanging.slice(0, 9)) one.resolve(1);
    await turn();
    assert.is(hanging.length, 10, 'its answers are held until the last is there, so they count until then');
    hanging[9]?.resolve(1);
    await until(() => hanging.length === 20, 'the second batch');
  }),
);

test(
  'a client that does not take its answers is not read, and goes on where it stopped',
  withRig(
    { limiter: { burstSize: 1_000 }, adapter: { maxInFlight: 4 } },
    async ({ connect, connections, sockets, calls }) => {
      const client = await connect('peer');
      client.socket.pause();
      const count = 200;
      for (let id = 0; id < count; id++) client.send(request(id, 'big', [LARGE]));
      await until(
        () => (sockets[0]?.bufferedAmount ?? 0) > 2 ** 20 && connections[0]?.inFlight === 0,
        'the server to stop, and what is at work',
      );
      assert.ok(sockets[0]?.isPaused);
      const waiting = sockets[0]?.bufferedAmount ?? 0;
      // Four answers are more than the mark; the other three that were at work with the fourth came after it.
      assert.ok(waiting <= 7 * (LARGE + 100), `no more than what was at work: ${waiting} bytes`);
      assert.ok(calls.length < count);
      client.socket.resume();
      const answers = (await client.messages(count)) as Wire[];
      assert.ok(answers.every(({ result }) => (result as string).length === LARGE));
      assert.is((await client.call('add', [1, 2])).result, 3);
    },
  ),
);

test(
  'one that leaves more than maxBufferedBytes lying is dropped',
  withRig(
    { limiter: { burstSize: 1_000 }, adapter: { maxBufferedBytes: 2 ** 20 } },
    async ({ connect, connections, hanging, sockets }) => {
      const client = await connect('peer');
      for (let id = 0; id < 100; id++) client.send(request(id, 'hang'));
      await until(() => hanging.length === 100, 'the handlers');
      client.socket.pause();
      let most = 0;
      for (const one of hanging) {
        one.resolve('x'.repeat(LARGE));
        await turn();
        most = Math.max(most, sockets[0]?.bufferedAmount ?? 0);
      }
      await until(() => connections[0]?.isOpen === false, 'the end');
      assert.ok(most <= 2 ** 20 + LARGE + 100, `${most} bytes waited`);
      client.socket.resume();
      assert.is(await client.closed(), 1006);
    },
  ),
);

test(
  'a single answer, however large, drops nobody',
  withRig({ adapter: { maxBufferedBytes: 1_000 } }, async ({ connect, connections }) => {
    const client = await connect('peer');
    for (let i = 0; i < 3; i++) assert.is(((await client.call('big', [2 ** 24])).result as string).length, 2 ** 24);
    assert.ok(connections[0]?.isOpen);
  }),
);

test(
  'one that takes nothing for stallTimeoutMs is dropped',
  withRig(
    { limiter: { burstSize: 1_000 }, adapter: { maxInFlight: 4, stallTimeoutMs: 100 } },
    async ({ connect, connections }) => {
      const client = await connect('peer');
      client.socket.pause();
      for (let id = 0; id < 200; id++) client.send(request(id, 'big', [LARGE]));
      await until(() => connections[0]?.isOpen === false, 'the end');
    },
  ),
);

test(
  'a socket that delivers whatever it is told is closed before its queue grows without end',
  withRig({ limiter: { burstSize: 1e6 }, adapter: { maxInFlight: 1 } }, async ({ gate, hanging, limiter }) => {
    const socket = new FakeSocket();
    const connection = gate.accept(socket, 'peer');
    socket.deliver(JSON.stringify(request(1, 'hang')));
    assert.ok(socket.isPaused);
    const frame = JSON.stringify({ ...request(2, 'add', [1, 2]), filler: 'x'.repeat(10_000) });
    let frames = 0;
    while (connection.isOpen) {
      socket.deliver(frame);
      frames++;
      assert.ok(frames * frame.length < 3 * 2 ** 20, 'it should be closed by now');
    }
    assert.ok(frames * frame.length > 2 ** 20, 'a socket that pauses never gets here');
    assert.equal(socket.closedWith, [1008, 'Too many requests waiting']);
    assert.ok(hanging[0]?.signal.aborted);
    assert.is([...limiter.peers()][0]?.failures, 1);
  }),
);

test(
  'a socket that fails to send has lost its client, and the server stays up',
  withRig({}, async ({ gate }) => {
    const socket = new FakeSocket();
    const connection = gate.accept(socket, 'peer');
    socket.send = () => {
      throw new Error('broken pipe');
    };
    socket.deliver(JSON.stringify(request(1, 'add', [1, 2])));
    await until(() => !connection.isOpen, 'the end');
    assert.is(socket.readyState, 3);
    assert.is(connection.inFlight, 0);
    const other = new FakeSocket();
    other.send = socket.send;
    gate.accept(other, 'peer');
    other.deliver('{');
    assert.is(other.readyState, 3);
  }),
);

test(
  'a thousand requests below the limit, all at once, are all answered',
  withRig({ limiter: { burstSize: 1_000 } }, async ({ connect, gate }) => {
    const client = await connect('peer');
    for (let id = 0; id < 1_000; id++) client.send(request(id, 'add', [id, 1]));
    const answers = (await client.messages(1_000)) as Wire[];
    assert.equal(
      answers.map(({ result }) => result).sort((a, b) => Number(a) - Number(b)),
      Array.from({ length: 1_000 }, (_, id) => id + 1),
    );
    assert.is(gate.stats().rejected, 0);
  }),
);

test(
  'the same through a compressing socket, which makes much of what it was sent',
  withRig({ limiter: { burstSize: 1_000 }, compress: true }, async ({ connect, gate }) => {
    const client = await connect('peer');
    const filler = 'x'.repeat(2_000);
    for (let id = 0; id < 1_000; id++) client.send({ ...request(id, 'add', [id, 1]), filler });
    await client.messages(1_000);
    assert.is(gate.stats().rejected, 0);
  }),
);

test.run();

/** After its end a connection does nothing more: it takes nothing in, answers nothing, and resumes no socket. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BUSY, CLOGGED, REJECTED, Reading } from '../../src/flow/reading.js';
import { turn, until } from '../rpc/support.js';
import { FakeSocket } from './fake-socket.js';
import { request, withRig } from './rig.js';
import { withTimers } from './timers.js';
import { A_TURN, batchOf, deliver, withNotes } from './turns.js';

const test = suite('after the end of a connection');

const add = (id: unknown) => JSON.stringify(request(id, 'add', [1, 2]));

test('a socket that several causes stop is read again when the last of them is gone', () => {
  const causes = [REJECTED, BUSY, CLOGGED] as const;
  for (const [i, one] of causes.entries()) {
    for (const other of [...causes.slice(0, i), ...causes.slice(i + 1)]) {
      const socket = new FakeSocket();
      const reading = new Reading(socket);
      reading.hold(one);
      reading.hold(one);
      assert.not(reading.isHeld(other));
      reading.release(other);
      assert.ok(socket.isPaused, 'a cause that was not there frees nothing');
      reading.hold(other);
      reading.release(one);
      assert.ok(socket.isPaused);
      assert.not(reading.isHeld(one));
      assert.ok(reading.isHeld(other));
      reading.release(other);
      assert.not(socket.isPaused);
      assert.is(socket.pauses, 1);
    }
  }
});

test(
  'a socket is not read while it is expelled, and is dropped a second later',
  withRig(
    { adapter: { maxStrikes: 3 }, limiter: { burstSize: 2 }, guard: { timeoutMs: Number.POSITIVE_INFINITY } },
    async ({ gate }) => {
      withTimers((timers) => {
        const socket = new FakeSocket();
        const connection = gate.accept(socket, 'peer');
        for (let id = 0; id < 4; id++) socket.deliver(add(id));
        assert.ok(connection.isOpen);
        assert.not(socket.isPaused, 'so few rejections do not stop the reading');
        socket.deliver(add(4));
        assert.not(connection.isOpen);
        assert.equal(socket.closedWith, [1008, 'Too many rejected requests']);
        assert.ok(socket.isPaused);
        assert.equal(
          timers.map(({ ms }) => ms),
          [1_000],
        );
        timers[0]?.run();
        assert.is(socket.readyState, 3);
      });
    },
  ),
);

test(
  'a pause that is over after the expulsion does not resume the socket',
  withRig({ adapter: { maxStrikes: 30 }, limiter: { burstSize: 2 } }, async ({ gate, at }) => {
    withTimers((timers) => {
      const socket = new FakeSocket();
      gate.accept(socket, 'peer');
      for (let id = 0; id < 2 + 29; id++) socket.deliver(add(id));
      assert.ok(socket.isPaused);
      socket.deliver(add(31));
      assert.is(socket.closedWith?.[0], 1008);
      at.ms = 10_000;
      for (const { run, ms } of [...timers]) if (ms < 1_000) run();
      assert.ok(socket.isPaused);
    });
  }),
);

test(
  'a frame that comes while the socket is closing, or after the end, is not taken in',
  withRig({}, async ({ gate, limiter, calls }) => {
    const closing = new FakeSocket();
    gate.accept(closing, 'closing');
    closing.readyState = 2;
    closing.deliver(add(1));
    const ended = new FakeSocket();
    gate.accept(ended, 'ended').close();
    ended.readyState = 1;
    ended.deliver(add(1));
    await turn();
    assert.is(gate.stats().received, 0);
    assert.equal(calls, []);
    assert.equal([...closing.sent, ...ended.sent], []);
    assert.equal([limiter.getAvailableTokens('closing'), limiter.getAvailableTokens('ended')], [20, 20]);
  }),
);

test(
  'a batch that cannot pay after its client has gone is counted, and neither answered nor a reason to pause',
  withNotes({ limiter: { burstSize: 20 } }, async ({ open, gate }) => {
    const socket = open('a');
    deliver(socket, A_TURN);
    for (let i = 0; i < 2; i++) socket.deliver(JSON.stringify(batchOf(9)));
    const { pauses } = socket;
    socket.terminate();
    await until(() => gate.connections.size === 0, 'the end');
    const { rejected, rejectionsDropped, rejectionsAnswered } = gate.stats();
    assert.equal(
      { rejected, rejectionsDropped, rejectionsAnswered },
      { rejected: 2, rejectionsDropped: 2, rejectionsAnswered: 0 },
    );
    assert.is(socket.pauses, pauses);
    assert.is(gate.stats().pauses, 0);
  }),
);

test.run();

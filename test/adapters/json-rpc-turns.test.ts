/** Taking turns: no connection holds up the others, however much it sends at once and however long its requests take. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { turn, until } from '../rpc/support.js';
import { FakeSocket } from './fake-socket.js';
import { request, type Wire } from './rig.js';
import { A_TURN, batchOf, deliver, upTo, withNotes } from './turns.js';

const test = suite('turns of JSON-RPC connections');

const results = (socket: FakeSocket) => socket.sent.map((text) => (JSON.parse(text) as Wire).result);

test(
  'a connection that brings a hundred requests at once has sixteen of them begun in a turn, all in order',
  withNotes({}, async ({ open, notes }) => {
    const socket = open('a');
    deliver(socket, 100);
    for (let begun = A_TURN; begun < 100; begun += A_TURN) {
      assert.is(notes.length, begun);
      await turn();
    }
    assert.equal(notes, upTo(100, 'a'));
    await turn();
    assert.equal(results(socket), [...Array(100).keys()]);
  }),
);

for (const [stepMs, each] of [
  [0.4, 3],
  [1, 1],
  [50, 1],
] as const) {
  test(
    `where a request takes ${stepMs} ms, a turn has ${each}`,
    withNotes({ stepMs }, async ({ open, notes }) => {
      const socket = open('a');
      deliver(socket, 20);
      for (let begun: number = each; begun < 20; begun += each) {
        assert.is(notes.length, begun);
        await turn();
      }
      assert.equal(notes, upTo(20, 'a'));
    }),
  );
}

test(
  'a clock that stands still or runs back stops nobody',
  withNotes({}, async ({ at, open, notes }) => {
    const socket = open('a');
    deliver(socket, 40);
    at.ms = -1e6;
    await turn();
    assert.is(notes.length, 2 * A_TURN);
    await turn();
    assert.is(notes.length, 40);
  }),
);

test(
  'requests that end at once make no room for more in the same turn',
  withNotes({ adapter: { maxInFlight: 4 } }, async ({ open, notes }) => {
    deliver(open('a'), 100);
    assert.is(notes.length, 4);
    for (let turns = 2; turns <= 4; turns++) {
      await turn();
      assert.is(notes.length, turns * A_TURN);
    }
    await until(() => notes.length === 100, 'all of them');
    assert.equal(notes, upTo(100, 'a'));
  }),
);

test(
  'a request that comes while another connection has many waiting is next but one',
  withNotes({}, async ({ open, notes }) => {
    const [busy, calm] = [open('busy'), open('calm')];
    deliver(busy, 500);
    deliver(calm, 1);
    assert.equal(notes, upTo(A_TURN, 'busy'), 'this turn is used up');
    await turn();
    assert.equal(notes.slice(A_TURN, A_TURN + 3), ['busy16', 'calm0', 'busy17']);
    deliver(calm, 1, 1);
    await turn();
    assert.is(notes[2 * A_TURN + 1], 'calm1', 'and so is each later one');
  }),
);

test(
  'all that are busy share alike, however much each of them has waiting',
  withNotes({}, async ({ open, notes }) => {
    const peers = ['a', 'b', 'c', 'd'];
    const counts = [900, 50, 300, 50];
    for (const [i, peer] of peers.entries()) deliver(open(peer), counts[i] as number);
    for (let turns = 0; turns < 10; turns++) {
      const before = notes.length;
      await turn();
      const begun = notes.slice(before).map(([peer]) => peer);
      for (const peer of peers) assert.is(begun.filter((one) => one === peer).length, A_TURN / 4, `turn ${turns}`);
    }
    await until(() => notes.length === 1_300, 'all of them');
    for (const [i, peer] of peers.entries()) {
      assert.equal(
        notes.filter(([one]) => one === peer),
        upTo(counts[i] as number, peer),
      );
    }
  }),
);

test(
  'a turn has no more of a hundred busy connections than of one, and comes to all of them',
  withNotes({}, async ({ open, notes }) => {
    for (let i = 0; i < 100; i++) deliver(open(`${i} `), 3);
    assert.is(notes.length, A_TURN);
    for (let turns = 2; turns <= 7; turns++) {
      await turn();
      assert.is(notes.length, turns * A_TURN);
    }
    const early = new Set(notes.map((one) => one.split(' ')[0]));
    assert.is(early.size, 100, 'each was come to before any was come to again');
    await until(() => notes.length === 300, 'all of them');
  }),
);

test(
  'members of a batch are begun in turns too, and answered together; what came after it waits for it',
  withNotes({}, async ({ open, notes }) => {
    const [busy, calm] = [open('busy'), open('calm')];
    busy.deliver(JSON.stringify(batchOf(40)));
    deliver(busy, 1, 40);
    deliver(calm, 1);
    assert.equal(notes, upTo(A_TURN, 'busy'));
    await turn();
    assert.equal(notes.slice(A_TURN, A_TURN + 3), ['busy16', 'calm0', 'busy17']);
    assert.equal(busy.sent, [], 'the batch has no answer yet');
    await until(() => notes.length === 42, 'all of them');
    assert.equal(
      notes.filter((one) => one !== 'calm0'),
      upTo(41, 'busy'),
    );
    await turn();
    const [batch, after] = busy.sent.map((text) => JSON.parse(text)) as [Wire[], Wire];
    assert.equal(
      batch.map(({ id }) => id),
      [...Array(40).keys()],
    );
    assert.is(after.id, 40);
  }),
);

test(
  'a batch that has begun has room for all of its members, however few may be in flight',
  withNotes({ adapter: { maxInFlight: 4 } }, async ({ gate, hanging }) => {
    const socket = new FakeSocket();
    const connection = gate.accept(socket, 'a');
    socket.deliver(JSON.stringify(Array.from({ length: 40 }, (_, id) => request(id, 'hang'))));
    for (let begun = A_TURN; begun < 40; begun += A_TURN) {
      assert.is(hanging.length, begun);
      assert.is(connection.inFlight, begun);
      await turn();
    }
    assert.is(hanging.length, 40);
    for (const one of hanging) one.resolve(1);
    await turn();
    assert.is((JSON.parse(socket.sent[0] as string) as Wire[]).length, 40);
    assert.is(connection.inFlight, 0);
  }),
);

test(
  'a socket is not read while something of it waits for a turn',
  withNotes({}, async ({ open, notes, gate }) => {
    const socket = open('a');
    deliver(socket, A_TURN);
    assert.is(socket.pauses, 0);
    deliver(socket, 20);
    assert.ok(socket.isPaused);
    assert.is(gate.stats().stalls, 1);
    await turn();
    assert.ok(socket.isPaused);
    await turn();
    assert.is(notes.length, A_TURN + 20);
    assert.not(socket.isPaused);
    assert.is(socket.pauses, 1);
  }),
);

test(
  'one that delivers all the same is closed before what waits grows without end',
  withNotes({}, async ({ gate, notes }) => {
    const socket = new FakeSocket();
    const connection = gate.accept(socket, 'a');
    const frame = JSON.stringify({ ...request(1, 'note', [1]), filler: 'x'.repeat(10_000) });
    let bytes = 0;
    for (; connection.isOpen; bytes += frame.length) {
      socket.deliver(frame);
      assert.ok(bytes < 3 * 2 ** 20, 'it should be closed by now');
    }
    assert.ok(bytes > 2 ** 20, 'a socket that pauses never gets here');
    assert.equal(socket.closedWith, [1008, 'Too many requests waiting']);
    await turn();
    assert.is(notes.length, A_TURN, 'nothing more is begun');
  }),
);

test(
  'rejected frames need no turn, and what was let in before them keeps its own',
  withNotes(
    { limiter: { burstSize: 20, maxRequestsPerSec: 0.001 }, adapter: { maxRejectionBurst: 10 } },
    async ({ open, notes, gate }) => {
      const socket = open('a');
      deliver(socket, 500);
      assert.is(gate.stats().rejected, 480);
      assert.is(socket.sent.length, 10, 'few rejections are answered, and at once');
      await turn();
      assert.equal(notes, upTo(20, 'a'));
    },
  ),
);

test(
  'without setImmediate a timer stands in',
  withNotes({}, async ({ open, notes }) => {
    const own = globalThis.setImmediate;
    try {
      globalThis.setImmediate = undefined as never;
      deliver(open('a'), 100);
      assert.is(notes.length, A_TURN);
      await until(() => notes.length === 100, 'the others');
    } finally {
      globalThis.setImmediate = own;
    }
    assert.equal(notes, upTo(100, 'a'));
  }),
);

test.run();

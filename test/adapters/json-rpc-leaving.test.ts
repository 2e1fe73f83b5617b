/** What was delivered and not yet begun when its connection ends: whose turn still comes, and what it held is given back. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed } from '../../src/index.js';
import { turn, until } from '../rpc/support.js';
import { openCircuit } from '../support.js';
import { notification, peerInfo, request } from './rig.js';
import { A_TURN, batchOf, deliver, upTo, withNotes } from './turns.js';

const test = suite('JSON-RPC connections that end');

const RELEASED = { maxPeers: 1, onFull: 'reject' };

test(
  'what a client brought before it went gets its turn: notifications are carried out, requests have nobody to answer',
  withNotes({ limiter: RELEASED }, async ({ at, open, notes, gate, limiter }) => {
    const socket = open('a');
    const [connection] = gate.connections;
    for (let i = 0; i < 40; i++) {
      socket.deliver(JSON.stringify(i % 2 === 0 ? notification('note', [i]) : request(i, 'note', [i])));
    }
    assert.is(notes.length, A_TURN);
    socket.terminate();
    assert.not(connection?.isOpen);
    assert.is(gate.connections.size, 1);
    at.ms = 1e9;
    assert.not(isAllowed(limiter.check('b')), 'its peer keeps its row until then');
    await turn();
    await turn();
    assert.equal(
      notes.slice(A_TURN),
      upTo(40, 'a').filter((_, i) => i >= A_TURN && i % 2 === 0),
    );
    assert.is(gate.connections.size, 0);
    assert.is(gate.stats().received, 40);
    assert.equal(socket.sent, []);
    at.ms = 2e9;
    assert.ok(isAllowed(limiter.check('b')));
  }),
);

test(
  'so does a batch, which pays as ever',
  withNotes({ limiter: { burstSize: 70 } }, async ({ open, notes, gate, limiter }) => {
    const socket = open('a');
    deliver(socket, A_TURN);
    const batch = Array.from({ length: 30 }, (_, i) => notification('note', [A_TURN + i]));
    socket.deliver(JSON.stringify(batch));
    socket.deliver(JSON.stringify(batch));
    socket.terminate();
    await until(() => gate.connections.size === 0, 'the end');
    assert.equal(notes, upTo(A_TURN + 30, 'a'));
    assert.is(limiter.getAvailableTokens('a'), 70 - A_TURN - 30 - 1, 'the second could not pay');
    const { admitted, rejected, rejectionsDropped } = gate.stats();
    assert.equal([admitted, rejected, rejectionsDropped], [A_TURN + 1, 1, 1]);
  }),
);

test(
  'what waits for room when its client goes is dropped',
  withNotes({ adapter: { maxInFlight: 2 } }, async ({ open, hanging, gate }) => {
    const socket = open('a');
    for (let i = 0; i < 5; i++) socket.deliver(JSON.stringify(notification('hang')));
    socket.terminate();
    assert.is(gate.connections.size, 0);
    for (const one of hanging) one.resolve(1);
    await turn();
    await turn();
    assert.is(hanging.length, 2);
  }),
);

for (const how of ['connection', 'gate'] as const) {
  test(
    `what waits for its turn when its connection is closed from this side (by the ${how}) is dropped, batch or not`,
    withNotes({ limiter: RELEASED }, async ({ at, open, notes, gate, limiter }) => {
      for (const what of [batchOf(40), notification('note', [0])]) {
        notes.length = 0;
        const socket = open('a');
        const [connection] = gate.connections;
        for (let i = 0; i < 30; i++) socket.deliver(JSON.stringify(what));
        assert.is(notes.length, A_TURN);
        if (how === 'gate' && !Array.isArray(what)) gate.close();
        else connection?.close();
        await turn();
        await turn();
        assert.is(notes.length, A_TURN);
        assert.is(connection?.inFlight, 0);
        assert.is(gate.connections.size, 0);
      }
      assert.is(peerInfo(limiter, 'a').failures, 0);
      at.ms = 1e9;
      assert.ok(isAllowed(limiter.check('b')), 'the row is free');
    }),
  );
}

test(
  'a method that closes its own connection ends the batch that it is a member of',
  withNotes({}, async ({ open, notes, gate, server }) => {
    server.addMethod('leave', () => connection?.close());
    const socket = open('a');
    const [connection] = gate.connections;
    socket.deliver(JSON.stringify([...batchOf(3), request(3, 'leave'), ...batchOf(3)]));
    await turn();
    assert.equal(notes, upTo(3, 'a'));
    assert.is(connection?.inFlight, 0);
    assert.is(gate.connections.size, 0);
  }),
);

test(
  'what was let in and never had its turn gives its probe back, a batch too',
  withNotes(
    { limiter: { halfOpenProbes: 2, circuitBreakerThreshold: 5, circuitBreakerTimeoutMs: 1_000 } },
    async ({ at, open, gate, limiter }) => {
      const other = open('other');
      const socket = open('a');
      const [, connection] = gate.connections;
      openCircuit(limiter, 'a', 0);
      at.ms = 1_000;
      deliver(other, A_TURN);
      socket.deliver(JSON.stringify(batchOf(3)));
      deliver(socket, 1);
      assert.not(isAllowed(limiter.check('a')), 'both probes are out');
      connection?.close();
      assert.is(limiter.getCircuitState('a'), 'half_open');
      assert.ok(isAllowed(limiter.check('a')));
      assert.ok(isAllowed(limiter.check('a')));
      assert.not(isAllowed(limiter.check('a')));
    },
  ),
);

test(
  'a half-open batch that is cut short gives its probe back, unless one of its members has been judged',
  withNotes(
    { limiter: { circuitBreakerThreshold: 5, circuitBreakerTimeoutMs: 1_000 } },
    async ({ at, open, gate, limiter }) => {
      for (const [method, state] of [
        ['hang', 'half_open'],
        ['crash', 'open'],
      ] as const) {
        const peer = `peer of ${method}`;
        openCircuit(limiter, peer, 0);
        at.ms = 1_000;
        const socket = open(peer);
        const [connection] = gate.connections;
        socket.deliver(JSON.stringify(Array.from({ length: 40 }, (_, id) => request(id, method))));
        await turn();
        connection?.close();
        await turn();
        assert.is(limiter.getCircuitState(peer), state);
        if (state === 'half_open') assert.ok(isAllowed(limiter.check(peer)), 'the probe is back');
        at.ms = 0;
      }
    },
  ),
);

test.run();

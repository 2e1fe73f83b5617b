/** The end of a connection: what becomes of its peer's row, of what is running for it, and of what the breaker learns. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guardJsonRpc } from '../../src/adapters/json-rpc.js';
import { isAllowed } from '../../src/index.js';
import { until } from '../rpc/support.js';
import { openCircuit } from '../support.js';
import { notification, peerInfo, request, withRig } from './rig.js';

const test = suite('the end of a connection');

/** Whether the peer's row is still held: in a table of one row, another peer then finds no place. */
const SINGLE = { maxPeers: 1, onFull: 'reject', circuitBreakerTimeoutMs: 1_000 };
const LATER_MS = 1e7;

for (const how of ['close', 'terminate'] as const) {
  test(
    `a socket that goes (${how}) releases its peer and forgets nothing`,
    withRig(
      { limiter: { ...SINGLE, maxRequestsPerSec: 0.001 } },
      async ({ at, connect, limiter, gate, connections }) => {
        const client = await connect('first');
        await client.call('add', [1, 2]);
        at.ms = LATER_MS;
        assert.not(isAllowed(limiter.check('second')), 'an idle connection keeps its row');
        await client.call('add', [1, 2]);
        client.socket[how]();
        await until(() => !connections[0]?.isOpen, 'the end');
        assert.is(gate.connections.size, 0);
        assert.is(limiter.getAvailableTokens('first'), 19, 'its debt stays');
        assert.not(isAllowed(limiter.check('second')), 'and so does its row while it owes');
        at.ms = 2 * LATER_MS;
        assert.ok(isAllowed(limiter.check('second')));
      },
    ),
  );
}

test(
  'what a client left running is told by its signal, and is one failure, however much it is',
  withRig({ limiter: { circuitBreakerThreshold: 2 } }, async ({ connect, limiter, hanging, gate }) => {
    for (const failures of [1, 2]) {
      const client = await connect('peer');
      hanging.length = 0;
      for (let id = 0; id < 5; id++) client.send(request(id, 'hang'));
      await until(() => hanging.length === 5, 'the handlers');
      client.socket.terminate();
      await until(() => hanging.every(({ signal }) => signal.aborted), 'their signals');
      assert.is(peerInfo(limiter, 'peer').failures, failures);
      assert.is(limiter.getCircuitState('peer'), failures === 2 ? 'open' : 'closed');
    }
    assert.is(gate.stats().responses, 0);
  }),
);

test(
  'a client that goes when all is answered has not failed',
  withRig({}, async ({ connect, limiter, connections }) => {
    const client = await connect('peer');
    await client.call('add', [1, 2]);
    client.socket.terminate();
    await until(() => !connections[0]?.isOpen, 'the end');
    assert.is(peerInfo(limiter, 'peer').failures, 0);
  }),
);

test(
  'nobody waits for a notification: it runs on, and is judged when it ends',
  withRig({}, async ({ connect, limiter, hanging, connections }) => {
    const client = await connect('peer');
    client.send(notification('hang'));
    client.send(notification('hang'));
    client.socket.close();
    await until(() => hanging.length === 2 && !connections[0]?.isOpen, 'the end');
    assert.not(hanging.some(({ signal }) => signal.aborted));
    assert.is(peerInfo(limiter, 'peer').failures, 0);
    hanging[0]?.reject(new Error('crash'));
    await until(() => peerInfo(limiter, 'peer').failures === 1, 'its failure');
    hanging[1]?.resolve(1);
    await until(() => connections[0]?.inFlight === 0, 'the last');
  }),
);

test(
  'a probe that is out when its connection goes opens the circuit again',
  withRig({}, async ({ at, connect, limiter, hanging }) => {
    openCircuit(limiter, 'peer', 0);
    at.ms = 1_000;
    const client = await connect('peer');
    client.send(request(1, 'hang'));
    await until(() => hanging.length === 1, 'the handler');
    assert.is(limiter.getCircuitState('peer'), 'half_open');
    client.socket.terminate();
    await until(() => limiter.getCircuitState('peer') === 'open', 'the circuit');
    at.ms = 2_000;
    const again = await connect('peer');
    assert.is((await again.call('add', [1, 2])).result, 3);
    assert.is(limiter.getCircuitState('peer'), 'closed');
  }),
);

test(
  'so does a batch that is the probe',
  withRig({}, async ({ at, connect, limiter, hanging }) => {
    openCircuit(limiter, 'peer', 0);
    at.ms = 1_000;
    const client = await connect('peer');
    client.send([request(1, 'add', [1, 2]), request(2, 'hang'), request(3, 'hang')]);
    await until(() => hanging.length === 2, 'the handlers');
    client.socket.terminate();
    await until(() => limiter.getCircuitState('peer') === 'open', 'the circuit');
    assert.is(limiter.stats().circuitOpened, 2);
  }),
);

test(
  'what was let in and never begun gives its probe back',
  withRig(
    { limiter: { burstSize: 100, halfOpenProbes: 2 }, adapter: { maxInFlight: 1 } },
    async ({ at, connect, limiter, hanging, connections }) => {
      const client = await connect('peer');
      client.send(notification('hang'));
      await until(() => hanging.length === 1, 'the handler');
      openCircuit(limiter, 'peer', 0);
      at.ms = 1_000;
      // Only one handler may run, so these wait: the first until that one has ended, the second until the first has.
      client.send(request(1, 'hang'));
      client.send(request(2, 'hang'));
      hanging[0]?.resolve(1);
      await until(() => hanging.length === 2 && connections[0]?.stats().admitted === 3, 'both probes to be out');
      assert.not(isAllowed(limiter.check('peer')));
      connections[0]?.close();
      assert.is(limiter.getCircuitState('peer'), 'half_open');
      assert.is(hanging.length, 2);
      assert.ok(isAllowed(limiter.check('peer')), 'one is back');
      assert.ok(isAllowed(limiter.check('peer')), 'so is the other');
      assert.not(isAllowed(limiter.check('peer')));
    },
  ),
);

test(
  'an end from this side counts against nobody',
  withRig({}, async ({ connect, limiter, hanging, connections }) => {
    const client = await connect('peer');
    client.send(request(1, 'hang'));
    await until(() => hanging.length === 1, 'the handler');
    connections[0]?.close(1012, 'restarting');
    assert.ok(hanging[0]?.signal.aborted);
    assert.not(connections[0]?.isOpen);
    assert.is(await client.closed(), 1012);
    assert.is(peerInfo(limiter, 'peer').failures, 0);
    connections[0]?.close();
  }),
);

test(
  'a gate that closes sends all away, also those who come later',
  withRig({}, async ({ connect, gate, limiter, connections }) => {
    const clients = [await connect('a'), await connect('b')];
    await clients[0]?.call('add', [1, 2]);
    gate.close();
    for (const client of clients) assert.is(await client.closed(), 1001);
    assert.is(gate.connections.size, 0);
    const late = await connect('c').catch(() => undefined);
    assert.is(await late?.closed(), 1001);
    assert.not(connections.some(({ isOpen }) => isOpen));
    assert.is(gate.stats().received, 1, 'the totals stay');
    assert.is(limiter.peerCount, 3);
  }),
);

test(
  'a socket that is closed already is not served and holds nothing',
  withRig({ limiter: SINGLE }, async ({ at, connect, limiter, sockets, gate }) => {
    const client = await connect('first');
    client.socket.terminate();
    await until(() => sockets[0]?.readyState === 3, 'the end');
    const connection = gate.accept(sockets[0] as never, 'second');
    assert.not(connection.isOpen);
    assert.is(gate.connections.size, 0);
    at.ms = LATER_MS;
    assert.ok(isAllowed(limiter.check('third')));
  }),
);

test(
  'a handle that is passed in belongs to the connection and is released with it',
  withRig({ limiter: SINGLE }, async ({ at, connect, limiter, server, guard, sockets }) => {
    const client = await connect('first');
    const gate = guardJsonRpc(server, guard);
    const handle = limiter.peer('first');
    const connection = gate.accept(sockets[0] as never, handle);
    assert.is(connection.peer, handle);
    client.socket.close();
    await until(() => !connection.isOpen, 'the end');
    at.ms = LATER_MS;
    assert.ok(isAllowed(limiter.check('second')));
  }),
);

test(
  "a frame above the socket's own limit ends the connection, and the server stays up",
  withRig({}, async ({ connect }) => {
    const client = await connect('peer');
    client.send('x'.repeat(2 ** 20 + 1));
    assert.is(await client.closed(), 1009);
    assert.is((await (await connect('peer')).call('add', [1, 2])).result, 3);
  }),
);

test(
  'a peer that has no name is refused before anything is held',
  withRig({}, async ({ gate, limiter, connect, sockets }) => {
    await connect('peer');
    let code: unknown;
    try {
      gate.accept(sockets[0] as never, '');
    } catch (error) {
      code = (error as { code: string }).code;
    }
    assert.is(code, 'ERR_PEERGATE_PEER_ID_LENGTH');
    assert.is(limiter.peerCount, 1);
  }),
);

test.run();

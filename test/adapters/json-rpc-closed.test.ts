/** What the adapter is handed that it cannot serve: limiters that are closed, peers that are neither handle nor ID. */

import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ClosedError, type Peer, RateLimiter } from '../../src/index.js';
import { turn, until } from '../rpc/support.js';
import { openCircuit, thrownBy } from '../support.js';
import { escapesOf } from './escapes.js';
import { FakeSocket } from './fake-socket.js';
import { notification, type Rig, request, type Wire, withRig } from './rig.js';

const test = suite('limiters and peers that cannot be served');

const UNAVAILABLE = { code: -32603, message: 'Service unavailable', data: { reason: 'unavailable' } };
const add = (id: unknown) => JSON.stringify(request(id, 'add', [1, 2]));

/** Makes everything that the limiter and a handle do throw from now on, except for `release`. */
function closeAll({ limiter }: Rig, ...peers: Peer[]): void {
  const closed = () => {
    throw new ClosedError();
  };
  const methods = ['check', 'recordSuccess', 'recordFailure', 'recordIgnored'];
  for (const one of [limiter, ...peers]) {
    for (const name of one === limiter ? [...methods, 'peer', 'getCircuitState'] : methods) {
      Object.defineProperty(one, name, { value: closed, configurable: true });
    }
  }
}

test(
  'after the limiter was closed frames are answered as unavailable, few of them, and nothing is thrown',
  withRig({ adapter: { maxRejectionBurst: 5, notifyRejections: false } }, async (rig) => {
    const socket = new FakeSocket();
    const connection = rig.gate.accept(socket, 'peer');
    socket.deliver(add(1));
    await until(() => socket.sent.length === 1, 'the answer');
    closeAll(rig, connection.peer);
    const escaped = await escapesOf(() => {
      socket.deliver(add(2));
      socket.deliver(JSON.stringify([request(3, 'add'), notification('add'), request(4, 'add')]));
      socket.deliver('{');
      socket.deliver('x'.repeat(100_000));
      for (let i = 0; i < 50; i++) socket.deliver(add(i));
    });
    assert.equal(escaped, []);
    assert.equal(
      socket.sent.slice(1).map((text) => JSON.parse(text)),
      [
        { jsonrpc: '2.0', id: 2, error: UNAVAILABLE },
        [3, 4].map((id) => ({ jsonrpc: '2.0', id, error: UNAVAILABLE })),
        { jsonrpc: '2.0', id: null, error: UNAVAILABLE },
        { jsonrpc: '2.0', id: null, error: UNAVAILABLE },
      ],
    );
    assert.ok(socket.isPaused, 'a client that goes on is not read');
    assert.equal(rig.calls, ['add']);
    assert.is(connection.stats().rejected, 54);
  }),
);

test(
  'requests that were let in before the limiter was closed end all the same',
  withRig({}, async (rig) => {
    const socket = new FakeSocket();
    const connection = rig.gate.accept(socket, 'peer');
    const escaped = await escapesOf(async () => {
      socket.deliver(JSON.stringify(request(1, 'hang')));
      socket.deliver(JSON.stringify([request(2, 'hang'), request(3, 'hang')]));
      socket.deliver(JSON.stringify(notification('hang')));
      assert.is(rig.hanging.length, 4);
      closeAll(rig, connection.peer);
      for (const one of rig.hanging) one.resolve('late');
      await until(() => connection.inFlight === 0, 'the end');
    });
    assert.equal(escaped, []);
    const answers = socket.sent.flatMap((text) => JSON.parse(text) as Wire | Wire[]);
    assert.equal(
      answers.map(({ id }) => id),
      [1, 2, 3],
    );
  }),
);

for (const end of ['terminate', 'close'] as const) {
  test(
    `a connection that ends (${end}) after its limiter was closed throws nothing, whatever waits or runs`,
    withRig({ adapter: { maxInFlight: 3 }, limiter: { burstSize: 100 } }, async (rig) => {
      const socket = new FakeSocket();
      const connection = rig.gate.accept(socket, 'peer');
      openCircuit(rig.limiter, 'peer', 0);
      rig.at.ms = 1_000;
      const escaped = await escapesOf(async () => {
        socket.deliver(
          JSON.stringify([request(2, 'hang'), 5, ...Array.from({ length: 30 }, () => request(3, 'hang'))]),
        );
        socket.deliver(add(1));
        closeAll(rig, connection.peer);
        if (end === 'close') connection.close();
        else socket.terminate();
        await turn();
        for (const one of rig.hanging) one.resolve(1);
        await until(() => connection.inFlight === 0, 'the end');
      });
      assert.equal(escaped, []);
      assert.is(rig.gate.connections.size, 0);
    }),
  );
}

test(
  'frames and members that nobody can make anything of throw nothing after the limiter was closed',
  withRig({}, async (rig) => {
    const socket = new FakeSocket();
    const connection = rig.gate.accept(socket, 'peer');
    const { check } = connection.peer;
    closeAll(rig, connection.peer);
    // The limiter closes between a frame's check and what comes of it.
    Object.defineProperty(connection.peer, 'check', { value: check.bind(connection.peer), configurable: true });
    const escaped = await escapesOf(() => {
      for (const text of ['{', '[]', '5', '[5]', '[5,6,7]']) socket.deliver(text);
    });
    assert.equal(escaped, []);
    assert.is(socket.sent.length, 5);
  }),
);

test(
  'a socket that comes after the limiter was closed is closed with 1013 and is nobody',
  withRig({}, async (rig) => {
    closeAll(rig);
    const socket = new FakeSocket();
    const connection = rig.gate.accept(socket, 'peer');
    assert.equal(socket.closedWith, [1013, 'Service unavailable']);
    assert.not(connection.isOpen);
    assert.is(connection.inFlight, 0);
    assert.is(connection.stats().received, 0);
    assert.is(rig.gate.connections.size, 0);
    assert.instance(
      thrownBy(() => connection.peer),
      ClosedError,
    );
    connection.close();
    assert.equal(await escapesOf(() => socket.deliver(add(1))), []);
  }),
);

test(
  'anything but an ID or a handle of this limiter is refused at once, and the socket is left alone',
  withRig({}, async ({ gate, limiter }) => {
    const other = new RateLimiter({ maxPeers: 1 });
    const standIn = { check: () => 0, recordSuccess() {}, recordFailure() {}, recordIgnored() {}, release() {} };
    const wrong = [
      undefined,
      null,
      5,
      true,
      {},
      [],
      Symbol('peer'),
      () => 0,
      standIn,
      other.peer('peer'),
      new Proxy(limiter.peer('p'), {}),
    ];
    for (const peer of wrong) {
      let listeners = 0;
      const socket = new FakeSocket();
      socket.on = () => listeners++;
      assert.match(thrownBy(() => gate.accept(socket, peer as never)).code ?? '', /^ERR_PEERGATE_PEER_ID/);
      assert.is(listeners, 0);
      assert.is(gate.connections.size, 0);
    }
  }),
);

test(
  'bytes of another realm are an ID as they are everywhere else',
  withRig({}, async ({ gate, limiter }) => {
    const bytes = runInNewContext('new Uint8Array([112, 101, 101, 114])') as Uint8Array;
    const socket = new FakeSocket();
    const accepts = (act: () => unknown) => {
      try {
        act();
        return true;
      } catch {
        return false;
      }
    };
    const taken = accepts(() => gate.accept(socket, bytes));
    assert.is(
      taken,
      accepts(() => limiter.check(bytes)),
    );
    if (!taken) return;
    socket.deliver(add(1));
    await until(() => socket.sent.length === 1, 'the answer');
    assert.is(limiter.getAvailableTokens('peer'), 18);
  }),
);

test(
  'something that is not a socket is refused before a handle is taken',
  withRig({}, async ({ gate, limiter }) => {
    for (const socket of [undefined, null, {}, 'socket']) {
      assert.is(thrownBy(() => gate.accept(socket as never, 'peer')).code, 'ERR_PEERGATE_RPC_ARGUMENT');
    }
    assert.is(limiter.peerCount, 0);
  }),
);

test.run();

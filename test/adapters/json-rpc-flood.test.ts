/** A flood is not answered with a flood: few rejections are answered, the rest is dropped unparsed, the socket is not read. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { WebSocket } from 'ws';
import { isAllowed } from '../../src/index.js';
import { turn, until } from '../rpc/support.js';
import { openCircuit } from '../support.js';
import { type Client, notification, request, type Wire, withRig } from './rig.js';

const test = suite('a flood against the JSON-RPC adapter');

const add = (id: unknown) => request(id, 'add', [1, 2]);

/** Few answers, and nothing else that a client is sent. */
const FEW = { maxRejectionBurst: 10, notifyRejections: false };

function flood(client: Client, frames: number, message: unknown = add('flood')): void {
  const text = JSON.stringify(message);
  for (let i = 0; i < frames; i++) client.socket.send(text);
}

const errors = (client: Client) => (client.received as Wire[]).filter(({ error }) => error !== undefined);

test(
  'as many rejections are answered as the budget holds, under their ids; the others are counted',
  withRig({ adapter: { ...FEW, maxRejectionsPerSec: 10 } }, async ({ at, connect, gate }) => {
    const client = await connect('peer');
    for (let i = 0; i < 500; i++) client.send(add(i));
    await client.read();
    // A pong may come before the answers of requests that were begun in a later turn.
    await client.messages(30);
    assert.is(client.received.length, 30);
    assert.equal(
      errors(client).map(({ id }) => id),
      Array.from({ length: 10 }, (_, i) => 20 + i),
    );
    for (const { error } of errors(client)) {
      assert.equal(error, {
        code: -32001,
        message: 'Rate limit exceeded',
        data: { reason: 'rate_limited', retryAfterMs: 100 },
      });
    }
    const { received, admitted, rejected, rejectionsAnswered, rejectionsDropped } = gate.stats();
    assert.equal(
      { received, admitted, rejected, rejectionsAnswered, rejectionsDropped },
      { received: 500, admitted: 20, rejected: 480, rejectionsAnswered: 10, rejectionsDropped: 470 },
    );

    at.ms = 99;
    flood(client, 30);
    await client.read();
    assert.is(errors(client).length, 10, 'a millisecond short of a tenth of a second later: none');
    at.ms = 500;
    flood(client, 30);
    await client.read();
    assert.is(errors(client).length, 15, 'half a second later: five more');
    at.ms = 5_000;
    flood(client, 60);
    await client.read();
    assert.is(errors(client).length, 25, 'after a long while: as many as at first');
  }),
);

test(
  'with maxRejectionsPerSec 0 none is answered',
  withRig({ adapter: { maxRejectionsPerSec: 0 } }, async ({ connect, gate }) => {
    const client = await connect('peer');
    flood(client, 50);
    await client.read();
    assert.is(errors(client).length, 0);
    assert.is(gate.stats().rejectionsDropped, 30);
  }),
);

/** Counts how often `text` is parsed while `act` runs. */
async function parsesOf(text: string, act: () => Promise<void>): Promise<number> {
  const { parse } = JSON;
  let count = 0;
  JSON.parse = (...args: Parameters<typeof parse>) => {
    if (args[0] === text) count++;
    return parse(...args);
  };
  try {
    await act();
  } finally {
    JSON.parse = parse;
  }
  return count;
}

for (const [kind, message, answers] of [
  ['requests', add('x'), 10],
  ['notifications', notification('add', [1, 2]), 0],
] as const) {
  test(
    `rejected ${kind} are parsed only as often as they may be answered`,
    withRig({ limiter: { burstSize: 5 }, adapter: FEW }, async ({ connect }) => {
      const client = await connect('peer');
      const parses = await parsesOf(JSON.stringify(message), async () => {
        flood(client, 300, message);
        await client.read();
      });
      assert.is(parses, 5 + 10);
      assert.is(errors(client).length, answers);
    }),
  );
}

test(
  'a rejected frame that is no JSON, or no request, or too large, is told the same, without an id',
  withRig({ limiter: { burstSize: 1 }, adapter: { maxFrameBytes: 200 } }, async ({ connect }) => {
    const client = await connect('peer');
    await client.call('add', [1, 2]);
    const tooLarge = { ...add('large'), filler: 'x'.repeat(300) };
    for (const message of ['{', '5', '[]', tooLarge, notification('add')]) client.send(message);
    await client.read();
    assert.equal(
      errors(client).map(({ id, error }) => [id, error?.code]),
      [
        [null, -32001],
        [null, -32001],
        [null, -32001],
        [null, -32001],
      ],
    );
  }),
);

test(
  'an open circuit rejects the same way, under its own code',
  withRig({ adapter: FEW }, async ({ connect, limiter }) => {
    const client = await connect('peer');
    openCircuit(limiter, 'peer', 0);
    flood(client, 200);
    await client.read();
    assert.is(client.received.length, 10);
    for (const { error } of errors(client)) assert.is(error?.code, -32002);
  }),
);

/** What was done to the server's end of the last connection, in order: a look at it now and then may come too late. */
const done: string[] = [];
function noteReading(socket: WebSocket): void {
  done.length = 0;
  for (const what of ['pause', 'resume'] as const) {
    const own = socket[what].bind(socket);
    socket[what] = () => {
      done.push(what);
      own();
    };
  }
}

test(
  'a socket that keeps on is not read for a while, again and again, and is read in the end',
  withRig({ limiter: { maxRequestsPerSec: 1 }, onSocket: noteReading }, async ({ at, connect, gate, connections }) => {
    const client = await connect('peer');
    flood(client, 29);
    await client.read();
    assert.is(gate.stats().pauses, 0, 'nine strikes are free');
    flood(client, 1);
    await until(() => gate.stats().pauses === 1, 'the pause');
    await client.read();
    done.length = 0;
    for (let pauses = 2; pauses < 5; pauses++) {
      flood(client, 1);
      await until(() => gate.stats().pauses === pauses, 'the next pause');
      await until(() => done.at(-1) === 'resume', 'the reading');
      assert.equal(done.splice(0), ['pause', 'resume']);
    }
    at.ms = 1_000;
    assert.is((await client.call('add', [1, 2])).result, 3);
    assert.ok(connections[0]?.isOpen);
  }),
);

test(
  'what a paused socket is sent stays with its sender',
  withRig({ limiter: { circuitBreakerTimeoutMs: 3_600_000 } }, async ({ connect, limiter, sockets, connections }) => {
    const client = await connect('peer');
    openCircuit(limiter, 'peer', 0);
    // Pauses of an open circuit grow to a second, and far more than the kernel buffers is sent.
    const frame = JSON.stringify({ ...add(1), filler: 'x'.repeat(60_000) });
    const frames = 400;
    for (let i = 0; i < frames; i++) client.socket.send(frame);
    await until(() => sockets[0]?.isPaused === true && client.socket.bufferedAmount > 0, 'the flood to be held back');
    const { received } = connections[0]?.stats() ?? { received: frames };
    assert.ok(received < frames, `${received} of ${frames} were taken in`);
  }),
);

test(
  'a connection that never pauses is closed with 1008 at maxStrikes, and no sooner',
  withRig({ adapter: { maxStrikes: 40 } }, async ({ connect, gate, limiter }) => {
    const calm = await connect('calm');
    flood(calm, 20 + 39);
    await calm.read();
    const wild = await connect('wild');
    flood(wild, 20 + 40);
    assert.is(await wild.closed(), 1008);
    assert.is(calm.closeCode, undefined);
    assert.is(gate.connections.size, 1);
    const { received, admitted, rejected, rejectionsAnswered, rejectionsDropped } = gate.stats();
    assert.equal([received, admitted, rejected], [119, 40, 79]);
    assert.is(rejectionsAnswered + rejectionsDropped, rejected);
    assert.is(limiter.stats().rateLimited, 79, 'nothing of it was looked at after that');
  }),
);

test(
  'one that goes on sending instead of saying goodbye is dropped',
  withRig({ adapter: { maxStrikes: 10 } }, async ({ connect, sockets }) => {
    const client = await connect('peer');
    client.socket.close = () => {};
    const sending = setInterval(() => flood(client, 100), 1);
    try {
      await until(() => sockets[0]?.readyState === 3, 'the end');
    } finally {
      clearInterval(sending);
    }
  }),
);

test(
  'a connection that was quiet for a second starts afresh',
  withRig({ adapter: { maxStrikes: 12 }, limiter: { maxRequestsPerSec: 1 } }, async ({ at, connect, connections }) => {
    const client = await connect('peer');
    flood(client, 20);
    for (let round = 0; round < 5; round++) {
      flood(client, 8);
      await client.read();
      at.ms += 1_000;
      assert.is((await client.call('add', [1, 2])).result, 3);
    }
    assert.ok(connections[0]?.isOpen);
    flood(client, 8);
    await client.read();
    at.ms += 999;
    flood(client, 4);
    assert.is(await client.closed(), 1008, 'half a second of quiet is not enough');
  }),
);

test(
  'honest neighbours notice nothing of a flood, and the flooder gets what its bucket holds',
  withRig({ limiter: { burstSize: 100 }, adapter: FEW }, async ({ connect, limiter, gate }) => {
    const flooder = await connect('flooder');
    const honest = await Promise.all(['a', 'b', 'c', 'd'].map((peer) => connect(peer)));
    let isOver = false;
    const flooding = (async () => {
      while (!isOver) {
        flood(flooder, 200);
        await turn();
      }
    })();
    const sums = await Promise.all(
      honest.map(async (client, i) => {
        let sum = 0;
        for (let n = 0; n < 100; n++) sum += (await client.call('add', [n, i])).result as number;
        return sum;
      }),
    );
    isOver = true;
    await flooding;
    assert.equal(
      sums,
      [0, 1, 2, 3].map((i) => 4_950 + 100 * i),
    );
    for (const client of honest) assert.is(errors(client).length, 0);
    const seen = [...limiter.peers()].map(({ id, allowed, rateLimited }) => [id, allowed, rateLimited === 0]);
    assert.equal(seen.sort(), [
      ['a', 100, true],
      ['b', 100, true],
      ['c', 100, true],
      ['d', 100, true],
      ['flooder', 100, false],
    ]);
    assert.ok(errors(flooder).length <= 10);
    assert.ok(gate.stats().pauses > 0);
  }),
);

test(
  'reconnecting buys nothing',
  withRig({ limiter: { burstSize: 30 } }, async ({ connect, limiter, gate }) => {
    let served = 0;
    for (let i = 0; i < 5; i++) {
      const client = await connect('peer');
      flood(client, 10);
      await client.read();
      await until(() => [...gate.connections].every(({ inFlight }) => inFlight === 0), 'the answers');
      await client.read();
      served += client.received.length - errors(client).length;
      client.socket.terminate();
    }
    assert.is(served, 30);
    assert.not(isAllowed(limiter.check('peer')));
  }),
);

test.run();

/** Nothing that a peer sends ends the process, and nothing leaves a connection waiting for ever. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { turn, until } from '../rpc/support.js';
import { between, chance, pick } from '../support.js';
import { escapesOf } from './escapes.js';
import { FakeSocket } from './fake-socket.js';
import { notification, request, type Wire, withRig } from './rig.js';

const test = suite('what a peer sends ends nothing');

test(
  'a batch whose answers would not fit into one text ends neither the process nor the counting of what is in flight',
  withRig({ limiter: { burstSize: 200 } }, async ({ gate, calls, limiter }) => {
    const socket = new FakeSocket();
    const connection = gate.accept(socket, 'peer');
    const escaped = await escapesOf(async () => {
      const batch = Array.from({ length: 100 }, (_, id) => request(id, 'big', [5_500_000]));
      socket.deliver(JSON.stringify(batch));
      await until(() => calls.length === 100 && connection.inFlight === 0, 'the end of the batch');
    });
    assert.equal(escaped, []);
    const answers = JSON.parse(socket.sent[0] as string) as Wire[];
    assert.is(answers.length, 100);
    const [served, refused] = [answers.filter(({ error }) => !error), answers.filter(({ error }) => error)];
    assert.is(served.length, 3, 'as many as 16 MiB hold');
    for (const { error } of refused) {
      assert.equal(error, { code: -32603, message: 'Response too large', data: { maxBatchAnswerBytes: 2 ** 24 } });
    }
    assert.is(limiter.getCircuitState('peer'), 'open', 'a peer that asks for too much fails');
    socket.deliver(JSON.stringify(request(1, 'add', [1, 2])));
    assert.is(socket.sent.length, 2, 'and the connection goes on');
  }),
);

test(
  'the answers to a batch share maxBatchAnswerBytes of UTF-8, in the order in which they are there; a single request has no such bound',
  withRig({ adapter: { maxBatchAnswerBytes: 200 } }, async ({ gate, server }) => {
    server.addMethod('euro', ([count]) => '€'.repeat(count as number));
    const socket = new FakeSocket();
    gate.accept(socket, 'peer');
    const empty = JSON.stringify({ jsonrpc: '2.0', id: 1, result: '' }).length;
    const room = (200 - empty) / 3;
    const fits = Math.floor(room);
    socket.deliver(JSON.stringify([request(1, 'euro', [fits])]));
    socket.deliver(JSON.stringify([request(1, 'euro', [fits + 1])]));
    socket.deliver(JSON.stringify(request(1, 'euro', [fits + 1])));
    socket.deliver(JSON.stringify([request(1, 'big', [100]), request(2, 'big', [100]), request(3, 'add', [1, 2])]));
    await until(() => socket.sent.length === 4, 'the answers');
    const [first, second, third, fourth] = socket.sent.map((text) => JSON.parse(text)) as [
      Wire[],
      Wire[],
      Wire,
      Wire[],
    ];
    assert.is(String(first[0]?.result).length, fits);
    assert.is(second[0]?.error?.message, 'Response too large');
    assert.is(String(third.result).length, fits + 1);
    assert.equal(
      fourth.map(({ id, error }) => [id, error === undefined]),
      [
        [1, true],
        [2, false],
        [3, true],
      ],
    );
  }),
);

for (const [name, bad] of [
  ['onError', () => Promise.reject(new Error('the hook failed'))],
  ['serverParams', () => Promise.reject(new Error('the hook failed'))],
  ['classify', () => Promise.reject(new Error('the hook failed'))],
] as const) {
  test(
    `a promise that ${name} returns may reject`,
    withRig({ adapter: { [name]: bad } as never }, async ({ gate }) => {
      const socket = new FakeSocket();
      const connection = gate.accept(socket, 'peer');
      const escaped = await escapesOf(async () => {
        for (const method of ['unspeakable', 'nobody', 'crash']) socket.deliver(JSON.stringify(request(1, method)));
        await until(() => socket.sent.length === 3 && connection.inFlight === 0, 'the answers');
      });
      assert.equal(escaped, []);
    }),
  );
}

test(
  'an error listener of the server that throws is a failure of its call',
  withRig({}, async ({ gate, server }) => {
    (server as unknown as { errorListener: () => void }).errorListener = () => {
      throw new Error('the listener failed');
    };
    const socket = new FakeSocket();
    const connection = gate.accept(socket, 'peer');
    const escaped = await escapesOf(async () => {
      socket.deliver(JSON.stringify(request(1, 'crash')));
      socket.deliver(JSON.stringify(notification('crash')));
      await until(() => socket.sent.length === 1 && connection.inFlight === 0, 'the answer');
    });
    assert.equal(escaped, []);
    assert.is((JSON.parse(socket.sent[0] as string) as Wire).error?.code, -32603);
  }),
);

const LEAVES = [
  null,
  true,
  0,
  -1,
  1e308,
  5,
  '',
  'x',
  '2.0',
  'add',
  'crash',
  'hang',
  '__proto__',
  '\ud800',
  [],
  {},
  [1, 2],
];
const NAMES = ['jsonrpc', 'id', 'method', 'params', 'result', 'error', '__proto__', 'toJSON', 'then', 'length'];

/** Something that JSON can say, most often nearly a request. */
function anything(random: () => number, depth = 0): unknown {
  const roll = random();
  if (roll < 0.15 || depth > 3) return pick(random, LEAVES);
  if (roll < 0.25 && depth < 2) return Array.from({ length: between(random, 0, 6) }, () => anything(random, depth + 1));
  const message: Record<string, unknown> = {
    jsonrpc: '2.0',
    method: pick(random, ['add', 'crash', 'who', 'unspeakable']),
  };
  if (random() < 0.7) message['id'] = pick(random, LEAVES);
  for (let n = between(random, 0, 2); n > 0; n--) {
    Object.defineProperty(message, pick(random, NAMES), {
      value: anything(random, depth + 2),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return message;
}

test(
  'whatever comes, text or bytes or fragments, escapes nowhere, and every frame is accounted for',
  withRig(
    { limiter: { burstSize: 1e6, circuitBreakerThreshold: 2 ** 30 }, adapter: { maxBatch: 5, maxFrameBytes: 5_000 } },
    async ({ gate }) => {
      const seed = 20_261_124;
      console.log(`seed ${seed}`);
      const random = chance(seed);
      const socket = new FakeSocket();
      const connection = gate.accept(socket, 'peer');
      const deep = '['.repeat(2_000);
      const escaped = await escapesOf(async () => {
        for (let i = 0; i < 3_000; i++) {
          let text = JSON.stringify(anything(random)) ?? '';
          if (random() < 0.1) text = text.slice(0, between(random, 0, text.length));
          if (random() < 0.02) text = deep + (random() < 0.5 ? ']'.repeat(2_000) : '');
          if (random() < 0.02) text = 'x'.repeat(6_000);
          const bytes = new TextEncoder().encode(text);
          if (random() < 0.1 && bytes.length > 0) bytes[between(random, 0, bytes.length - 1)] = 0xff;
          const half = bytes.length >> 1;
          socket.deliver(
            pick(random, [text, bytes, bytes.slice().buffer, [bytes.subarray(0, half), bytes.subarray(half)]]),
          );
          if (i % 50 === 0) await turn();
        }
        await until(() => connection.inFlight === 0 && !socket.isPaused, 'what is in flight');
      });
      assert.equal(escaped, []);
      assert.ok(connection.isOpen);
      const { received, admitted, rejected, requests, responses, invalid } = connection.stats();
      assert.is(received, 3_000);
      assert.is(admitted + rejected, received);
      assert.ok(responses > 500 && responses <= requests && invalid > 500, `${responses} ${requests} ${invalid}`);
      for (const text of socket.sent) JSON.parse(text);
    },
  ),
);

test(
  'responses count what was answered, and no notification',
  withRig({}, async ({ connect, gate }) => {
    const client = await connect('peer');
    client.send(request(1, 'add', [1, 2]));
    client.send(request(2, 'crash'));
    client.send(notification('add', [1, 2]));
    client.send([request(3, 'add', [1, 2]), notification('crash')]);
    await client.messages(3);
    await until(() => gate.stats().requests === 5, 'the notifications');
    const { requests, responses } = gate.stats();
    assert.equal({ requests, responses }, { requests: 5, responses: 3 });
  }),
);

test(
  'a request whose response a middleware of the server loses is answered with an error, alone and in a batch',
  withRig({}, async ({ gate, server }) => {
    for (const lost of [undefined, null, { toJSON: () => undefined }]) {
      let isLost = true;
      server.applyMiddleware(async (next, one, params) => {
        const response = await next(one, params);
        return isLost ? (lost as unknown as typeof response) : response;
      });
      const socket = new FakeSocket();
      const connection = gate.accept(socket, `peer-${String(lost)}`);
      socket.deliver(JSON.stringify(request(1, 'add', [1, 2])));
      socket.deliver(JSON.stringify([request(2, 'add', [1, 2]), request(3, 'add', [1, 2])]));
      await until(() => socket.sent.length === 2 && connection.inFlight === 0, 'the answers');
      const [alone, batch] = socket.sent.map((text) => JSON.parse(text)) as [Wire, Wire[]];
      assert.equal(
        [alone, ...batch].map(({ id, error }) => [id, error?.code]),
        [
          [1, -32603],
          [2, -32603],
          [3, -32603],
        ],
      );
      isLost = false;
    }
  }),
);

test.run();

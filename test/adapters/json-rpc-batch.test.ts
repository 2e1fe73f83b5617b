/** Batches: how they are answered, what they cost, and what the breaker learns of their members. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed } from '../../src/index.js';
import { turn, until } from '../rpc/support.js';
import { openCircuit } from '../support.js';
import { notification, peerInfo, request, type Wire, withRig } from './rig.js';

const INVALID = { jsonrpc: '2.0', id: null, error: { code: -32600, message: 'Invalid Request' } };
const add = (id: unknown) => request(id, 'add', [1, 2]);
const added = (id: unknown) => ({ jsonrpc: '2.0', id, result: 3 });
const limited = (id: unknown, retryAfterMs: number | null) => ({
  jsonrpc: '2.0',
  id,
  error: { code: -32001, message: 'Rate limit exceeded', data: { reason: 'rate_limited', retryAfterMs } },
});

const test = suite('batches through the JSON-RPC adapter');

test(
  'answers as the JSON-RPC 2.0 specification says',
  withRig({ limiter: { burstSize: 100, circuitBreakerThreshold: 100 } }, async ({ connect, calls }) => {
    const client = await connect('peer');
    const cases: [unknown, unknown][] = [
      [[], INVALID],
      [[1], [INVALID]],
      [
        [1, 2, 3],
        [INVALID, INVALID, INVALID],
      ],
      [[[add(1)]], [INVALID]],
      [[add(1)], [added(1)]],
      [
        [add(1), add('b'), add(null)],
        [added(1), added('b'), added(null)],
      ],
      [
        [add(1), notification('add', [1, 2]), { foo: 'boo' }],
        [added(1), INVALID],
      ],
      [[notification('add', [1, 2]), add(2)], [added(2)]],
    ];
    for (const [batch, answer] of cases) {
      client.received.length = 0;
      client.send(batch);
      assert.equal((await client.messages(1))[0], answer, JSON.stringify(batch));
    }
    calls.length = 0;
    client.received.length = 0;
    client.send([notification('add', [1, 2]), notification('add', [1, 2])]);
    await client.read();
    await turn();
    assert.equal(calls, ['add', 'add']);
    assert.equal(client.received, [], 'a batch of notifications has no answer');
  }),
);

test(
  'each member costs a token and is judged',
  withRig({ limiter: { circuitBreakerThreshold: 100 } }, async ({ connect, limiter }) => {
    const client = await connect('peer');
    client.send([add(1), request(2, 'crash'), notification('crash'), 5, add(3)]);
    const answers = (await client.messages(1))[0] as Wire[];
    assert.equal(
      answers.map(({ id }) => id),
      [1, 2, null, 3],
    );
    assert.is(limiter.getAvailableTokens('peer'), 15);
    await until(() => peerInfo(limiter, 'peer').failures === 3, 'the failures');
  }),
);

test(
  'failures of one batch open the circuit',
  withRig({}, async ({ connect, limiter }) => {
    const client = await connect('peer');
    client.send([1, 2, 3, 4].map((id) => request(id, 'crash')).concat(request(5, 'nobody')));
    await client.messages(1);
    assert.is(limiter.getCircuitState('peer'), 'open');
  }),
);

test(
  "a batch that cannot pay for its members is refused whole; the frame's own token stays spent",
  withRig({}, async ({ connect, limiter, calls, gate }) => {
    const client = await connect('peer');
    limiter.check('peer', 15);
    client.send([add(1), add('b'), notification('add', [1, 2]), add(null), 5, add(6)]);
    const answers = (await client.messages(1))[0];
    assert.equal(
      answers,
      [1, 'b', null, null, 6].map((id) => limited(id, 100)),
      'each under its id, the notification not',
    );
    assert.equal(calls, []);
    assert.is(limiter.getAvailableTokens('peer'), 4, 'parsing it had its price');
    assert.is(peerInfo(limiter, 'peer').failures, 0);
    const { admitted, rejected, rejectionsAnswered } = gate.stats();
    assert.equal({ admitted, rejected, rejectionsAnswered }, { admitted: 0, rejected: 1, rejectionsAnswered: 1 });
    client.received.length = 0;
    client.send([add(1), add(2), add(3), add(4)]);
    assert.equal((await client.messages(1))[0], [added(1), added(2), added(3), added(4)], 'a smaller one is served');
  }),
);

test(
  'a batch above the burst can never be paid, and is told so',
  withRig({ limiter: { burstSize: 3 } }, async ({ connect }) => {
    const client = await connect('peer');
    client.send([add(1), add(2), add(3), add(4), add(5)]);
    assert.equal(
      (await client.messages(1))[0],
      [1, 2, 3, 4, 5].map((id) => limited(id, null)),
    );
  }),
);

test(
  'a refused batch takes one of the answers for each id; with too few left it is answered as one',
  withRig({ limiter: { burstSize: 4 }, adapter: { maxRejectionBurst: 5 } }, async ({ connect, gate }) => {
    const client = await connect('peer');
    const six = [1, 2, 3, 4, 5, 6].map(add);
    client.send(six);
    assert.equal((await client.messages(1))[0], limited(null, null), 'six are more than five');
    client.send(six.slice(1));
    await client.read();
    assert.equal((await client.messages(2))[1], limited(null, 200), 'five are more than the four that are left');
    client.send([add(1), notification('add'), notification('add'), notification('add'), notification('add'), add(2)]);
    assert.equal((await client.messages(3))[2], [limited(1, null), limited(2, null)]);
    client.send([add(1), ...Array.from({ length: 5 }, () => notification('add'))]);
    await client.read();
    const { rejected, rejectionsAnswered, rejectionsDropped } = gate.stats();
    assert.is(rejectionsAnswered + rejectionsDropped, rejected);
  }),
);

test(
  'a refused batch of notifications gets nothing',
  withRig({ limiter: { burstSize: 3 } }, async ({ connect, gate, calls }) => {
    const client = await connect('peer');
    client.send(Array.from({ length: 9 }, () => notification('add', [1, 2])));
    await client.read();
    assert.equal(client.received, []);
    assert.equal(calls, []);
    assert.is(gate.stats().rejectionsDropped, 1);
  }),
);

test(
  'a batch that is too long is one invalid request',
  withRig({ limiter: { burstSize: 100 }, adapter: { maxBatch: 3 } }, async ({ connect, limiter, calls }) => {
    const client = await connect('peer');
    client.send([add(1), add(2), add(3)]);
    client.send([add(1), add(2), add(3), add(4)]);
    const answers = await client.messages(2);
    assert.is(answers.filter(Array.isArray).length, 1);
    assert.equal(
      answers.find((answer) => !Array.isArray(answer)),
      {
        ...INVALID,
        error: { ...INVALID.error, data: { maxBatch: 3 } },
      },
    );
    assert.is(calls.length, 3);
    assert.is(limiter.getAvailableTokens('peer'), 96);
    await until(() => peerInfo(limiter, 'peer').failures === 1, 'the failure');
  }),
);

/** A peer whose circuit may be probed. */
const halfOpen = (halfOpenProbes: number) => ({ limiter: { burstSize: 100, halfOpenProbes, probeTimeoutMs: 60_000 } });

for (const probes of [1, 3]) {
  test(
    `a batch is one probe of a half-open circuit (of ${probes}), and all its members must succeed`,
    withRig(halfOpen(probes), async ({ at, connect, limiter, hanging }) => {
      const client = await connect('peer');
      openCircuit(limiter, 'peer', 0);
      at.ms = 1_000;
      client.send([add(1), request(2, 'hang'), notification('add', [1, 2]), request(3, 'hang')]);
      await until(() => hanging.length === 2, 'the handlers');
      assert.is(limiter.getCircuitState('peer'), 'half_open', 'the first success is not the end of it');
      for (let i = 1; i < probes; i++) assert.ok(isAllowed(limiter.check('peer')), 'the other probes are free');
      assert.not(isAllowed(limiter.check('peer')), 'and no more than those');
      hanging[0]?.resolve(1);
      await turn();
      assert.is(limiter.getCircuitState('peer'), 'half_open');
      hanging[1]?.resolve(1);
      await client.messages(1);
      assert.is(limiter.getCircuitState('peer'), 'closed');
    }),
  );
}

test(
  'a single member that fails opens a half-open circuit again, at once',
  withRig(halfOpen(1), async ({ at, connect, limiter, hanging }) => {
    const client = await connect('peer');
    openCircuit(limiter, 'peer', 0);
    at.ms = 1_000;
    client.send([add(1), request(2, 'hang'), request(3, 'crash'), add(4)]);
    await until(() => limiter.getCircuitState('peer') === 'open', 'the circuit');
    assert.is(limiter.stats().circuitOpened, 2);
    hanging[0]?.resolve(1);
    await client.messages(1);
    assert.is(limiter.getCircuitState('peer'), 'open', 'a success after it changes nothing');
  }),
);

test(
  'a member that is no request is a failure of the probe too',
  withRig(halfOpen(1), async ({ at, connect, limiter }) => {
    const client = await connect('peer');
    openCircuit(limiter, 'peer', 0);
    at.ms = 1_000;
    client.send([add(1), 5]);
    await client.messages(1);
    assert.is(limiter.getCircuitState('peer'), 'open');
  }),
);

test(
  "a batch that says nothing about its peer gives back one probe, and not another's",
  withRig(halfOpen(2), async ({ at, connect, limiter }) => {
    const client = await connect('peer');
    openCircuit(limiter, 'peer', 0);
    at.ms = 1_000;
    assert.ok(isAllowed(limiter.check('peer')), "another's probe");
    client.send([notification('nobody'), notification('nobody'), notification('nobody')]);
    await client.read();
    await turn();
    assert.ok(isAllowed(limiter.check('peer')), "the batch's probe is back");
    assert.not(isAllowed(limiter.check('peer')), 'the other is still out');
  }),
);

test(
  'a batch that cannot pay while half-open gives its probe back',
  withRig({ limiter: { burstSize: 5 } }, async ({ at, connect, limiter }) => {
    const client = await connect('peer');
    openCircuit(limiter, 'peer', 0);
    at.ms = 1_000;
    client.send([add(1), add(2), add(3), add(4), add(5), add(6)]);
    await client.messages(1);
    assert.is(limiter.getCircuitState('peer'), 'half_open');
    assert.is((await client.call('add', [1, 2])).result, 3);
    assert.is(limiter.getCircuitState('peer'), 'closed');
  }),
);

test.run();

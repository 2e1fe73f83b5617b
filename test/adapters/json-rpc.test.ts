/** The JSON-RPC adapter over a real `ws` server: what is answered, what each frame costs, and what the breaker learns. */

import { JSONRPCServer } from 'json-rpc-2.0';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guardJsonRpc, type JsonRpcCall, type JsonRpcOptions } from '../../src/adapters/json-rpc.js';
import { ConfigError, RateLimiter, RpcGuard, RpcTimeout } from '../../src/index.js';
import { turn, until } from '../rpc/support.js';
import { thrownBy } from '../support.js';
import { notification, peerInfo, request, type Wire, withRig } from './rig.js';

const INVALID = { jsonrpc: '2.0', id: null, error: { code: -32600, message: 'Invalid Request' } };
const UNPARSED = { jsonrpc: '2.0', id: null, error: { code: -32700, message: 'Parse error' } };

const test = suite('the JSON-RPC adapter');

test(
  'a request is answered under its id, whatever kind that is',
  withRig({}, async ({ connect, limiter }) => {
    const client = await connect('peer');
    for (const id of [1, 0, -1, 1.5, 'one', '', null]) {
      client.received.length = 0;
      client.send(request(id, 'add', [1, 2]));
      assert.equal(await client.messages(1), [{ jsonrpc: '2.0', id, result: 3 }]);
    }
    assert.is(limiter.getAvailableTokens('peer'), 13, 'each cost one token');
    assert.is(peerInfo(limiter, 'peer').failures, 0);
  }),
);

test(
  'text may come as text or as bytes, whole or in fragments, in whatever form the socket gives them',
  withRig(
    {
      limiter: { burstSize: 100 },
      onSocket: (socket) => {
        const kinds = ['nodebuffer', 'arraybuffer', 'fragments'] as const;
        let next = 0;
        // Read by ws for each message, as its own `binaryType` would be.
        const receiver = (socket as unknown as { _receiver: { _binaryType: string } })._receiver;
        socket.prependListener('ping', () => {
          receiver._binaryType = kinds[++next % 3] as string;
        });
      },
    },
    async ({ connect }) => {
      const client = await connect('peer');
      const text = JSON.stringify({ ...request('ü€😀', 'add', [1, 2]), note: 'ü€😀' });
      const bytes = Buffer.from(text);
      for (let kind = 0; kind < 3; kind++) {
        client.received.length = 0;
        client.socket.send(text);
        client.socket.send(bytes);
        // One byte at a time, so that every character of several bytes lies across fragments.
        for (let i = 0; i < bytes.length; i++) {
          client.socket.send(bytes.subarray(i, i + 1), { binary: true, fin: i === bytes.length - 1 });
        }
        for (const answer of await client.messages(3)) assert.equal(answer, { jsonrpc: '2.0', id: 'ü€😀', result: 3 });
        await client.read();
      }
    },
  ),
);

test(
  'a notification is carried out and never answered',
  withRig({}, async ({ connect, calls, limiter }) => {
    const client = await connect('peer');
    client.send(notification('add', [1, 2]));
    client.send(notification('crash'));
    client.send(notification('nobody'));
    await client.read();
    assert.equal(calls, ['add', 'crash']);
    assert.equal(client.received, []);
    assert.is(limiter.getAvailableTokens('peer'), 17);
  }),
);

test(
  "what is not JSON is -32700 and the peer's failure",
  withRig({}, async ({ connect, limiter, gate }) => {
    const client = await connect('peer');
    for (const text of ['{', '', 'undefined', '{"jsonrpc": "2.0", "method"']) client.send(text);
    assert.equal(await client.messages(4), [UNPARSED, UNPARSED, UNPARSED, UNPARSED]);
    assert.is(peerInfo(limiter, 'peer').failures, 4);
    client.socket.send(Buffer.from([0x22, 0xff, 0x22]));
    assert.equal((await client.messages(5))[4], UNPARSED, 'bytes that are not UTF-8');
    assert.is(limiter.getCircuitState('peer'), 'open');
    assert.is(gate.stats().invalid, 5);
  }),
);

test(
  "a frame that is too large is -32600 and the peer's failure, and the connection goes on",
  withRig({ adapter: { maxFrameBytes: 100 } }, async ({ connect, limiter, calls }) => {
    const client = await connect('peer');
    const padded = (bytes: number, filler: string) => {
      const bare = JSON.stringify({ ...request(1, 'add', [1, 2]), filler: '' });
      const room = bytes - bare.length;
      return JSON.stringify({ ...request(1, 'add', [1, 2]), filler: filler.repeat(room / Buffer.byteLength(filler)) });
    };
    assert.is(Buffer.byteLength(padded(100, 'x')), 100);
    client.send(padded(100, 'x'));
    assert.equal(await client.messages(1), [{ jsonrpc: '2.0', id: 1, result: 3 }]);
    client.send(padded(101, 'x'));
    client.send('x'.repeat(50_000));
    const tooLarge = { ...INVALID, error: { ...INVALID.error, data: { maxFrameBytes: 100 } } };
    assert.equal((await client.messages(3)).slice(1), [tooLarge, tooLarge]);
    assert.is(peerInfo(limiter, 'peer').failures, 2);
    assert.equal(calls, ['add']);
    assert.is(limiter.getAvailableTokens('peer'), 17, 'it was received, and that has its price');
    assert.is((await client.call('add', [2, 2])).result, 4);
  }),
);

test(
  "what is no request is -32600, under its id where it has one, and the peer's failure",
  withRig({ limiter: { circuitBreakerThreshold: 100 } }, async ({ connect, limiter, calls }) => {
    const client = await connect('peer');
    const wrong: [unknown, unknown][] = [
      [1, null],
      ['text', null],
      [null, null],
      [true, null],
      [{}, null],
      [{ jsonrpc: '2.0', method: 1, params: 'bar' }, null],
      [{ jsonrpc: '1.0', id: 7, method: 'add' }, 7],
      [{ id: 'x', method: 'add' }, 'x'],
      [{ jsonrpc: '2.0', id: {}, method: 'add' }, null],
      [{ jsonrpc: '2.0', id: [1], method: 'add' }, null],
      [{ jsonrpc: '2.0', id: 8, result: 5 }, 8],
      [{ jsonrpc: '2.0', id: 9, method: 'add', result: 5 }, 9],
    ];
    for (const [message] of wrong) client.send(JSON.stringify(message));
    const answers = await client.messages(wrong.length);
    assert.equal(
      answers,
      wrong.map(([, id]) => ({ ...INVALID, id })),
    );
    assert.is(peerInfo(limiter, 'peer').failures, wrong.length);
    assert.equal(calls, []);
  }),
);

test(
  'names that mean something to JavaScript are names like any other',
  withRig({ limiter: { circuitBreakerThreshold: 100 } }, async ({ connect }) => {
    const client = await connect('peer');
    for (const method of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      assert.is((await client.call(method)).error?.code, -32601, method);
    }
    client.send('{"jsonrpc":"2.0","id":1,"method":"add","params":[1,2],"__proto__":{"error":1}}');
    assert.is(((await client.messages(5))[4] as Wire).result, 3);
  }),
);

test(
  'every kind of error response is a failure, and a success sets the run back',
  withRig({}, async ({ connect, limiter }) => {
    const client = await connect('peer');
    assert.is((await client.call('crash')).error?.message, 'crash');
    assert.is((await client.call('nobody')).error?.code, -32601);
    assert.is((await client.call('add')).error?.code, 0, 'params that the method cannot take');
    assert.is(peerInfo(limiter, 'peer').failures, 3);
    await client.call('crash');
    await client.call('add', [1, 2]);
    for (let i = 0; i < 5; i++) {
      assert.is(limiter.getCircuitState('peer'), 'closed');
      await client.call('crash');
    }
    assert.is(limiter.getCircuitState('peer'), 'open');
    const { error } = await client.call('add', [1, 2]);
    assert.equal(error, {
      code: -32002,
      message: 'Circuit breaker open',
      data: { reason: 'circuit_open', retryAfterMs: 1_000 },
    });
  }),
);

test(
  "a notification's crash opens the circuit like a request's",
  withRig({}, async ({ connect, limiter }) => {
    const client = await connect('peer');
    for (let i = 0; i < 5; i++) client.send(notification('crash'));
    await client.read();
    await until(() => limiter.getCircuitState('peer') === 'open', 'the circuit');
  }),
);

test(
  'a notification that went well sets the run back; one that no method took says nothing',
  withRig({}, async ({ connect, limiter }) => {
    const client = await connect('peer');
    const crash = async (times: number) => {
      for (let i = 0; i < times; i++) await client.call('crash');
    };
    await crash(4);
    client.send(notification('add', [1, 2]));
    await crash(4);
    assert.is(limiter.getCircuitState('peer'), 'closed');
    client.send(notification('nobody'));
    await crash(1);
    assert.is(limiter.getCircuitState('peer'), 'open');
  }),
);

test(
  "a middleware of the server's own may copy the request, before the gate's or after it",
  withRig(
    { prepare: (server) => server.applyMiddleware((next, request, params) => next({ ...request }, params)) },
    async ({ connect, limiter, server }) => {
      server.applyMiddleware((next, request, params) => next({ ...request }, params));
      const client = await connect('peer');
      for (let i = 0; i < 5; i++) client.send(notification('crash'));
      await client.read();
      await until(() => limiter.getCircuitState('peer') === 'open', 'the circuit');
    },
  ),
);

const makingGood: Parameters<JSONRPCServer<JsonRpcCall>['applyMiddleware']>[0] = async (next, request, params) => {
  try {
    return await next(request, params);
  } catch {
    return { jsonrpc: '2.0', id: request.id ?? null, result: 'made good' };
  }
};

for (const when of ['before', 'after'] as const) {
  test(
    `a crash that a middleware makes good of, applied ${when} the gate's, is no failure`,
    withRig(
      { prepare: (server) => when === 'before' && server.applyMiddleware(makingGood) },
      async ({ connect, limiter, server }) => {
        if (when === 'after') server.applyMiddleware(makingGood);
        const client = await connect('peer');
        assert.is((await client.call('crash')).result, 'made good');
        assert.is(peerInfo(limiter, 'peer').failures, 0);
      },
    ),
  );
}

test(
  'one middleware a server, however many gates and connections',
  withRig({}, async ({ connect, guard, server }) => {
    let applied = 0;
    const apply = server.applyMiddleware.bind(server);
    server.applyMiddleware = (...middlewares) => {
      applied++;
      apply(...middlewares);
    };
    guardJsonRpc(server, guard);
    guardJsonRpc(server, guard);
    for (let i = 0; i < 3; i++) await (await connect(`peer ${i}`)).call('add', [1, 2]);
    assert.is(applied, 0, 'the first gate had applied it');
  }),
);

test(
  'methods get the call: who asks, what, and a signal',
  withRig({}, async ({ connect }) => {
    const client = await connect('alice');
    assert.equal((await client.call('who')).result, ['alice', 'call 1']);
  }),
);

test(
  'serverParams makes what the methods get instead',
  withRig(
    { adapter: { serverParams: (call) => ({ ...call, peer: { id: 'made up' } }) as unknown as typeof call } },
    async ({ connect }) => {
      const client = await connect('alice');
      assert.equal((await client.call('who')).result, ['made up', 'call 1']);
    },
  ),
);

test(
  'a handler that takes too long is answered with -32603, once, and is a failure',
  withRig({ guard: { timeoutMs: 20 } }, async ({ connect, limiter, hanging }) => {
    const client = await connect('peer');
    const { error } = await client.call('hang');
    assert.equal(error, { code: -32603, message: 'Request timed out', data: { reason: 'timeout', timeoutMs: 20 } });
    assert.instance(hanging[0]?.signal.reason, RpcTimeout);
    assert.is(peerInfo(limiter, 'peer').failures, 1);
    hanging[0]?.resolve('late');
    await turn();
    await client.read();
    assert.is(client.received.length, 1);
  }),
);

const reported: unknown[] = [];

test(
  "a result that JSON cannot express is the handler's failure, and is reported to the server's owner",
  withRig(
    { adapter: { onError: (error, { method }) => reported.push([method, error]) } },
    async ({ connect, limiter }) => {
      const client = await connect('peer');
      const { error } = await client.call('unspeakable');
      assert.equal(error, { code: -32603, message: 'Internal error' });
      assert.is(peerInfo(limiter, 'peer').failures, 1);
      assert.is(reported.length, 1);
      assert.is((reported[0] as [string, Error])[0], 'unspeakable');
      assert.instance((reported[0] as [string, Error])[1], TypeError);
    },
  ),
);

test(
  'a hook that throws is a failure of its call and of nothing else',
  withRig(
    {
      adapter: {
        serverParams: () => {
          throw new Error('no params');
        },
        onError: () => {
          throw new Error('no report');
        },
      },
    },
    async ({ connect, limiter }) => {
      const client = await connect('peer');
      assert.is((await client.call('add', [1, 2])).error?.code, -32603);
      assert.is(peerInfo(limiter, 'peer').failures, 1);
    },
  ),
);

const judged: unknown[] = [];

test(
  'classify judges each request by its response, or by what was thrown',
  withRig(
    {
      adapter: {
        classify: (end) => {
          judged.push(end);
          return 'error' in end || end.value?.error?.code !== -32601 ? 'success' : 'failure';
        },
      },
    },
    async ({ connect, limiter }) => {
      const client = await connect('peer');
      await client.call('crash');
      assert.is(peerInfo(limiter, 'peer').failures, 0);
      await client.call('nobody');
      assert.is(peerInfo(limiter, 'peer').failures, 1);
      const [crash, nobody] = judged as [{ error: Error }, { value: Wire }];
      assert.is(crash.error.message, 'crash');
      assert.is(nobody.value.error?.code, -32601);
    },
  ),
);

test(
  'options that are out of their bounds are refused by name',
  withRig({}, async ({ server, guard }) => {
    const bad: [string, unknown[]][] = [
      ['maxFrameBytes', [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', null]],
      ['maxBatch', [0, 1.5, '5']],
      ['maxInFlight', [0, Number.POSITIVE_INFINITY]],
      ['maxBatchAnswerBytes', [0, 2 ** 28 + 1, '5']],
      ['maxRejectionsPerSec', [-1, 1001, 0.5]],
      ['maxRejectionBurst', [-1, 1001, 0.5, null]],
      ['notifyRejections', [0, 'yes', null]],
      ['maxBufferdBytes', [5, undefined]],
      ['errorCodes', [{}]],
      ['maxStrikes', [0, -1, 1.5, Number.NaN]],
      ['maxBufferedBytes', [0, Number.NaN]],
      ['stallTimeoutMs', [0, 2 ** 31]],
      ['classify', ['success', null]],
      ['onError', [5]],
      ['serverParams', [{}, null]],
    ];
    for (const [field, values] of bad) {
      for (const value of values) {
        const error = thrownBy(() => guardJsonRpc(server, guard, { [field]: value } as JsonRpcOptions<JsonRpcCall>));
        assert.instance(error, ConfigError);
        assert.is(error.field, field, `${field}: ${String(value)}`);
      }
    }
    const fine: JsonRpcOptions<JsonRpcCall>[] = [
      { maxStrikes: Number.POSITIVE_INFINITY },
      { maxRejectionsPerSec: 0 },
      { maxFrameBytes: undefined, classify: undefined },
    ];
    for (const options of fine) guardJsonRpc(server, guard, options);
  }),
);

test('an option with a misspelt name is refused with the name that was probably meant', () => {
  const guard = new RpcGuard(new RateLimiter({ maxPeers: 1 }));
  for (const [wrong, right] of [
    ['maxFramebytes', 'maxFrameBytes'],
    ['maxRejectionPerSec', 'maxRejectionsPerSec'],
    ['clasify', 'classify'],
    ['serverParam', 'serverParams'],
  ]) {
    const error = thrownBy(() => guardJsonRpc(new JSONRPCServer(), guard, { [wrong as string]: 5 } as never));
    assert.match(error.message, `did you mean ${right}?`);
  }
});

test('a server or a guard that is none is refused', () => {
  const limiter = new RateLimiter({ maxPeers: 1 });
  const guard = new RpcGuard(limiter);
  assert.is(thrownBy(() => guardJsonRpc({} as JSONRPCServer, guard)).field, 'server');
  assert.is(thrownBy(() => guardJsonRpc(new JSONRPCServer(), limiter as never)).field, 'guard');
  assert.is(thrownBy(() => guardJsonRpc(undefined as never, guard)).field, 'server');
});

test("options are required where the server's methods take what only the caller can make", () => {
  const guard = new RpcGuard(new RateLimiter({ maxPeers: 1 }));
  guardJsonRpc(new JSONRPCServer(), guard);
  guardJsonRpc(new JSONRPCServer<void>(), guard, { maxBatch: 5 });
  guardJsonRpc(new JSONRPCServer<JsonRpcCall>(), guard);
  guardJsonRpc(new JSONRPCServer<Pick<JsonRpcCall, 'signal'>>(), guard, {});
  const server = new JSONRPCServer<{ user: string }>();
  guardJsonRpc(server, guard, { serverParams: ({ peer }) => ({ user: String(peer.id) }) });
  // @ts-expect-error the methods want a user
  guardJsonRpc(server, guard);
  // @ts-expect-error the methods want a user
  guardJsonRpc(server, guard, { maxBatch: 5 });
  // @ts-expect-error and not a number
  guardJsonRpc(server, guard, { serverParams: () => 5 });
});

test.run();

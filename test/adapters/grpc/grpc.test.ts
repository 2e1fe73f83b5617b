/** The gRPC adapter: what is its own beside what all adapters promise. */

import { connect } from 'node:http2';
import { ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type GrpcCall, type GrpcOptions, guardGrpc } from '../../../src/adapters/grpc.js';
import { isAllowed, RateLimiter, type RateLimiterConfig, RpcGuard } from '../../../src/index.js';
import { deferred, turn, until } from '../../rpc/support.js';
import { drain, openCircuit } from '../../support.js';
import { endOf, errorOf, GARBAGE, type ServerSetup, serveGrpc } from './rig.js';

const test = suite('the gRPC adapter');

/** Google's own definitions, as far as they are needed. */
const google = protobuf.parse(`
  syntax = "proto3";
  package google;
  message Any { string type_url = 1; bytes value = 2; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message RetryInfo { Duration retry_delay = 1; }
`).root;

function decodedDetails(bytes: unknown) {
  const decode = (name: string, from: Uint8Array) =>
    google.lookupType(`google.${name}`).toObject(google.lookupType(`google.${name}`).decode(from), { longs: Number });
  const { code, message, details } = decode('Status', bytes as Uint8Array);
  assert.is(details.length, 1);
  assert.is(details[0].typeUrl, 'type.googleapis.com/google.rpc.RetryInfo');
  return { code, message, delay: decode('RetryInfo', details[0].value)['retryDelay'] };
}

/** For a client that speaks HTTP/2 only, and so keeps no deadline of its own. */
const HEADERS = {
  ':method': 'POST',
  ':path': '/test.Service/unary',
  ':authority': 'peer',
  'content-type': 'application/grpc',
  te: 'trailers',
};
const HELLO = Buffer.from([0, 0, 0, 0, 3, 0x22, 0x78, 0x22]);
const CANCEL = 8;

interface World extends Awaited<ReturnType<typeof serveGrpc>> {
  readonly at: { ms: number };
  readonly limiter: RateLimiter;
  readonly guard: RpcGuard;
  failures(peer?: string): number;
}

/** Time stands still for the limiter, unless the test moves it. */
async function during(
  act: (world: World) => Promise<void>,
  setup: ServerSetup & { readonly options?: GrpcOptions; readonly config?: Partial<RateLimiterConfig> } = {},
) {
  const at = { ms: 0 };
  const limiter = new RateLimiter({
    maxRequestsPerSec: 10,
    burstSize: 5,
    circuitBreakerThreshold: 2,
    circuitBreakerTimeoutMs: 1_000,
    probeTimeoutMs: 500,
    clock: () => at.ms,
    ...setup.config,
  });
  const guard = new RpcGuard(limiter);
  const served = await serveGrpc(guard, setup.options, setup);
  const failures = (peer = 'peer') => [...limiter.peers()].find(({ id }) => id === peer)?.failures ?? 0;
  try {
    await act({ ...served, at, limiter, guard, failures });
  } finally {
    served.stop();
  }
}

function halfOpen({ at, limiter }: World, peer = 'peer') {
  openCircuit(limiter, peer, at.ms);
  at.ms += 1_000;
}

/** Waits until the peer's only probe is there to be taken, which means that it went back without a verdict. */
async function probeBack({ guard, limiter, at }: World, peer = 'peer') {
  await until(() => {
    const decision = guard.admit(peer);
    return isAllowed(decision) && guard.settle(peer, decision, 'ignored');
  }, 'the probe to come back');
  assert.is(limiter.getCircuitState(peer, at.ms), 'half_open');
}

for (const waitMs of [1, 100, 1_234, 86_400_123]) {
  test(`over the limit: the trailers say to wait ${waitMs} ms, for clients that retry and for those that read RetryInfo`, () =>
    during(
      async ({ ask, limiter }) => {
        drain(limiter, 'peer', 0);
        const { code, details, metadata } = errorOf(await ask());
        assert.is(code, status.RESOURCE_EXHAUSTED);
        assert.is(details, 'Rate limit exceeded');
        assert.equal(metadata.get('grpc-retry-pushback-ms'), [String(waitMs)]);
        const { delay = {}, ...rest } = decodedDetails(metadata.get('grpc-status-details-bin')[0]);
        assert.equal(rest, { code, message: details });
        assert.is((delay.seconds ?? 0) * 1_000 + (delay.nanos ?? 0) / 1e6, waitMs);
      },
      { config: { maxRequestsPerSec: 1_000 / waitMs, burstSize: 5 }, options: {} },
    ));
}

test('where waiting cannot help the pushback is -1, and there is no RetryInfo', () =>
  during(
    async ({ ask }) => {
      const { code, metadata } = errorOf(await ask());
      assert.is(code, status.RESOURCE_EXHAUSTED);
      assert.equal(metadata.get('grpc-retry-pushback-ms'), ['-1']);
      assert.equal(metadata.get('grpc-status-details-bin'), []);
    },
    { options: { cost: () => 6 } },
  ));

test('a client that may retry waits as long as it was told', () =>
  during(
    async ({ client, limiter }) => {
      const retryPolicy = {
        maxAttempts: 3,
        initialBackoff: '3600s',
        maxBackoff: '3600s',
        backoffMultiplier: 1,
        retryableStatusCodes: ['RESOURCE_EXHAUSTED'],
      };
      const config = { methodConfig: [{ name: [{ service: 'test.Service' }], retryPolicy }] };
      drain(limiter, 'retrying', limiter.config.clock());
      const retrying = client('retrying', { 'grpc.service_config': JSON.stringify(config) });
      const answer = await new Promise((resolve) =>
        retrying.unary('again', {}, (error, text) => resolve(error ?? text)),
      );
      assert.is(answer, 'again');
      assert.is(limiter.rejectionsBy('grpc').answered, 1);
    },
    { config: { clock: () => performance.now(), maxRequestsPerSec: 20, burstSize: 1 } },
  ));

test('by default the peer is the address of the connection, without its port', () =>
  during(
    async ({ ask, limiter }) => {
      await ask('one', {}, 'a');
      await ask('two', {}, 'b');
      assert.equal(
        [...limiter.peers()].map(({ id }) => id),
        ['127.0.0.1'],
      );
    },
    { options: { peer: undefined } },
  ));

test('the options see the address, the authority and the method', () => {
  const seen: unknown[] = [];
  const look = (call: GrpcCall) => {
    seen.push([call.method.path, call.getHost(), call.getConnectionInfo().remoteAddress, call.getAuthContext()]);
    return 'peer';
  };
  return during(
    async ({ ask }) => {
      await ask();
      assert.equal(seen, [['/test.Service/unary', 'peer', '127.0.0.1', {}]]);
    },
    { options: { peer: look } },
  );
});

test('statuses that mean a broken server are failures, all others successes', () => {
  const failing = ['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'] as const;
  const names = Object.keys(status).filter((name) => !/^\d+$/.test(name) && name !== 'OK') as (keyof typeof status)[];
  return during(
    async ({ ask, failures, limiter }) => {
      assert.is(names.length, 16);
      for (const name of names) {
        const { code } = errorOf(await ask(name, {}, name));
        assert.is(code, status[name]);
        assert.is(failures(name), Number(failing.includes(name as never)), name);
        assert.is(limiter.getCircuitState(name), 'closed');
      }
    },
    {
      handlers: {
        unary: ({ request }: { request: keyof typeof status }, done: (error: object) => void) =>
          done({ code: status[request], details: request }),
      },
    },
  );
});

test('classify has the last word, and sees the status', () => {
  const ends: unknown[] = [];
  return during(
    async ({ ask, failures }) => {
      await ask();
      assert.equal(ends, [{ how: 'done', status: 0 }]);
      assert.is(failures(), 1);
    },
    {
      options: {
        classify: (end) => {
          ends.push(end);
          return 'failure';
        },
      },
    },
  );
});

test('a request that cannot be decoded, or is too large, is the failure of the peer', () =>
  during(
    async ({ ask, failures }) => {
      assert.is(errorOf(await ask(GARBAGE, {}, 'garbler')).code, status.INTERNAL);
      assert.is(failures('garbler'), 1);
      assert.is(errorOf(await ask('x'.repeat(2_000), {}, 'large')).code, status.RESOURCE_EXHAUSTED);
      assert.is(failures('large'), 1);
    },
    { serverOptions: { 'grpc.max_receive_message_length': 1_000 } },
  ));

test('an answer that cannot be encoded is a failure', () =>
  during(
    async ({ ask, failures }) => {
      assert.is(errorOf(await ask()).code, status.INTERNAL);
      assert.is(failures(), 1);
    },
    { handlers: { unary: (_call: unknown, done: (error: null, answer: string) => void) => done(null, GARBAGE) } },
  ));

test('a deadline is a failure, whether the server’s timer or the client’s reset comes first', () => {
  const ends: unknown[] = [];
  const reached: (() => void)[] = [];
  return during(
    async ({ ask, port }) => {
      assert.is(errorOf(await ask('late', { deadline: Date.now() + 100 })).code, status.DEADLINE_EXCEEDED);
      await until(() => ends.length === 1, 'the end for a client that has a timer');
      const session = connect(`http://127.0.0.1:${port}`);
      const call = (timeout: string) => session.request({ ...HEADERS, 'grpc-timeout': timeout }).on('error', () => {});
      call('50m').end(HELLO);
      await until(() => ends.length === 2, 'the end by the server’s timer');
      const arrived = new Promise<void>((resolve) => reached.push(resolve));
      const third = call('45m');
      third.end(HELLO);
      await arrived;
      third.close(CANCEL);
      await until(() => ends.length === 3, 'the end by a reset shortly before the deadline');
      assert.equal(ends, Array(3).fill({ how: 'timeout', status: status.DEADLINE_EXCEEDED }));
      session.destroy();
    },
    {
      options: {
        classify: (end) => {
          ends.push(end);
          return 'failure';
        },
      },
      config: { circuitBreakerThreshold: 4 },
      handlers: { unary: () => reached.shift()?.() },
    },
  );
});

test('a cancel long before the deadline is the client’s, and ignored', () => {
  const reached = deferred();
  return during(
    async (world) => {
      halfOpen(world);
      const call = world.client().unary('never', { deadline: Date.now() + 3_600_000 }, () => {});
      await reached.promise;
      call.cancel();
      await probeBack(world);
    },
    { handlers: { unary: () => reached.resolve() } },
  );
});

test('a client that goes while answers are being written has cancelled', () => {
  const full = deferred();
  return during(
    async (world) => {
      halfOpen(world);
      const before = world.failures();
      const stream = world.client().watch('all');
      stream.on('error', () => {});
      await full.promise;
      stream.cancel();
      await until(() => world.limiter.getCircuitState('peer') === 'closed', 'the first message');
      await until(() => world.limiter.rejectionsBy('grpc').answered === 0 && world.failures() === before, 'nothing');
      assert.is(errorOf(await world.ask('after')).code, status.UNIMPLEMENTED);
      assert.is(world.failures(), before + 1, 'only the call after it failed');
    },
    {
      handlers: {
        unary: (_call: unknown, done: (error: object) => void) => done({ code: status.UNIMPLEMENTED }),
        watch: (call: { write(text: string): boolean }) => {
          for (let i = 0; i < 64; i++) call.write('x'.repeat(65_536));
          full.resolve();
        },
      },
    },
  );
});

test('a stream that its client resets at once gives its token and nothing else', () =>
  during(async (world) => {
    halfOpen(world);
    const session = connect(`http://127.0.0.1:${world.port}`);
    session.on('error', () => {});
    const request = session.request(HEADERS);
    request.on('error', () => {}).close(CANCEL);
    await until(() => world.limiter.getAvailableTokens('peer') < 5, 'the call to arrive');
    await probeBack(world);
    session.destroy();
  }));

test('a stream that is gone when the call begins gives its token and nothing else', () => {
  let isGone = false;
  const hangUp = (call: GrpcCall) => {
    const { nextCall } = call as unknown as { nextCall: { stream: { destroy(): void } } };
    if (isGone) nextCall.stream.destroy();
    return 'peer';
  };
  return during(
    async (world) => {
      halfOpen(world);
      isGone = true;
      assert.is.not(errorOf(await world.ask()).code, status.OK);
      isGone = false;
      await probeBack(world);
      assert.is(await world.ask('probe'), 'probe');
    },
    { options: { peer: hangUp } },
  );
});

test('each message of a client’s stream costs a token, the first one that of the stream, and out of tokens it ends', () => {
  const received: string[] = [];
  return during(
    async ({ client, limiter, failures }) => {
      const ended = deferred<{ code?: number } | null>();
      const call = client().upload((error) => ended.resolve(error));
      call.on('error', () => {});
      for (let i = 0; i < 9; i++) call.write(`${i}`);
      assert.is((await ended.promise)?.code, status.RESOURCE_EXHAUSTED);
      assert.equal(received, ['0', '1', '2', '3', '4']);
      assert.is(limiter.getAvailableTokens('peer'), 0);
      assert.is(failures(), 0);
      assert.equal({ ...limiter.rejectionsBy('grpc') }, { answered: 0, dropped: 0, closed: 1 });
    },
    {
      handlers: {
        upload: (call: NodeJS.ReadableStream) => {
          call.on('data', (text) => received.push(text)).on('error', () => {});
        },
      },
    },
  );
});

test('a stream in both directions goes on as long as its peer has tokens, and its end is no outcome of a probe', () => {
  const cancelled = deferred();
  return during(
    async (world) => {
      const { client, limiter, at, failures } = world;
      halfOpen(world);
      const before = failures();
      const talk = client().talk();
      const echoed: string[] = [];
      const ended = endOf(talk);
      talk.on('data', (text) => echoed.push(text));
      for (let i = 0; i < 5; i++) {
        talk.write(`${i}`);
        await until(() => echoed.length === i + 1, `echo ${i}`);
        assert.is(limiter.getCircuitState('peer'), 'closed', 'the first answer was the probe’s success');
      }
      at.ms += 100;
      talk.write('one more');
      await until(() => echoed.length === 6, 'the token that came back');
      talk.write('too much');
      const error = await ended;
      assert.is(error?.code, status.RESOURCE_EXHAUSTED);
      assert.equal(error?.metadata.get('grpc-retry-pushback-ms'), ['100']);
      await cancelled.promise;
      assert.is(failures(), before);
      assert.is(limiter.getCircuitState('peer'), 'closed');
    },
    {
      handlers: {
        talk: (call: NodeJS.ReadWriteStream) => {
          call.on('data', (text) => call.write(text)).on('error', () => {});
          call.on('cancelled', () => cancelled.resolve());
        },
      },
    },
  );
});

test('a handler that goes on writing to a stream that was turned away does not take its status from the client', () => {
  const go = { on: true };
  return during(
    async ({ client, ask }) => {
      for (let i = 0; i < 5; i++) {
        const as = `peer-${i}`;
        const talk = client(as).talk();
        const ended = endOf(talk);
        for (let message = 0; message < 6; message++) talk.write('more');
        const error = await ended;
        assert.is(error?.code, status.RESOURCE_EXHAUSTED, error?.message);
      }
      go.on = false;
      assert.is(await ask('fine', {}, 'other'), 'fine');
    },
    {
      handlers: {
        talk: (call: NodeJS.ReadWriteStream) => {
          call.on('data', () => {}).on('error', () => {});
          const write = () => {
            call.write('on and on');
            if (go.on) setImmediate(write);
            else call.end();
          };
          write();
        },
      },
    },
  );
});

test('a rejection by one of two guards is no outcome for the other', async () => {
  const full = new RateLimiter({ maxPeers: 1, onFull: 'reject' });
  full.peer('pinned');
  const second = guardGrpc(new RpcGuard(full), { peer: () => 'anybody' });
  for (const chain of [(first: ServerInterceptor) => [first, second], (first: ServerInterceptor) => [second, first]]) {
    await during(
      async (world) => {
        halfOpen(world);
        const before = world.failures();
        assert.is(errorOf(await world.ask()).code, status.UNAVAILABLE);
        await probeBack(world);
        assert.is(world.failures(), before);
      },
      { chain },
    );
  }
});

test('a stream that one of two guards ends is no outcome for the other', async () => {
  for (const isFirst of [true, false]) {
    const strict = new RateLimiter({ burstSize: 2, maxRequestsPerSec: 0.01 });
    const other = guardGrpc(new RpcGuard(strict), { peer: () => 'anybody' });
    await during(
      async (world) => {
        halfOpen(world);
        const ended = deferred<{ code?: number } | null>();
        const call = world.client().upload((error) => ended.resolve(error));
        call.on('error', () => {});
        for (let i = 0; i < 4; i++) call.write(`${i}`);
        assert.is((await ended.promise)?.code, status.RESOURCE_EXHAUSTED);
        await probeBack(world);
      },
      {
        chain: (guarded) => (isFirst ? [other, guarded] : [guarded, other]),
        handlers: { upload: (call: NodeJS.ReadableStream) => call.on('data', () => {}).on('error', () => {}) },
      },
    );
  }
});

test('a stream of answers pays once, however many messages it has', () =>
  during(
    async ({ client, limiter, failures }) => {
      assert.is(await endOf(client().watch('many')), undefined);
      assert.is(limiter.getAvailableTokens('peer'), 4);
      assert.is(failures(), 0);
    },
    {
      handlers: {
        watch: (call: { write(text: string): boolean; end(): void }) => {
          for (let i = 0; i < 20; i++) call.write(`${i}`);
          call.end();
        },
      },
    },
  ));

test('a call that is turned away is never read: its upload ends with the status', () =>
  during(
    async ({ client, limiter, parsed }) => {
      drain(limiter, 'peer', 0);
      const ended = deferred<{ code?: number } | null>();
      const call = client().upload((error) => ended.resolve(error));
      call.on('error', () => {});
      for (let i = 0; i < 100; i++) call.write('x'.repeat(10_000));
      assert.is((await ended.promise)?.code, status.RESOURCE_EXHAUSTED);
      assert.is(parsed(), 0);
    },
    { handlers: { upload: () => assert.unreachable() } },
  ));

test('a method that does not exist is answered by grpc-js and costs nothing', () =>
  during(async ({ client, limiter }) => {
    const { code } = await new Promise<{ code: number }>((resolve) =>
      client().makeUnaryRequest(
        '/test.Service/none',
        () => Buffer.from(''),
        (bytes) => bytes,
        'x',
        (error) => resolve(error as never),
      ),
    );
    assert.is(code, status.UNIMPLEMENTED);
    assert.is(limiter.peerCount, 0);
  }));

test('beside other interceptors it judges what the handler does, wherever it stands', () => {
  const plain: ServerInterceptor = (_method, call) => new ServerInterceptingCall(call);
  return during(
    async (world) => {
      const { ask, failures, limiter } = world;
      assert.is(await ask('fine', {}, 'good'), 'fine');
      assert.is(errorOf(await ask('crash', {}, 'bad')).code, status.UNKNOWN);
      assert.is(failures('bad'), 1);
      drain(limiter, 'loud', 0);
      assert.is(errorOf(await ask('fine', {}, 'loud')).code, status.RESOURCE_EXHAUSTED);
      halfOpen(world);
      assert.is(errorOf(await ask('hang', { deadline: Date.now() + 50 })).code, status.DEADLINE_EXCEEDED);
      await until(() => failures() === 3, 'the deadline');
    },
    {
      chain: (guarded) => [plain, guarded, plain],
      handlers: {
        unary: ({ request }: { request: string }, done: (error: Error | null, answer?: string) => void) => {
          if (request === 'crash') throw new Error('crash');
          if (request !== 'hang') done(null, request);
        },
      },
    },
  );
});

test('a limiter that is closed during a call harms neither the call nor the server', () => {
  const reached = deferred<(error: null, answer: string) => void>();
  return during(
    async ({ ask, limiter }) => {
      const answer = ask();
      const done = await reached.promise;
      limiter.close();
      done(null, 'done');
      assert.is(await answer, 'done');
      await turn();
    },
    { handlers: { unary: (_call: unknown, done: never) => reached.resolve(done) } },
  );
});

test('it is an interceptor that knows nothing of the limiter until a call comes', () => {
  const limiter = new RateLimiter();
  assert.is(guardGrpc(new RpcGuard(limiter)).length, 2);
  assert.is(limiter.peerCount, 0);
});

test.run();

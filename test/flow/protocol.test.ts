/** A gate before any protocol: what it asks of one, what it does for it, and what it does when a protocol misbehaves. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type FlowOptions, frameText, guardFlow, type Link, type Session, Work } from '../../src/flow/index.js';
import {
  ConfigError,
  type Outcome,
  RateLimiter,
  RpcGuard,
  RpcTimeout,
  reasonOf,
  type Settled,
} from '../../src/index.js';
import { escapesOf } from '../adapters/escapes.js';
import { FakeSocket } from '../adapters/fake-socket.js';
import { deferred, turn, until } from '../rpc/support.js';
import { thrownBy } from '../support.js';

const test = suite('a gate before any protocol');

function flow(session: (link: Link) => Session, options: FlowOptions & { timeoutMs?: number } = {}) {
  const { timeoutMs = 30_000, ...rest } = options;
  const at = { ms: 0 };
  const limiter = new RateLimiter({
    maxRequestsPerSec: 10,
    burstSize: 5,
    circuitBreakerThreshold: 3,
    circuitBreakerTimeoutMs: 1_000,
    clock: () => at.ms,
  });
  const guard = new RpcGuard(limiter, { timeoutMs });
  const gate = guardFlow(guard, session, rest);
  const socket = new FakeSocket();
  return { at, limiter, guard, gate, socket, connection: gate.accept(socket, 'peer') };
}

const failures = (limiter: RateLimiter) => [...limiter.peers()][0]?.failures;

test('frames are answered with what the handler returns: text, a promise, a thenable, or nothing', async () => {
  const answers: Record<string, unknown> = {
    text: 'now',
    promise: Promise.resolve('later'),
    // biome-ignore lint/suspicious/noThenProperty: a promise of somebody else's
    thenable: { then: (resolve: (value: string) => void) => resolve('foreign') },
    nothing: undefined,
    bytes: new Uint8Array([1]),
  };
  const { socket, connection, limiter } = flow((link) => ({
    begin: (frame, permit) => link.serve(permit, () => answers[frameText(frame)] as string),
  }));
  for (const name of Object.keys(answers)) socket.deliver(name);
  assert.equal(socket.sent, [], 'nothing ends while it is being begun');
  await until(() => connection.inFlight === 0, 'the answers');
  assert.equal(socket.sent as unknown[], ['now', 'later', new Uint8Array([1]), 'foreign']);
  assert.is(failures(limiter), 0);
  assert.is(connection.stats().requests, 5);
});

test('a handler that throws, at once or later, is a failure, and is answered with what the protocol says', async () => {
  const { socket, connection, limiter } = flow((link) => ({
    begin(frame, permit) {
      const fail = () => {
        throw new Error('crash');
      };
      link.serve(permit, frameText(frame) === 'now' ? fail : async () => fail(), (error) => String(error));
    },
  }));
  socket.deliver('now');
  socket.deliver('later');
  await until(() => connection.inFlight === 0, 'the answers');
  assert.equal(socket.sent, ['Error: crash', 'Error: crash']);
  assert.is(failures(limiter), 2);
});

test('a protocol that only begins frames drops what is rejected or too large, and goes on', async () => {
  const { socket, connection, limiter } = flow((link) => ({ begin: (_, permit) => link.serve(permit, () => 'done') }), {
    maxFrameBytes: 10,
  });
  socket.deliver('x'.repeat(11));
  for (let i = 0; i < 200; i++) socket.deliver('frame');
  await until(() => connection.inFlight === 0, 'the answers');
  assert.equal(socket.sent, Array(4).fill('done'));
  const { rejected, rejectionsDropped, invalid } = connection.stats();
  assert.equal({ rejected, rejectionsDropped, invalid }, { rejected: 196, rejectionsDropped: 196, invalid: 1 });
  assert.is(failures(limiter), 1, 'the large one');
});

test('a protocol says what rejected clients are told, and may take more than one answer', () => {
  const { socket } = flow(
    (link) => ({
      begin: (_, permit) => link.serve(permit, () => undefined),
      reject: (verdict, frame, takeAnswers) =>
        `${verdict === undefined ? 'closed' : reasonOf(verdict)} ${frame} ${takeAnswers(2)}`,
    }),
    { maxRejectionBurst: 7, notifyRejections: false },
  );
  for (let i = 0; i < 10; i++) socket.deliver(`${i}`);
  assert.equal(socket.sent, ['rate_limited 5 true', 'rate_limited 6 true', 'rate_limited 7 false']);
});

test('what outlasts the time-out is a failure, hears of it after its end, and a late answer changes nothing', async () => {
  const late = deferred<string>();
  let reason: unknown;
  const { socket, connection, limiter } = flow(
    (link) => ({
      begin(_, permit) {
        link.serve(
          permit,
          ({ signal }) => {
            signal.addEventListener('abort', () => {
              reason = [signal.reason, [...socket.sent]];
            });
            return late.promise;
          },
          (error) => (error as Error).name,
        );
      },
    }),
    { timeoutMs: 10 },
  );
  socket.deliver('frame');
  await until(() => reason !== undefined, 'the signal');
  assert.instance((reason as unknown[])[0], RpcTimeout);
  assert.equal((reason as unknown[])[1], ['RpcTimeout']);
  late.resolve('late');
  await turn();
  assert.equal(socket.sent, ['RpcTimeout']);
  assert.is(connection.inFlight, 0);
  assert.is(failures(limiter), 1);
});

test('a signal that is asked for when all is over has aborted with the reason', async () => {
  const works: { readonly signal: AbortSignal }[] = [];
  const { socket, connection } = flow(
    (link) => ({
      begin(_, permit) {
        link.serve(permit, (work) => {
          works.push(work);
          return new Promise<string>(() => {});
        });
      },
    }),
    { timeoutMs: 5 },
  );
  socket.deliver('frame');
  await until(() => connection.inFlight === 0, 'the time-out');
  assert.ok(works[0]?.signal.aborted);
  assert.instance(works[0]?.signal.reason, RpcTimeout);
  const unfinished = flow((link) => ({
    begin: (_, permit) =>
      link.serve(permit, (work) => {
        works.push(work);
        return new Promise<string>(() => {});
      }),
  }));
  unfinished.socket.deliver('frame');
  unfinished.socket.terminate();
  assert.ok(works[1]?.signal.aborted);
  assert.is(works[1]?.signal.reason.message, 'the connection is closed');
});

test('work that has ended is in no list any more, so that nothing holds it', async () => {
  const works: Judged[] = [];
  const { socket, connection } = flow((link) => ({
    begin(_, permit) {
      const work = new Judged(permit as never, true, 'success');
      works.push(work);
      link.run(work);
    },
  }));
  for (let i = 0; i < 3; i++) socket.deliver('frame');
  const [a, b, c] = works as [Judged, Judged, Judged];
  assert.ok(a.later === b && b.later === c && c.earlier === b, 'by deadline');
  assert.ok(a.next === b && b.next === c && c.previous === b, 'by connection');
  await until(() => connection.inFlight === 0, 'the end');
  for (const { earlier, later, previous, next } of works) {
    assert.equal([earlier, later, previous, next], [undefined, undefined, undefined, undefined]);
  }
});

test('a client that leaves is one failure, and all that it waits for hears of it, however much has ended before', async () => {
  const signals: AbortSignal[] = [];
  const { socket, limiter } = flow((link) => ({
    begin(frame, permit) {
      link.serve(permit, ({ signal }) => {
        if (frameText(frame) === 'quick') return 'done';
        signals.push(signal);
        return new Promise<string>(() => {});
      });
    },
  }));
  for (const frame of ['quick', 'slow', 'quick']) {
    socket.deliver(frame);
    await turn();
  }
  socket.deliver('slow');
  socket.terminate();
  assert.equal(
    signals.map(({ aborted }) => aborted),
    [true, true],
  );
  assert.is(failures(limiter), 1);
});

test('all that runs may end, and what begins afterwards is told of the end as well', async () => {
  const signals: AbortSignal[] = [];
  const { socket } = flow((link) => ({
    begin(frame, permit) {
      link.serve(permit, ({ signal }) => {
        if (frameText(frame) === 'quick') return 'done';
        signals.push(signal);
        return new Promise<string>(() => {});
      });
    },
  }));
  socket.deliver('quick');
  await turn();
  socket.deliver('slow');
  socket.terminate();
  assert.ok(signals[0]?.aborted);
});

class Judged extends Work<string> {
  readonly #outcome: unknown;

  constructor(permit: never, isAwaited: boolean, outcome: unknown) {
    super(permit, isAwaited);
    this.#outcome = outcome;
  }

  protected async run(): Promise<string> {
    return 'value';
  }

  protected override judge(_: Settled<string>): Outcome {
    if (this.#outcome instanceof Error) throw this.#outcome;
    if (typeof this.#outcome === 'function') return this.#outcome();
    return this.#outcome as Outcome;
  }

  protected ended(value: string): string {
    return value;
  }

  protected failed(error: unknown): string {
    return (error as Error).message;
  }
}

test('work may be judged by its protocol; a judge that throws, or says nothing of the three, makes it a failure', async () => {
  const outcomes = ['success', 'failure', 'ignored', new Error('no judgement'), 'good', async () => Promise.reject()];
  let next = 0;
  const { socket, connection, limiter } = flow((link) => ({
    begin: (_, permit) => link.run(new Judged(permit as never, true, outcomes[next++])),
  }));
  const failed: (number | undefined)[] = [];
  const escaped = await escapesOf(async () => {
    for (let i = 0; i < outcomes.length; i++) {
      limiter.refund('peer');
      socket.deliver('frame');
      await until(() => connection.inFlight === 0, 'the answer');
      failed.push(failures(limiter));
      limiter.recordSuccess('peer');
    }
  });
  assert.equal(escaped, []);
  assert.equal(failed, [0, 1, 1, 2, 3, 4]);
  assert.equal(socket.sent.slice(0, 4), ['value', 'value', 'value', 'no judgement']);
  assert.match(socket.sent[4] as string, /expected 'success', 'failure' or 'ignored', got 'good'/);
});

for (const [where, session] of [
  ['begin', () => ({ begin: () => assert.unreachable() })],
  [
    'ended',
    (link: Link) => ({
      begin: (_: unknown, permit: never) =>
        link.run(
          new (class extends Judged {
            protected override ended(): string {
              throw new Error('ended');
            }
          })(permit, true, 'success'),
        ),
    }),
  ],
  [
    'next',
    (link: Link) => ({
      begin: (_: unknown, permit: never) => void link.settle(permit, 'ignored'),
      hasMore: true,
      next: () => assert.unreachable(),
    }),
  ],
] as const) {
  test(`a protocol that throws in ${where} loses its connection, which is closed with 1011, and the process goes on`, async () => {
    const { socket, connection, gate } = flow(session as never);
    const escaped = await escapesOf(() => {
      socket.deliver('frame');
    });
    assert.equal(escaped, []);
    assert.equal(socket.closedWith, [1011, 'Internal error']);
    assert.not(connection.isOpen);
    assert.is(gate.connections.size, 0);
  });
}

test('a socket that can neither pause nor resume is served as well as it goes', async () => {
  const { socket, connection } = flow((link) => ({ begin: (_, permit) => link.serve(permit, () => 'done') }), {
    maxInFlight: 1,
  });
  socket.pause = () => {
    throw new Error('no pause');
  };
  socket.resume = socket.pause;
  const escaped = await escapesOf(async () => {
    for (let i = 0; i < 5; i++) socket.deliver('frame');
    await until(() => connection.inFlight === 0 && socket.sent.length === 5, 'the answers');
  });
  assert.equal(escaped, []);
});

test('a frame may turn out to hold several members: it pays for all of them, or is rejected as a whole', async () => {
  const { socket, connection, limiter } = flow((link) => ({
    begin(frame, permit) {
      const paid = link.pay(permit, Number(frameText(frame)), () => 'too dear');
      if (paid !== undefined) link.serve(paid.permit, () => 'paid');
    },
  }));
  for (const members of ['3', '9', '1']) socket.deliver(members);
  await until(() => connection.inFlight === 0, 'the answers');
  assert.equal(socket.sent, ['too dear', 'paid', 'paid']);
  assert.is(limiter.getAvailableTokens('peer'), 0);
  const { admitted, rejected, rejectionsAnswered } = connection.stats();
  assert.equal({ admitted, rejected, rejectionsAnswered }, { admitted: 2, rejected: 1, rejectionsAnswered: 1 });
});

test('a protocol that throws when it is made holds no row', () => {
  const limiter = new RateLimiter({ maxPeers: 1, onFull: 'reject', clock: () => at.ms });
  const at = { ms: 0 };
  const gate = guardFlow(new RpcGuard(limiter), () => {
    throw new Error('no protocol');
  });
  assert.is(thrownBy(() => gate.accept(new FakeSocket(), 'first')).message, 'no protocol');
  assert.is(gate.connections.size, 0);
  at.ms = 1e6;
  assert.ok(limiter.check('second') >= 0);
});

test('options with unknown names, a guard or a protocol that is none are refused', () => {
  const guard = new RpcGuard(new RateLimiter({ maxPeers: 1 }));
  const session = () => ({ begin() {} });
  const error = thrownBy(() => guardFlow(guard, session, { maxInflight: 5 } as never));
  assert.instance(error, ConfigError);
  assert.match(error.message, 'did you mean maxInFlight?');
  assert.is(thrownBy(() => guardFlow({} as never, session)).field, 'guard');
  assert.is(thrownBy(() => guardFlow(guard, {} as never)).field, 'protocol');
  assert.is(thrownBy(() => guardFlow(guard, session, { maxInFlight: 0 })).field, 'maxInFlight');
});

test.run();

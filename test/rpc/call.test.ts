/** What a handler is told about its call, what a call costs that asks for nothing, and what a closed limiter does to it. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ClosedError,
  RateLimiter,
  type RpcCall,
  RpcGuard,
  type RpcPeer,
  RpcRejection,
  RpcTimeout,
} from '../../src/index.js';
import { deferred, rejectionOf, turn } from './support.js';

const test = suite('calls under the guard');

const never = () => new Promise<never>(() => {});

function rig(timeoutMs: number) {
  const limiter = new RateLimiter({ burstSize: 10_000, circuitBreakerThreshold: 100, maxPeers: 8, clock: () => 0 });
  return { limiter, guard: new RpcGuard(limiter, { timeoutMs }) };
}

const failuresOf = (limiter: RateLimiter) => [...limiter.peers()][0]?.failures;

/** How many AbortControllers were made meanwhile. */
async function countingControllers(work: () => Promise<void>): Promise<number> {
  const { AbortController } = globalThis;
  let made = 0;
  globalThis.AbortController = class extends AbortController {
    constructor() {
      super();
      made++;
    }
  };
  try {
    await work();
  } finally {
    globalThis.AbortController = AbortController;
  }
  return made;
}

/** Timers that keep the process alive. */
const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;

test('a call has a signal only once it is asked for, and then always the same', async () => {
  const { guard } = rig(5);
  const none = await countingControllers(async () => {
    await guard.run('peer', () => 1);
    await guard.run('peer', async ({ peer, decision }) => `${peer} ${decision}`);
    await rejectionOf(guard.run('peer', never));
  });
  assert.is(none, 0);
  const patient = rig(1e6).guard;
  const one = await countingControllers(async () => {
    await patient.run('peer', async (call) => {
      const { signal } = call;
      await turn();
      assert.is(call.signal, signal);
      assert.not(signal.aborted);
    });
  });
  assert.is(one, 1);
});

test('a signal that is asked for after the end has aborted where nobody waits any more, and only there', async () => {
  const { guard } = rig(5);
  const calls: RpcCall[] = [];
  const noting = (call: RpcCall) => {
    calls.push(call);
    return never();
  };
  const timeout = await rejectionOf(guard.run('peer', noting));
  const caller = new AbortController();
  const run = guard.run('peer', noting, { signal: caller.signal, timeoutMs: 1e6 });
  caller.abort('gone');
  await rejectionOf(run);
  await guard.run('peer', (call) => calls.push(call));
  const [late, left, answered] = calls.map(({ signal }) => signal);
  assert.instance(late?.reason, RpcTimeout);
  assert.is(late?.reason, timeout);
  assert.is(left?.reason, 'gone');
  assert.is(answered?.aborted, false);
});

test('a call names its peer and its permit', async () => {
  const { limiter, guard } = rig(1e6);
  const handle = limiter.peer('peer');
  const decision = guard.admit(handle);
  assert.is(await guard.run(handle, ({ peer }) => peer, { decision }), handle);
  assert.is(await guard.run(handle, (call) => call.decision, { decision }), decision);
  assert.is(await guard.run('peer', ({ peer }) => peer), 'peer');
  const bytes = new TextEncoder().encode('peer');
  const copy = await guard.run(bytes, ({ peer }) => peer);
  assert.equal(copy, bytes);
  assert.is.not(copy, bytes);
});

test('a handler that aborts its own caller hears of it on its signal immediately, and is not judged', async () => {
  const { limiter, guard } = rig(1e6);
  const unhandled: unknown[] = [];
  const listener = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', listener);
  const caller = new AbortController();
  let heard: unknown;
  const run = guard.run(
    'peer',
    async ({ signal }) => {
      caller.abort('self');
      heard = signal.reason;
      throw new Error('crash');
    },
    { signal: caller.signal },
  );
  assert.is(await rejectionOf(run), 'self');
  assert.is(heard, 'self');
  assert.is(failuresOf(limiter), 0);
  await turn();
  assert.equal(unhandled, [], 'its crash reaches nobody');
  process.off('unhandledRejection', listener);
});

test('a thousand calls of a guard share one timer, and leave none that keeps the process alive', async () => {
  const { guard } = rig(1e6);
  const before = timers();
  const answer = deferred();
  const runs = Array.from({ length: 1_000 }, () => guard.run('peer', () => answer.promise));
  await turn();
  assert.is(timers(), before + 1);
  answer.resolve();
  await Promise.all(runs);
  assert.is(timers(), before);
  await guard.run('peer', async () => turn());
  assert.is(timers(), before);
});

test('of calls that began together those run out of time that did not answer', async () => {
  const { limiter, guard } = rig(20);
  const answer = deferred();
  const runs = Array.from({ length: 20 }, (_, i) => guard.run('peer', () => (i % 2 ? never() : answer.promise)));
  answer.resolve();
  const ends = await Promise.allSettled(runs);
  assert.equal(
    ends.map(({ status }) => status),
    ends.map((_, i) => (i % 2 ? 'rejected' : 'fulfilled')),
  );
  assert.is(failuresOf(limiter), 10);
});

test('a rejection is a rejected promise, never a throw, and so is a bad argument', async () => {
  const limiter = new RateLimiter({ burstSize: 1, maxRequestsPerSec: 1, maxPeers: 8, clock: () => 0 });
  const guard = new RpcGuard(limiter);
  limiter.check('peer');
  assert.instance(await rejectionOf(guard.run('peer', never)), RpcRejection);
  for (const run of [
    () => guard.run(7 as never, never),
    () => guard.run('peer', 5 as never),
    () => guard.run('peer', never, { cost: 0 }),
  ]) {
    assert.instance(await rejectionOf(run()), Error);
  }
});

test('a limiter that is closed rejects the promise, before the handler runs or when its result is recorded', async () => {
  const { limiter, guard } = rig(5);
  const peer = limiter.peer('peer');
  const closed = () => {
    throw new ClosedError();
  };
  const standIn = (methods: Partial<RpcPeer>): RpcPeer => ({
    check: () => peer.check(),
    recordSuccess: () => true,
    recordFailure: () => true,
    recordIgnored: () => true,
    ...methods,
  });
  const caller = new AbortController();
  let calls = 0;
  const unhandled: unknown[] = [];
  const listener = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', listener);
  const runs: Record<string, () => Promise<unknown>> = {
    admission: () => guard.run(standIn({ check: closed }), () => calls++),
    'an answer': () => guard.run(standIn({ recordSuccess: closed }), () => 1),
    'a promised answer': () => guard.run(standIn({ recordSuccess: closed }), async () => 1),
    'a crash': () => guard.run(standIn({ recordFailure: closed }), () => Promise.reject(new Error('crash'))),
    'a time-out': () => guard.run(standIn({ recordFailure: closed }), never),
    'a cancellation': () => {
      setImmediate(() => caller.abort());
      return guard.run(standIn({ recordIgnored: closed }), never, { signal: caller.signal, timeoutMs: 1e6 });
    },
    'a cancellation before': () =>
      guard.run(standIn({ recordIgnored: closed }), never, { decision: peer.check(), signal: AbortSignal.abort() }),
  };
  for (const [what, run] of Object.entries(runs)) assert.instance(await rejectionOf(run()), ClosedError, what);
  await turn();
  assert.is(calls, 0);
  assert.equal(unhandled, []);
  process.off('unhandledRejection', listener);
});

test('after close() a call is rejected with ClosedError, and so is one that was running, however it ends', async () => {
  const unhandled: unknown[] = [];
  const listener = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', listener);
  for (const peerOf of [() => 'peer', (limiter: RateLimiter) => limiter.peer('peer')]) {
    const { limiter, guard } = rig(20);
    const peer = peerOf(limiter);
    const [answer, crash] = [deferred(), deferred()];
    const runs = [guard.run(peer, () => answer.promise), guard.run(peer, () => crash.promise), guard.run(peer, never)];
    limiter.close();
    answer.resolve();
    crash.reject(new Error('crash'));
    const errors = await Promise.all([...runs, guard.run(peer, never)].map(rejectionOf));
    for (const error of errors) assert.instance(error, ClosedError);
    assert.throws(
      () => guard.settle(peer, undefined, 'failure'),
      (error: unknown) => error instanceof ClosedError,
    );
  }
  await turn();
  assert.equal(unhandled, []);
  process.off('unhandledRejection', listener);
});

test.run();

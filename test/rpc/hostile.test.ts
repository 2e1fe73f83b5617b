/** Signals and judgements that are not what they seem: every call ends, and every permit is given back. */

import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Decision, isAllowed, RateLimiter, RpcGuard } from '../../src/index.js';
import { openCircuit } from '../support.js';

const test = suite('guard.run with foreign signals and judgements');

const signalOf = (methods: object) =>
  ({ aborted: false, addEventListener() {}, removeEventListener() {}, ...methods }) as never as AbortSignal;
const fail = (): never => {
  throw new Error('of the signal');
};
const limiterOf = () => new RateLimiter({ maxPeers: 8, circuitBreakerThreshold: 1, clock: () => 40_000 });

test('a signal that cannot be let go of again is refused, before a token is taken', async () => {
  const limiter = limiterOf();
  let calls = 0;
  const signal = signalOf({ removeEventListener: undefined });
  const error = await new RpcGuard(limiter).run('a', () => ++calls, { signal }).catch((reason) => reason);
  assert.is(error.code, 'ERR_PEERGATE_RPC_ARGUMENT');
  assert.equal([calls, limiter.decisions().allowed], [0, 0]);
});

test('a signal that fails when it is let go of keeps no answer back', async () => {
  const signal = signalOf({ removeEventListener: fail });
  assert.is(await new RpcGuard(limiterOf()).run('a', async () => 'answer', { signal }), 'answer');
  assert.is(await new RpcGuard(limiterOf()).run('a', () => 'answer', { signal }), 'answer');
});

test('a signal that cannot be followed ends the call with its error, and the probe is given back', async () => {
  const limiter = limiterOf();
  openCircuit(limiter, 'a', 0);
  let calls = 0;
  const signal = signalOf({ addEventListener: fail });
  const error = await new RpcGuard(limiter).run('a', () => ++calls, { signal }).catch((reason) => reason);
  assert.equal([error.message, calls], ['of the signal', 0]);
  const probe: Decision = limiter.check('a');
  assert.ok(isAllowed(probe), 'the next call may probe');
});

test('a signal that failed once is followed by the next call', async () => {
  let fails = true;
  const { signal: real, ...rest } = ((controller) => ({ signal: controller.signal, controller }))(
    new AbortController(),
  );
  const { addEventListener } = EventTarget.prototype;
  Object.defineProperty(real, 'addEventListener', {
    value(...args: Parameters<EventTarget['addEventListener']>) {
      if (fails) fail();
      addEventListener.apply(real, args);
    },
  });
  const guard = new RpcGuard(limiterOf());
  await guard.run('a', () => 1, { signal: real }).catch(() => {});
  fails = false;
  const waiting = guard.run('a', () => new Promise(() => {}), { signal: real }).catch((reason) => reason);
  rest.controller.abort('no more interest');
  assert.is(await waiting, 'no more interest');
});

test('a promise of another realm from classify is refused, and its rejection ends no process', async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  const foreign = () => runInNewContext('Promise.reject(new Error("of another realm"))');
  const guard = new RpcGuard(limiterOf());
  const error = await guard.run('a', () => 1, { classify: foreign as never }).catch((reason) => reason);
  assert.is(error.code, 'ERR_PEERGATE_RPC_ARGUMENT');
  assert.throws(() => guard.settle('a', undefined, foreign() as never), /outcome: expected/);
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  assert.equal(unhandled, []);
});

test.run();

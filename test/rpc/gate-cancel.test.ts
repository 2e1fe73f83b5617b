/** RpcGate: a request whose client gives up by a signal. */

import { getEventListeners } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type End, type Passage, RateLimiter, RpcGate, RpcGuard } from '../../src/index.js';
import { openCircuit } from '../support.js';

const test = suite('the gate and a signal');

/** A gate whose next request is a probe. */
function rig(classify?: (end: End) => 'success' | 'failure' | 'ignored') {
  const limiter = new RateLimiter({ circuitBreakerTimeoutMs: 1_000, burstSize: 200_000, clock: () => 1_000 });
  openCircuit(limiter, 'peer', 0);
  const gate = new RpcGate<string>(new RpcGuard(limiter), { classify }, { name: 'test', peer: (from) => from });
  const enter = () => gate.enter('peer') as Passage<string>;
  return { limiter, enter };
}

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length;

test('when the signal aborts the probe goes back at once, and what comes later is ignored', () => {
  const { limiter, enter } = rig();
  const controller = new AbortController();
  const probe = enter();
  probe.cancelOn(controller.signal);
  assert.is(probe.isOver, false);
  controller.abort();
  assert.is(probe.isOver, true);
  assert.is(probe.settle({ how: 'error' }), false);
  assert.is(limiter.getCircuitState('peer'), 'half_open');
  assert.ok(enter().settle({ how: 'done' }));
  assert.is(limiter.getCircuitState('peer'), 'closed');
});

test('a signal that has aborted before cancels now', () => {
  const { enter } = rig();
  const probe = enter();
  probe.cancelOn(AbortSignal.abort());
  assert.is(probe.isOver, true);
  assert.is(enter().allowed, true);
});

test('a request that was settled does not hear of the signal any more', () => {
  const ends: string[] = [];
  const { enter } = rig(({ how }) => {
    ends.push(how);
    return 'success';
  });
  const controller = new AbortController();
  const passage = enter();
  passage.cancelOn(controller.signal);
  passage.settle({ how: 'done' });
  passage.cancelOn(controller.signal);
  controller.abort();
  assert.equal(ends, ['done']);
});

test('a signal that many requests share has one listener while any of them runs, and none afterwards', () => {
  const { enter } = rig(() => 'success');
  const { signal } = new AbortController();
  enter().settle({ how: 'done' });
  const passages = Array.from({ length: 10_000 }, enter);
  for (const passage of passages) passage.cancelOn(signal);
  assert.is(listeners(signal), 1);
  for (const passage of passages.slice(1)) passage.settle({ how: 'done' });
  assert.is(listeners(signal), 1);
  passages[0]?.abandon();
  assert.is(listeners(signal), 0);
});

test.run();

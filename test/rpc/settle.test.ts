/** RpcGuard.settle: what layers use that have no function to wrap. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Decision, RateLimiter, RpcGuard } from '../../src/index.js';
import { engines } from '../engines.js';
import { everything, thrownBy } from '../support.js';

for (const { name, using } of engines) {
  const test = suite(`settle (${name})`);

  function rig() {
    const at = { ms: 0 };
    const limiter = new RateLimiter({
      burstSize: 100,
      circuitBreakerThreshold: 3,
      circuitBreakerTimeoutMs: 1_000,
      maxPeers: 8,
      clock: () => at.ms,
      ...using,
    });
    return { at, limiter, guard: new RpcGuard(limiter) };
  }

  for (const [kind, peerOf] of [
    ['an ID', () => 'peer'],
    ['bytes', () => new TextEncoder().encode('peer')],
    ['a handle', (limiter: RateLimiter) => limiter.peer('peer')],
  ] as const) {
    test(`it tells the breaker what became of a request that was admitted, and says whether that counted (${kind})`, () => {
      const { at, limiter, guard } = rig();
      const peer = peerOf(limiter);
      assert.is(guard.settle(peer, guard.admit(peer), 'success', 12.5), true);
      for (let i = 0; i < 3; i++) assert.is(guard.settle(peer, guard.admit(peer), 'failure'), true);
      assert.is(limiter.getCircuitState('peer'), 'open');
      assert.is(guard.settle(peer, guard.admit(peer), 'success'), false, 'a rejection has no outcome');
      at.ms = 1_000;
      const probe = guard.admit(peer);
      assert.is(guard.settle(peer, probe, 'ignored', 0), true, 'the probe came back');
      assert.is(guard.settle(peer, guard.admit(peer), 'success'), true);
      assert.is(limiter.getCircuitState('peer'), 'closed');
      assert.is(guard.settle(peer, probe, 'failure'), false, 'its period is over');
      assert.is(guard.settle(peer, undefined, 'failure'), true, 'without a permit it counts now');
    });
  }

  test('what is not an outcome, a duration, a permit or a peer is refused, and nothing changes', () => {
    const { limiter, guard } = rig();
    const permit = guard.admit('peer');
    const before = JSON.stringify(everything(limiter, 0));
    for (const outcome of ['Success', '', undefined, true]) {
      const error = thrownBy(() => guard.settle('peer', permit, outcome as 'success'));
      assert.instance(error, TypeError);
      assert.is(error.code, 'ERR_PEERGATE_RPC_ARGUMENT');
      assert.match(error.message, /^outcome: expected 'success', 'failure' or 'ignored', got /);
    }
    for (const duration of [-1, -0.001, Number.NaN, Number.POSITIVE_INFINITY, '5', null, 5n, true] as number[]) {
      const error = thrownBy(() => guard.settle('peer', permit, 'failure', duration));
      assert.instance(error, RangeError, String(duration));
      assert.is(error.code, 'ERR_PEERGATE_DURATION');
    }
    assert.is(thrownBy(() => guard.settle('peer', 1.5 as Decision, 'failure')).code, 'ERR_PEERGATE_PERMIT');
    assert.is(thrownBy(() => guard.settle(7 as never, permit, 'failure')).code, 'ERR_PEERGATE_PEER_ID_TYPE');
    assert.is(JSON.stringify(everything(limiter, 0)), before);
  });

  test.run();
}

/** How long calls take, as the guard tells the breaker. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RateLimiter, RpcGuard } from '../../src/index.js';
import { engines } from '../engines.js';

for (const { name, using } of engines) {
  const test = suite(`slow calls under the guard (${name})`);

  test('the guard measures a call and passes it on, by ID and by handle, to a synchronous handler and to one that waits', async () => {
    for (const [tookMs, state] of [
      [99, 'closed'],
      [100, 'open'],
    ] as const) {
      let now = 1_000;
      const limits = { failureRateThreshold: 0.5, minimumCalls: 4, slowCallMs: 100 };
      const limiter = new RateLimiter({ maxPeers: 4, clock: () => now, ...limits, ...using });
      const guard = new RpcGuard(limiter);
      const handle = limiter.peer('peer');
      for (const who of ['peer', handle]) {
        await guard.run(who, () => {
          now += tookMs;
        });
        await guard.run(who, async () => {
          await undefined;
          now += tookMs;
        });
      }
      assert.is(limiter.getCircuitState('peer'), state);
    }
  });

  test('settle passes the duration on', () => {
    const limits = { failureRateThreshold: 0.5, minimumCalls: 1, slowCallMs: 100 };
    const limiter = new RateLimiter({ maxPeers: 4, clock: () => 0, ...limits, ...using });
    const guard = new RpcGuard(limiter);
    assert.ok(guard.settle('peer', guard.admit('peer'), 'success', 99));
    assert.is(limiter.getCircuitState('peer'), 'closed');
    assert.ok(guard.settle('peer', guard.admit('peer'), 'success', 100));
    assert.is(limiter.getCircuitState('peer'), 'open');
  });

  test('without slowCallMs nobody reads the clock for it', async () => {
    let reads = 0;
    const limiter = new RateLimiter({ maxPeers: 4, clock: () => reads++ * 0, ...using });
    const guard = new RpcGuard(limiter);
    const handle = limiter.peer('peer');
    reads = 0;
    await guard.run(handle, () => 1);
    assert.is(reads, 1, 'the check');
  });

  test.run();
}

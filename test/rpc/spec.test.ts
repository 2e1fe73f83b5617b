/** The specification's four tests of the RPC layer, under the names they have there. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RateLimiter, RpcGuard } from '../../src/index.js';
import { engines } from '../engines.js';
import { rejectionOf, turn } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`the specification's four of RPC (${name})`);

  const guardOf = (options = {}) => new RpcGuard(new RateLimiter({ clock: () => 0, ...using, ...options }));

  test('test_rate_limiting_blocks_excess_requests', async () => {
    const guard = guardOf({ maxRequestsPerSec: 10, burstSize: 5 });
    let handled = 0;
    for (let i = 0; i < 5; i++) await guard.run('peer', async () => handled++);
    for (let i = 0; i < 3; i++) {
      const error = await rejectionOf(guard.run('peer', async () => handled++));
      assert.is(error.code, -32001);
    }
    assert.is(handled, 5);
  });

  test('test_circuit_breaker_opens_on_failures', async () => {
    const guard = guardOf({ circuitBreakerThreshold: 3 });
    let handled = 0;
    const crash = () => {
      handled++;
      throw new Error('crash');
    };
    for (let i = 0; i < 3; i++) assert.is((await rejectionOf(guard.run('peer', crash))).message, 'crash');
    const error = await rejectionOf(guard.run('peer', crash));
    assert.is(error.code, -32002);
    assert.is(handled, 3);
    assert.is(guard.limiter.getCircuitState('peer'), 'open');
  });

  test('test_different_peers_have_independent_rate_limits', async () => {
    const guard = guardOf({ maxRequestsPerSec: 10, burstSize: 2 });
    for (const peer of ['a', 'b', 'c']) {
      for (let i = 0; i < 2; i++) assert.is(await guard.run(peer, () => i), i);
      assert.is((await rejectionOf(guard.run(peer, () => 0))).code, -32001);
    }
  });

  test('test_heavy_concurrent_seen_requests', async () => {
    const guard = guardOf({ maxRequestsPerSec: 1_000, burstSize: 1_000 });
    let together = 0;
    let most = 0;
    const results = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) =>
        guard.run('peer', async () => {
          most = Math.max(most, ++together);
          await turn();
          together--;
          return i;
        }),
      ),
    );
    assert.equal(
      results,
      Array.from({ length: 1_000 }, (_, i) => i),
    );
    assert.is(most, 1_000, 'all of them at once');
    assert.equal({ ...guard.limiter.stats(), allowed: 1_000 }, guard.limiter.stats());
    assert.is(guard.limiter.stats().rateLimited, 0);
    assert.is(guard.limiter.getCircuitState('peer'), 'closed');
  });

  test.run();
}

// The limiter decides, its breaker opens and closes, and a snapshot takes it all over: the same everywhere.

import { isAllowed, RateLimiter, RpcGuard, RpcRejection, reasonOf, retryAfterMs } from 'peergate';

export async function check(expect) {
  const limits = { maxRequestsPerSec: 10, burstSize: 20, circuitBreakerThreshold: 3, maxPeers: 100 };
  const limiter = new RateLimiter(limits);
  const said = [];
  for (let now = 0; now <= 3_000; now += 20) {
    const decision = limiter.check('peer-a', 1, now);
    said.push(isAllowed(decision) ? '.' : retryAfterMs(decision));
  }
  expect('decisions in virtual time', said.filter((word) => word === '.').length, 50);
  expect(
    'the first wait',
    said.find((word) => word !== '.'),
    20,
  );

  for (let i = 0; i < 3; i++) limiter.recordFailure('peer-b', undefined, 0);
  expect('an open circuit', reasonOf(limiter.check('peer-b', 1, 29_999)), 'circuit_open');
  const probe = limiter.check('peer-b', 1, 30_000);
  expect('a success of its probe', limiter.recordSuccess('peer-b', probe, 30_001), true);
  expect('closes it', limiter.getCircuitState('peer-b', 30_001), 'closed');

  const later = RateLimiter.restore(limiter.snapshot());
  expect(
    'peers after a restart',
    [...later.peers()]
      .map(({ id }) => id)
      .sort()
      .join(),
    'peer-a,peer-b',
  );

  const guard = new RpcGuard(new RateLimiter({ ...limits, burstSize: 1, maxRequestsPerSec: 0.01 }), {
    timeoutMs: 60_000,
  });
  expect('a guarded call', await guard.run('peer-c', () => 7), 7);
  const error = await guard.run('peer-c', () => 7).catch((thrown) => thrown);
  expect('a rejected call', error instanceof RpcRejection && error.code, -32001);
}

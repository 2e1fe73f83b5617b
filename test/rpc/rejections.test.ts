/** What became of rejections, for each adapter: answered, dropped, answered by closing the connection. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { guardFlow } from '../../src/flow/index.js';
import { RateLimiter, RpcGuard } from '../../src/index.js';
import { FakeSocket } from '../adapters/fake-socket.js';

const test = suite('rejections');
const limiterOf = () => new RateLimiter({ maxPeers: 4, maxRequestsPerSec: 1, burstSize: 1, clock: () => 0 });

test('the guard has answered each call that it rejected with an error', async () => {
  const limiter = limiterOf();
  const guard = new RpcGuard(limiter);
  assert.equal([...limiter.rejections], [['guard', { answered: 0, dropped: 0, closed: 0 }]]);
  for (let i = 0; i < 3; i++) await guard.run('a', () => 1).catch(() => {});
  assert.equal(limiter.rejections.get('guard'), { answered: 2, dropped: 0, closed: 0 });
  new RpcGuard(limiter);
  assert.is(limiter.rejections.get('guard')?.answered, 2, 'guards of one limiter count together');
});

test('a connection answers few, drops the others, and closes at the last strike; each rejection counts once', () => {
  const limiter = limiterOf();
  const socket = new FakeSocket();
  const gate = guardFlow(
    new RpcGuard(limiter),
    () => ({ begin() {}, reject: () => 'no' }),
    { maxRejectionsPerSec: 1, maxRejectionBurst: 2, maxStrikes: 6 },
    'mine',
  );
  gate.accept(socket, 'a');
  for (let i = 0; i < 9; i++) socket.deliver('x');
  assert.equal(limiter.rejections.get('mine'), { answered: 2, dropped: 3, closed: 1 });
  assert.is(gate.stats().rejected, 6);
});

test.run();

/** How long a socket is not read for. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Reading } from '../../src/flow/reading.js';
import { Rejections } from '../../src/flow/rejections.js';
import { newStats } from '../../src/flow/stats.js';
import { isAllowed, RateLimiter, RpcGuard } from '../../src/index.js';
import { FakeSocket } from './fake-socket.js';
import { withTimers } from './timers.js';

const test = suite('pauses of JSON-RPC connections');

for (const [what, deliveryMs, restMs] of [
  ['took longer than the pause', 3, 1],
  ['took a part of it', 0.5, 0.5],
] as const) {
  test(`a pause whose delivery ${what} lasts until what its latest rejection said is over`, () => {
    withTimers((timers) => {
      const at = { ms: 0 };
      const limiter = new RateLimiter({ maxPeers: 1, maxRequestsPerSec: 1_000, burstSize: 1, clock: () => at.ms });
      const socket = new FakeSocket();
      const limits = { maxRejectionsPerSec: 0, maxRejectionBurst: 0, maxStrikes: 1_000, notifyRejections: false };
      const rejections = new Rejections(
        new RpcGuard(limiter),
        limiter.rejectionsBy('flow'),
        new Reading(socket),
        newStats(),
        limits,
        {
          send() {},
          struckOut() {},
        },
      );
      const flood = (frames: number) => {
        for (let i = 0; i < frames; i++) {
          const decision = limiter.check('peer');
          if (!isAllowed(decision)) rejections.reject(decision, '', at.ms);
        }
      };
      flood(11);
      assert.ok(socket.isPaused);
      assert.equal(
        timers.map(({ ms }) => ms),
        [1],
      );
      at.ms = deliveryMs;
      flood(11);
      assert.is(timers.length, 1, 'one pause at a time');
      if (deliveryMs < 1) at.ms = 1;
      timers[0]?.run();
      assert.ok(socket.isPaused);
      assert.is(timers[1]?.ms, restMs);
      at.ms += restMs;
      timers[1]?.run();
      assert.not(socket.isPaused);
      assert.is(timers.length, 2);
    });
  });
}

test.run();

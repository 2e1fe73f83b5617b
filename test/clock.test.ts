/** The clocks that the package provides. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { coarseClock, monotonicClock, RateLimiter } from '../src/index.js';

const test = suite('clocks');

function counting(): { read: () => number; readings: number } {
  const clock = {
    readings: 0,
    read: () => {
      clock.readings++;
      return clock.readings * 10;
    },
  };
  return clock;
}

test('the monotonic clock is performance.now', () => {
  const before = performance.now();
  const now = monotonicClock();
  assert.ok(before <= now && now <= performance.now());
});

test('a coarse clock reads the time once for all decisions before the next microtask', () => {
  const clock = counting();
  const limiter = new RateLimiter({ clock: coarseClock(clock.read), maxPeers: 8 });
  const peer = limiter.peer('a');
  for (let i = 0; i < 64; i++) peer.check();
  limiter.check('b');
  assert.is(clock.readings, 1);
});

test('a coarse clock reads the time again after the next microtask, and not before', async () => {
  const clock = counting();
  const coarse = coarseClock(clock.read);
  assert.is(coarse(), 10);
  let inBetween: number | undefined;
  queueMicrotask(() => {
    inBetween = coarse();
  });
  assert.is(coarse(), 10);
  await Promise.resolve();
  assert.is(inBetween, 20);
});

test('a coarse clock is never ahead of the clock it reads, and never older than the last microtask', async () => {
  const coarse = coarseClock();
  for (let turn = 0; turn < 100; turn++) {
    const sinceMs = performance.now();
    for (let i = 0; i < 10; i++) {
      const now = coarse();
      assert.ok(sinceMs <= now && now <= performance.now());
    }
    await null;
  }
});

test('two coarse clocks are independent of each other', () => {
  const [one, other] = [counting(), counting()];
  const [first, second] = [coarseClock(one.read), coarseClock(other.read)];
  first();
  second();
  assert.equal([one.readings, other.readings], [1, 1]);
});

test.run();

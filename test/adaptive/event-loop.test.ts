/** How late the event loop is, with Node's sampler and with a timer. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sampleByTimer, sampleEventLoop } from '../../src/adaptive/event-loop.js';

const test = suite('event loop');
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function block(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

for (const [name, sample] of [
  ['the sampler of the platform', sampleEventLoop],
  ['a timer', sampleByTimer],
] as const) {
  test(`${name} sees a loop that is blocked for 200 ms at a time, without its own period`, async () => {
    const sampler = sample();
    try {
      await pause(30);
      sampler.read();
      for (let i = 0; i < 3; i++) {
        block(200);
        await pause(0);
      }
      const delayMs = sampler.read();
      assert.ok(delayMs > 50, `${delayMs} ms`);
    } finally {
      sampler.stop();
    }
  });

  test(`${name} has a reading each time where the loop turns once between two of them`, async () => {
    const sampler = sample();
    try {
      await pause(30);
      sampler.read();
      const readings: number[] = [];
      for (let i = 0; i < 6; i++) {
        block(50);
        await pause(1);
        readings.push(sampler.read());
      }
      // Which of the two timers comes first in a turn is not ours to say.
      assert.ok(readings.filter((delayMs) => delayMs > 20).length >= 4, readings.join(' '));
    } finally {
      sampler.stop();
    }
  });

  test(`${name} has no reading where nothing was sampled, and a reading begins anew each time`, async () => {
    const sampler = sample();
    try {
      await pause(30);
      sampler.read();
      // Within one turn of the loop nothing can have been sampled.
      assert.ok(Number.isNaN(sampler.read()));
    } finally {
      sampler.stop();
    }
  });
}

test('where there is no such function, a timer is used', async () => {
  const { getBuiltinModule } = process;
  for (const missing of [
    undefined,
    () => undefined,
    () => ({}),
    () => {
      throw new Error('not here');
    },
  ]) {
    Object.assign(process, { getBuiltinModule: missing });
    const sampler = sampleEventLoop();
    try {
      await pause(30);
      block(100);
      await pause(0);
      assert.ok(sampler.read() > 5);
    } finally {
      sampler.stop();
      Object.assign(process, { getBuiltinModule });
    }
  }
});

test('a page in the background has no reading', async () => {
  const sampler = sampleByTimer();
  Object.assign(globalThis, { document: { hidden: true } });
  try {
    await pause(30);
    assert.ok(Number.isNaN(sampler.read()));
  } finally {
    Object.assign(globalThis, { document: undefined });
    sampler.stop();
  }
});

test.run();

/** The load factor follows how late the server is, by a law that is written down. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LoadController } from '../../src/adaptive/index.js';
import { RateLimiter } from '../../src/index.js';
import { thrownBy } from '../support.js';

const test = suite('load controller');

const make = (options = {}) => {
  const limiter = new RateLimiter({ maxPeers: 4, clock: () => 0 });
  const load = new LoadController(limiter, options);
  /** The load factor's exponent, in sixteenths of an octave. */
  const exponent = () => Math.round(-16 * Math.log2(limiter.loadFactor)) + 0;
  return { limiter, load, exponent };
};

test('above the target it takes 8 · log₂(delay / target) sixteenths, at least 2 and at most 16', () => {
  for (const [delayMs, expected] of [
    [20.1, 2],
    [24, 2],
    [28.3, 4],
    [40, 8],
    [80, 16],
    [10_000, 16],
  ] as const) {
    const { load, exponent } = make();
    load.step(delayMs, 0);
    assert.is(exponent(), expected, `${delayMs} ms`);
  }
});

test('from a half of the target up to the target it holds', () => {
  const { load, exponent } = make();
  load.step(80, 0);
  for (const [i, delayMs] of [10, 15, 20, 10].entries()) {
    load.step(delayMs, 1_000 * (i + 1));
    assert.is(exponent(), 16, `${delayMs} ms`);
  }
});

test('it holds while the delay falls by more than a tenth, and not where it falls by a tenth', () => {
  const { load, exponent } = make();
  load.step(100, 0);
  load.step(89, 250);
  assert.is(exponent(), 16);
  load.step(80.2, 500);
  assert.is(exponent(), 32);
});

test('below a half of the target it gives back one sixteenth at a time', () => {
  const { load, exponent } = make();
  load.step(80, 0);
  for (let i = 1; i <= 20; i++) load.step(9.9, i * 250);
  assert.is(exponent(), 0);
  load.step(80, 6_000);
  load.step(9.9, 6_250);
  load.step(9.9, 8_250);
  assert.is(exponent(), 14);
});

test('below a quarter it gives back 1, 2, 4 … sixteenths, doubling each second of quiet', () => {
  const { load, exponent } = make();
  for (let i = 0; i < 8; i++) load.step(1_000, i * 1_000);
  assert.is(exponent(), 128);
  const seen: number[] = [];
  for (let i = 0; i < 20; i++) {
    load.step(4.9, 10_000 + i * 250);
    seen.push(exponent());
  }
  assert.equal(seen.slice(0, 12), [127, 126, 125, 124, 122, 120, 118, 116, 112, 108, 104, 100]);
  assert.is(seen.at(-1), 4);
});

test('a second of quiet that is interrupted begins anew', () => {
  const { load, exponent } = make();
  for (let i = 0; i < 8; i++) load.step(1_000, i * 1_000);
  load.step(0, 10_000);
  load.step(0, 11_000);
  assert.is(exponent(), 125);
  load.step(15, 11_250);
  load.step(0, 11_500);
  load.step(0, 12_250);
  assert.is(exponent(), 123);
});

test('it acts again after the interval, or after the last delay where that is longer', () => {
  const { load, exponent } = make();
  load.step(80, 0);
  load.step(80, 249);
  assert.is(exponent(), 16);
  load.step(1_000, 250);
  assert.is(exponent(), 32);
  load.step(1_000, 1_249);
  assert.is(exponent(), 32);
  load.step(1_000, 1_250);
  assert.is(exponent(), 48);
});

test('a reading of an hour does not stop it for an hour', () => {
  const { load, exponent } = make();
  load.step(3_600_000, 0);
  load.step(0, 59_999);
  assert.is(exponent(), 16);
  load.step(0, 60_000);
  assert.is(exponent(), 15);
});

test('a clock that runs backwards does not stop it', () => {
  const { load, exponent } = make();
  load.step(80, 1_000_000);
  load.step(80, 0);
  assert.is(exponent(), 32);
});

test('it never goes below the least factor nor above 1', () => {
  const { limiter, load } = make({ minFactor: 0.3 });
  for (let i = 0; i < 20; i++) load.step(10_000, i * 60_000);
  assert.ok(limiter.loadFactor >= 0.3 && limiter.loadFactor < 0.32, `${limiter.loadFactor}`);
  for (let i = 0; i < 200; i++) load.step(0, 2_000_000 + i * 250);
  assert.is(limiter.loadFactor, 1);
});

test('a reading that is no number moves nothing, and counts as none', () => {
  const { load, exponent } = make();
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, undefined, 'late'] as number[]) load.step(bad, 0);
  assert.is(exponent(), 0);
  load.step(80, 0);
  assert.is(exponent(), 16);
});

test('it goes on from the factor that the limiter has', () => {
  const { limiter, load, exponent } = make();
  limiter.setLoadFactor(0.5);
  load.step(80, 0);
  assert.is(exponent(), 32);
});

test('a bad option is refused by its name, and so is a name that does not exist', () => {
  const limiter = new RateLimiter({ maxPeers: 1 });
  for (const [options, field] of [
    [{ targetMs: 0 }, 'targetMs'],
    [{ targetMs: '20' }, 'targetMs'],
    [{ intervalMs: 9 }, 'intervalMs'],
    [{ intervalMs: Number.NaN }, 'intervalMs'],
    [{ minFactor: 1 / 257 }, 'minFactor'],
    [{ minFactor: 1.01 }, 'minFactor'],
    [{ signal: 'latency' }, 'signal'],
    [{ targetMS: 20 }, 'targetMS'],
  ] as const) {
    const error = thrownBy(() => new LoadController(limiter, options as never));
    assert.is(error.code, 'ERR_PEERGATE_CONFIG');
    assert.is(error.field, field);
  }
  assert.is(thrownBy(() => new LoadController({} as never)).field, 'limiter');
  assert.is(thrownBy(() => new LoadController(limiter).step(0, Number.NaN)).code, 'ERR_PEERGATE_NOW');
});

test('a closed limiter stops the controller, and a step after that does nothing', async () => {
  let reads = 0;
  const limiter = new RateLimiter({ maxPeers: 1 });
  const load = new LoadController(limiter, { intervalMs: 10, signal: () => ++reads });
  load.start();
  await until(() => reads >= 2);
  limiter.close();
  load.step(80, 1e9);
  const before = reads;
  await pause(50);
  assert.is(reads, before);
});

test('a limiter that is closed under a running timer ends it without an error', async () => {
  let reads = 0;
  const limiter = new RateLimiter({ maxPeers: 1 });
  const load = new LoadController(limiter, { intervalMs: 10, signal: () => ++reads });
  load.start();
  await until(() => reads >= 1);
  limiter.close();
  await pause(30);
  const before = reads;
  await pause(50);
  assert.is(reads, before);
});

test('a signal that throws moves nothing, and is asked again', async () => {
  let reads = 0;
  const limiter = new RateLimiter({ maxPeers: 1 });
  const load = new LoadController(limiter, {
    intervalMs: 10,
    signal: () => {
      reads++;
      throw new Error('no reading');
    },
  });
  load.start();
  load.start();
  await until(() => reads >= 3);
  load.stop();
  const before = reads;
  await pause(50);
  assert.is(reads, before);
  assert.is(limiter.loadFactor, 1);
});

test('an event loop that is blocked lowers the factor', async () => {
  const limiter = new RateLimiter({ maxPeers: 1 });
  const load = new LoadController(limiter, { intervalMs: 50 });
  load.start();
  for (const started = performance.now(); limiter.loadFactor === 1 && performance.now() - started < 20_000; ) {
    block(100);
    await pause(1);
  }
  load.stop();
  assert.ok(limiter.loadFactor < 1);
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function block(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await pause(5);
}

test.run();

/** The tuner proposes a limit from what established peers ask for, and goes there slowly. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Demand } from '../../src/adaptive/demand.js';
import { LimitTuner, type TunerOptions } from '../../src/adaptive/index.js';
import { RateLimiter, type RateLimiterConfig } from '../../src/index.js';
import { thrownBy } from '../support.js';

const test = suite('limit tuner');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A limiter of 100/s, and an hour in which each of some peers asks so often a second. */
class World {
  readonly limiter: RateLimiter;
  readonly tuner: LimitTuner;
  now = 0;

  constructor(options: TunerOptions = {}, limits: RateLimiterConfig = {}) {
    this.limiter = new RateLimiter({ maxPeers: 1_024, clock: () => this.now, ...limits });
    this.tuner = new LimitTuner(this.limiter, { minPeers: 10, min: 0.001, apply: true, ...options });
  }

  establish(names: readonly string[]): void {
    for (const name of names) {
      const peer = this.limiter.peer(name, this.now);
      for (let i = 0; i < this.limiter.config.minimumCalls; i++) peer.recordSuccess(undefined, this.now);
    }
    this.tuner.step(this.now);
  }

  /** One window for each `stepMs`; each peer asks `perMinute(name)` times a minute, evenly. */
  run(forMs: number, names: readonly string[], perMinute: (index: number) => number, stepMs = MINUTE): void {
    const end = this.now + forMs;
    while (this.now < end) {
      for (const [i, name] of names.entries()) {
        const count = (perMinute(i) * stepMs) / MINUTE;
        for (let k = 0; k < count; k++) this.limiter.check(name, 1, this.now + (k * stepMs) / count);
      }
      this.now += stepMs;
      this.tuner.step(this.now);
    }
  }
}

const SMALL = { maxRequestsPerSec: 1, burstSize: 2 };

const names = (count: number, prefix = 'peer') => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
const near = (value: number | undefined, expected: number, by: number) =>
  assert.ok(Math.abs((value ?? Number.NaN) / expected - 1) <= by, `${value} is not within ${by} of ${expected}`);

test('it proposes what nearly all peers stay below, times the margin', () => {
  const world = new World({ margin: 1.2 });
  world.establish(names(20));
  world.run(HOUR, names(20), () => 60);
  near(world.tuner.proposal?.maxRequestsPerSec, 1.2, 0.05);
  assert.is(world.tuner.proposal?.peers, 20);
  assert.is(world.tuner.proposal?.censored, 0);
});

test('it proposes nothing before it has seen enough established peers', () => {
  const world = new World({ minPeers: 21 });
  world.establish(names(20));
  world.run(HOUR, names(20), () => 60);
  assert.is(world.tuner.proposal, undefined);
  assert.is(world.limiter.config.maxRequestsPerSec, 100);
});

test('peers that are not established do not count, nor do idle ones and those of a class', () => {
  const world = new World({}, { classes: { trusted: { factor: 2 } } });
  const trusted = names(5, 'trusted');
  for (const name of trusted) world.limiter.setClass(name, 'trusted', 0);
  world.establish([...names(15), ...trusted]);
  world.run(HOUR, [...names(12), ...names(30, 'new'), ...trusted], (i) => (i < 12 ? 60 : 600));
  assert.is(world.tuner.proposal?.peers, 12);
  near(world.tuner.proposal?.maxRequestsPerSec, 1.15, 0.05);
});

test('it goes at most a tenth an hour, and the burst keeps its ratio to the rate', () => {
  const world = new World();
  world.establish(names(20));
  let before = 100;
  for (let hour = 0; hour < 4; hour++) {
    world.run(HOUR, names(20), () => 60);
    const { maxRequestsPerSec, burstSize } = world.limiter.config;
    near(maxRequestsPerSec, before * 0.9, 1e-9);
    assert.is(burstSize, Math.round(maxRequestsPerSec * 2));
    before = maxRequestsPerSec;
  }
});

test('how often it is called changes nothing', () => {
  const limits = [1_000, 10_000, MINUTE, HOUR].map((stepMs) => {
    const world = new World();
    world.establish(names(12));
    world.run(2 * HOUR, names(12), () => 60, stepMs);
    return world.limiter.config.maxRequestsPerSec;
  });
  for (const limit of limits) near(limit, 81, 1e-9);
});

test('what is within a tenth of the target stays', () => {
  const world = new World({ margin: 1 }, { maxRequestsPerSec: 1.08, burstSize: 20 });
  world.establish(names(20));
  world.run(3 * HOUR, names(20), () => 60);
  assert.is(world.limiter.config.maxRequestsPerSec, 1.08);
});

test('it never leaves the bounds', () => {
  const world = new World({ min: 85, max: 200 });
  world.establish(names(20));
  world.run(4 * HOUR, names(20), () => 60);
  assert.is(world.tuner.proposal?.maxRequestsPerSec, 85);
  near(world.limiter.config.maxRequestsPerSec, 90, 1e-9);
  const rising = new World({ max: 1.25 }, SMALL);
  rising.establish(names(50));
  rising.run(5 * HOUR, names(50), (i) => (i < 5 ? 120 : 30));
  assert.is(rising.tuner.proposal?.maxRequestsPerSec, 1.25);
  near(rising.limiter.config.maxRequestsPerSec, 1.21, 1e-9);
});

test('a limit that begins outside of the bounds goes to the nearest one', () => {
  const world = new World({ min: 200, max: 300 });
  world.establish(names(20));
  world.run(HOUR, names(20), () => 60);
  assert.is(world.limiter.config.maxRequestsPerSec, 200);
});

test('without `apply` it only proposes', () => {
  const world = new World({ apply: false });
  world.establish(names(20));
  world.run(3 * HOUR, names(20), () => 60);
  near(world.tuner.proposal?.maxRequestsPerSec, 1.15, 0.05);
  assert.is(world.limiter.config.maxRequestsPerSec, 100);
});

test('more than one in a hundred at the limit raise it by one step an hour', () => {
  const world = new World({}, SMALL);
  world.establish(names(50));
  world.run(HOUR, names(50), (i) => (i < 5 ? 120 : 30));
  assert.equal({ ...world.tuner.proposal, maxRequestsPerSec: 0 }, { maxRequestsPerSec: 0, peers: 50, censored: 5 });
  near(world.limiter.config.maxRequestsPerSec, 1.1, 1e-9);
  assert.not.ok(world.tuner.holding);
});

test('more than a fifth at the limit hold it where it is, and it says so; a fifth does not', () => {
  for (const [hostile, holds] of [
    [10, false],
    [11, true],
  ] as const) {
    const world = new World({}, SMALL);
    world.establish(names(50));
    world.run(2 * HOUR, names(50), (i) => (i < hostile ? 120 : 30));
    assert.is(world.tuner.holding, holds);
    assert.is(world.limiter.config.maxRequestsPerSec > 1, !holds);
  }
});

test('as many clean peers as `minPeers` are needed to raise it', () => {
  for (const [minPeers, rises] of [
    [45, true],
    [46, false],
  ] as const) {
    const world = new World({ minPeers }, SMALL);
    world.establish(names(50));
    world.run(HOUR, names(50), (i) => (i < 5 ? 120 : 30));
    assert.is(world.limiter.config.maxRequestsPerSec > 1, rises);
  }
});

test('rejections under load say nothing about the limit', () => {
  const world = new World({}, SMALL);
  world.establish(names(50));
  world.limiter.setLoadFactor(0.5, 0);
  world.run(3 * HOUR, names(50), () => 120);
  assert.is(world.tuner.proposal, undefined);
  assert.is(world.limiter.config.maxRequestsPerSec, 1);
});

test('a limit that you change meanwhile is where it goes on, with the new ratio of the burst', () => {
  const world = new World();
  world.establish(names(20));
  world.limiter.configure({ maxRequestsPerSec: 50, burstSize: 500 }, 0);
  world.run(HOUR, names(20), () => 60);
  near(world.limiter.config.maxRequestsPerSec, 45, 1e-9);
  assert.is(world.limiter.config.burstSize, 450);
});

test('a peer that left and came back is not counted for what its old row did', () => {
  const world = new World();
  world.establish(names(20));
  world.run(10 * MINUTE, names(20), () => 60);
  world.limiter.removePeer('peer-0');
  world.establish(['peer-0']);
  world.run(50 * MINUTE, names(20), () => 60);
  near(world.tuner.proposal?.maxRequestsPerSec, 1.15, 0.05);
});

test('bytes are peers as well as strings', () => {
  const limiter = new RateLimiter({ maxPeers: 64, minimumCalls: 1 });
  const tuner = new LimitTuner(limiter, { minPeers: 10, min: 0.01 });
  const ids = Array.from({ length: 10 }, (_, i) => Uint8Array.of(0xff, i));
  for (const id of ids) limiter.peer(id, 0).recordSuccess(undefined, 0);
  tuner.step(0);
  for (const id of ids) for (let i = 0; i < 60; i++) limiter.check(id, 1, i * 1_000);
  tuner.step(MINUTE);
  assert.is(tuner.proposal?.peers, 10);
});

test('a closed limiter stops the tuner, and a step after that does nothing', () => {
  const limiter = new RateLimiter({ maxPeers: 1 });
  const tuner = new LimitTuner(limiter);
  tuner.start();
  tuner.start();
  limiter.close();
  tuner.step(0);
  tuner.stop();
  assert.is(tuner.proposal, undefined);
});

test('a bad option is refused by its name, and so is a name that does not exist', () => {
  const limiter = new RateLimiter({ maxPeers: 1 });
  for (const [options, field] of [
    [{ percentile: 1 }, 'percentile'],
    [{ margin: 0.9 }, 'margin'],
    [{ min: 0 }, 'min'],
    [{ min: 20, max: 10 }, 'min'],
    [{ max: 2e6 }, 'max'],
    [{ minPeers: 0 }, 'minPeers'],
    [{ minPeers: 1.5 }, 'minPeers'],
    [{ apply: 1 }, 'apply'],
    [{ minPeer: 1 }, 'minPeer'],
  ] as const) {
    const error = thrownBy(() => new LimitTuner(limiter, options as never));
    assert.is(error.code, 'ERR_PEERGATE_CONFIG');
    assert.is(error.field, field);
  }
  assert.is(thrownBy(() => new LimitTuner(null as never)).field, 'limiter');
  assert.is(thrownBy(() => new LimitTuner(limiter).step(Number.NaN)).code, 'ERR_PEERGATE_NOW');
});

test('demand: half of what is known is forgotten in a day', () => {
  const old = new Demand();
  for (let i = 0; i < 100; i++) old.add(10, false, 1);
  const mixed = old.aged(24 * HOUR);
  for (let i = 0; i < 51; i++) mixed.add(1, false, 1);
  near(mixed.percentile(0.5), 1, 0.05);
  for (let i = 0; i < 2; i++) old.add(1, false, 1);
  near(old.percentile(0.5), 10, 0.05);
});

test('demand: what was cut off counts as more than that, as the product-limit estimator has it', () => {
  const demand = new Demand();
  for (let i = 0; i < 50; i++) demand.add(1, false, 1);
  for (let i = 0; i < 25; i++) demand.add(2, true, 1);
  for (let i = 0; i < 25; i++) demand.add(4, false, 1);
  // Of the half that asks for more than 1, all that is known asks for 4.
  near(demand.percentile(0.49), 1, 0.05);
  near(demand.percentile(0.75), 4, 0.05);
  for (let i = 0; i < 25; i++) demand.add(8, true, 1);
  assert.is(demand.percentile(0.95), undefined);
});

test.run();

/** Classes of peers, with limits of their own. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, retryAfterMs } from '../../src/index.js';
import { engines } from '../engines.js';
import { thrownBy } from '../support.js';
import { admitted } from './support.js';

const CLASSES = { trusted: { factor: 4, exemptFromLoad: true }, anonymous: { factor: 0.25 }, plain: {} };

for (const { name, using } of engines) {
  const test = suite(`classes (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({
      ...{ maxRequestsPerSec: 100, burstSize: 200, maxPeers: 8, clock: () => 0, classes: CLASSES },
      ...options,
      ...using,
    });

  test('a class scales the configured rate and burst', () => {
    const limiter = limiterOf();
    limiter.setClass('friend', 'trusted', 0);
    limiter.setClass('stranger', 'anonymous', 0);
    limiter.setClass('other', 'plain', 0);
    for (const [peer, tokens] of [
      ['friend', 800],
      ['stranger', 50],
      ['other', 200],
    ] as const) {
      assert.is(limiter.getAvailableTokens(peer, 0), tokens);
      assert.is(admitted(limiter, peer, 1_000, 0), tokens);
      assert.is(admitted(limiter, peer, 1_000, 1_000), tokens / 2);
    }
  });

  test('a cost above the burst of the class is refused for ever, at a slower class one above burstSize', () => {
    const limiter = limiterOf();
    limiter.setClass('friend', 'trusted', 0);
    limiter.setClass('stranger', 'anonymous', 0);
    assert.is(retryAfterMs(limiter.check('friend', 801, 0)), Number.POSITIVE_INFINITY);
    assert.ok(isAllowed(limiter.check('friend', 800, 0)));
    assert.is(retryAfterMs(limiter.check('stranger', 201, 0)), Number.POSITIVE_INFINITY);
    assert.ok(isAllowed(limiter.check('stranger', 200, 0)));
  });

  test('a class that is exempt does not feel the load', () => {
    const limiter = limiterOf();
    limiter.setClass('friend', 'trusted', 0);
    limiter.setClass('other', 'plain', 0);
    limiter.setLoadFactor(0.5, 0);
    assert.is(admitted(limiter, 'friend', 1_000, 0), 800);
    assert.is(admitted(limiter, 'other', 1_000, 0), 100);
  });

  test('setClass claims a row, getClass tells, undefined takes it away', () => {
    const limiter = limiterOf();
    assert.is(limiter.getClass('peer'), undefined);
    assert.is(limiter.setClass('peer', undefined, 0), false);
    assert.is(limiter.peerCount, 0);
    assert.is(limiter.setClass('peer', 'trusted', 0), true);
    assert.is(limiter.peerCount, 1);
    assert.is(limiter.getClass('peer'), 'trusted');
    assert.is(limiter.setClass('peer', undefined, 0), true);
    assert.is(limiter.getClass('peer'), undefined);
    const handle = limiter.peer('peer', 0);
    assert.is(handle.setClass('anonymous', 0), true);
    assert.is(handle.getClass(), 'anonymous');
  });

  test('an unknown name is a RangeError that tells the known ones, and claims nothing', () => {
    const limiter = limiterOf();
    const error = thrownBy(() => limiter.setClass('peer', 'trusty', 0));
    assert.instance(error, RangeError);
    assert.is(error.code, 'ERR_PEERGATE_CLASS');
    assert.match(error.message, /trusted, anonymous, plain/);
    assert.is(limiter.peerCount, 0);
  });

  test('a row with a class is not reclaimed', () => {
    const limiter = limiterOf({ maxPeers: 2, onFull: 'reject' });
    limiter.setClass('friend', 'trusted', 0);
    limiter.check('idle', 1, 0);
    assert.ok(isAllowed(limiter.check('first', 1, 1e6)));
    assert.ok(isAllowed(limiter.check('second', 1, 2e6)));
    assert.is(limiter.getClass('friend'), 'trusted');
    limiter.setClass('friend', undefined, 2e6);
    assert.ok(isAllowed(limiter.check('third', 1, 3e6)));
    assert.ok(isAllowed(limiter.check('fourth', 1, 3e6)));
  });

  test('configure keeps the classes of peers by name, and forgets those that are no more', () => {
    const limiter = limiterOf();
    limiter.setClass('friend', 'trusted', 0);
    limiter.setClass('stranger', 'anonymous', 0);
    limiter.configure({ classes: { new: { factor: 2 }, anonymous: { factor: 0.5 } } }, 0);
    assert.is(limiter.getClass('friend'), undefined);
    assert.is(limiter.getClass('stranger'), 'anonymous');
    assert.is(limiter.getAvailableTokens('friend', 0), 200);
    assert.is(limiter.getAvailableTokens('stranger', 0), 100);
    limiter.configure({ classes: CLASSES }, 0);
    assert.is(limiter.getClass('friend'), undefined, 'a class does not come back by its name');
  });

  test('63 classes are as many as there can be, of factors from 1/256 to 256, by names of 1 to 32 bytes', () => {
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`class ${i}`, {}]));
    const limiter = limiterOf({ classes: many(63) });
    for (let i = 0; i < 63; i++) limiter.setClass('peer', `class ${i}`, 0);
    assert.is(limiter.getClass('peer'), 'class 62');
    for (const [classes, field] of [
      [many(64), 'classes'],
      [{ '': {} }, 'classes'],
      [{ ['x'.repeat(33)]: {} }, 'classes'],
      [{ a: { factor: 257 } }, 'classes.a.factor'],
      [{ a: { factor: 1 / 257 } }, 'classes.a.factor'],
      [{ a: { exemptFromLoad: 1 } }, 'classes.a.exemptFromLoad'],
      [{ a: { faktor: 1 } }, 'faktor'],
      [{ a: null }, 'classes.a'],
    ] as const) {
      assert.is(thrownBy(() => limiter.configure({ classes: classes as never }, 0)).field, field);
    }
    assert.is(limiter.getClass('peer'), 'class 62');
    limiterOf({ classes: { ['x'.repeat(32)]: { factor: 256 }, low: { factor: 1 / 256 } } });
  });

  test.run();
}

/** Values that look like something else: each is refused by what it is, in a short message with a code. */

import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { coarseClock, type Decision, isAllowed, RateLimiter, RpcGuard, reasonOf, retryAfterMs } from '../src/index.js';
import { thrownBy } from './support.js';

const test = suite('values that look like something else');
const limiterOf = () => new RateLimiter({ maxPeers: 8, clock: () => 0 });

test('a list, a Map, a promise and the like are no options, even where they have no fields', async () => {
  for (const options of [
    [],
    new Map([['maxPeers', 5]]),
    new Set(),
    new Date(),
    Promise.resolve({}),
    /x/,
    new Uint8Array(),
  ]) {
    for (const make of [
      () => new RateLimiter(options as never),
      () => new RpcGuard(limiterOf(), options as never),
      () => limiterOf().subscribe(() => {}, options as never),
    ]) {
      const error = thrownBy(make);
      assert.is(error.code, 'ERR_PEERGATE_CONFIG');
      assert.match(error.message, /^options: expected an object with named fields, got an object \(/);
    }
    const error = await new RpcGuard(limiterOf()).run('a', () => 1, options as never).catch((reason) => reason);
    assert.is(error.code, 'ERR_PEERGATE_CONFIG');
  }
  class Options {}
  for (const options of [{}, Object.create(null), new Options(), Object.freeze({})]) new RateLimiter(options as never);
});

test('a huge bigint and a long symbol are shown shortened', () => {
  for (const value of [10n ** 5_000n, -(10n ** 40n), Symbol('x'.repeat(5_000))]) {
    const { message } = thrownBy(() => limiterOf().check('a', value as never));
    assert.ok(message.length < 100, message);
  }
  assert.match(thrownBy(() => limiterOf().check('a', -12n as never)).message, /got -12n$/);
  assert.match(thrownBy(() => limiterOf().check('a', Symbol('x') as never)).message, /got Symbol\(x\)$/);
});

test('a coarse clock over what is no function is refused when it is made', () => {
  for (const read of [5, null, 'x', {}]) {
    const error = thrownBy(() => coarseClock(read as never));
    assert.is(error.code, 'ERR_PEERGATE_CONFIG');
    assert.match(error.message, /^read: expected a function, got /);
  }
});

test('a number that no check returns has no reason and no wait', () => {
  for (const number of [1.5, -1.5, Number.POSITIVE_INFINITY, 2 ** 30, 2 ** 31, 2 ** 53, -(2 ** 30) - 1]) {
    for (const read of [reasonOf, retryAfterMs]) {
      const error = thrownBy(() => read(number));
      assert.is(error.code, 'ERR_PEERGATE_DECISION', `${number}`);
      assert.ok(error instanceof RangeError);
    }
  }
  for (const permit of [0, 1, 2 ** 30 - 1] as Decision[]) {
    assert.equal([reasonOf(permit), retryAfterMs(permit), isAllowed(permit)], ['allowed', 0, true]);
  }
});

test('bytes that only have the right prototype are no snapshot; those of another realm are one', () => {
  for (const bytes of [Object.create(Uint8Array.prototype), [1, 2], new Proxy(new Uint8Array(64), {})]) {
    assert.is(thrownBy(() => RateLimiter.restore(bytes)).code, 'ERR_PEERGATE_SNAPSHOT');
  }
  const limiter = limiterOf();
  limiter.check('a');
  const foreign = runInNewContext('Uint8Array.from(bytes)', { bytes: [...limiter.snapshot()] });
  assert.not(foreign instanceof Uint8Array);
  assert.is(RateLimiter.restore(foreign, { clock: () => 0 }).peerCount, 1);
});

test('a module that only has the right prototype, or is of something else, is no core', () => {
  const other = new WebAssembly.Module(new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]));
  for (const module of [Object.create(WebAssembly.Module.prototype), other, {}, null]) {
    const error = thrownBy(() => new RateLimiter({ module }));
    assert.is(error.code, 'ERR_PEERGATE_CONFIG');
    assert.match(error.message, /^module: expected a WebAssembly.Module of the core, got /);
  }
});

test.run();

/** After `close()`, and after another thread detached this one: every method throws, and nothing in the table changes. */

import { inspect } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ClosedError, isAllowed, type Peer, RateLimiter, RpcGuard, type Ticket } from '../src/index.js';
import { engines } from './engines.js';
import { thrownBy } from './support.js';

/** Of limiters and of handles; a handle's have no peer before them. */
const CONTROLS: Record<string, unknown[]> = {
  forceOpen: [],
  forceClosed: [],
  resetCircuit: [],
  setClass: [undefined],
  getClass: [],
  adjustReputation: [1],
  getReputation: [],
};
const CONTROL_CALLS = Object.fromEntries(
  Object.entries(CONTROLS).map(([name, args]) => [name, () => ['peer', ...args]]),
);

/** How each method is called; without arguments where none stand here. */
const LIMITER_CALLS: Record<string, (handles: Peer[], ticket: Ticket | undefined) => unknown[]> = {
  check: () => ['peer'],
  allows: () => ['peer'],
  checkMany: (handles) => [handles, new Int32Array(8)],
  recordSuccess: () => ['peer'],
  recordFailure: () => ['peer'],
  recordIgnored: () => ['peer'],
  refund: () => ['peer'],
  getCircuitState: () => ['peer'],
  getAvailableTokens: () => ['peer'],
  removePeer: () => ['peer'],
  peer: () => ['peer'],
  top: () => [1, 'allowed'],
  configure: () => [{ burstSize: 7 }],
  ...CONTROL_CALLS,
  detach: (_, ticket) => [ticket],
};
/** What may still be read or called. */
const LIMITER_OPEN = ['constructor', 'config', 'close', 'toJSON'];
const HANDLE_OPEN = ['constructor', 'id', 'release', 'toJSON'];

function members(target: object, except: readonly string[]): string[] {
  return Object.getOwnPropertyNames(Object.getPrototypeOf(target)).filter((name) => !except.includes(name));
}

/** Calls a method or reads a property, and takes the first step of what is iterated. */
async function use(target: object, name: string, args: readonly unknown[]): Promise<unknown> {
  const member = (target as Record<string, unknown>)[name];
  const came = typeof member === 'function' ? member.apply(target, args) : member;
  return typeof came?.next === 'function' ? await came.next() : await came;
}

async function assertClosed(limiter: RateLimiter, handles: Peer[], ticket: Ticket | undefined): Promise<void> {
  const closed = async (target: object, name: string, args: readonly unknown[]) => {
    try {
      await use(target, name, args);
    } catch (error) {
      assert.instance(error, ClosedError, `${name}: ${error}`);
      assert.is((error as ClosedError).code, 'ERR_PEERGATE_CLOSED');
      return;
    }
    assert.unreachable(`${name} did not throw`);
  };
  // By name twice, because a name that was seen lately goes another way than one that was not.
  for (let i = 0; i < 2; i++) await closed(limiter, 'check', ['seen lately']);
  for (const name of members(limiter, LIMITER_OPEN)) {
    await closed(limiter, name, LIMITER_CALLS[name]?.(handles, ticket) ?? []);
  }
  for (const handle of handles) {
    for (const name of members(handle, HANDLE_OPEN)) await closed(handle, name, CONTROLS[name] ?? []);
  }
  for (const [name, args] of Object.entries({ ...CONTROL_CALLS, fleet: () => [], setLoadFactor: () => [1] })) {
    await closed(limiter, name, args());
  }
  await closed(limiter, 'loadFactor', []);
  await closed(limiter, 'checkAll', [handles]);
  await closed(limiter, 'checkMany', [[], new Int32Array(0)]);
}

for (const { name, using } of engines) {
  const test = suite(`closed (${name})`);
  const limiterOf = () => new RateLimiter({ maxPeers: 8, burstSize: 4, clock: () => 0, ...using });
  const handlesOf = (limiter: RateLimiter) => ['first', 'second', 'released'].map((id) => limiter.peer(id));

  test('every method of a closed limiter and of its handles throws ClosedError', async () => {
    const limiter = limiterOf();
    const handles = handlesOf(limiter);
    handles[2]?.release();
    for (let i = 0; i < 4; i++) limiter.check('seen lately');
    const ticket = using.shared && limiter.share();
    const listing = limiter.peers();
    assert.not(listing.next().done);
    limiter.close();
    await assertClosed(limiter, handles, ticket);
    assert.instance(
      thrownBy(() => listing.next()),
      ClosedError,
    );
  });

  test('after close(), close and release may be called again, config and id can be read, and both can be printed', () => {
    const limiter = limiterOf();
    const [handle] = handlesOf(limiter) as [Peer];
    limiter.close();
    limiter.close();
    handle.release();
    handle.release();
    handle[Symbol.dispose]();
    assert.is(limiter.config.burstSize, 4);
    assert.is(handle.id, 'first');
    for (const printed of [limiter, handle]) assert.ok(inspect(printed).length + JSON.stringify(printed).length > 0);
  });

  test('a guard over a closed limiter rejects the promise and calls no handler', async () => {
    const limiter = limiterOf();
    const handle = limiter.peer('peer');
    const guard = new RpcGuard(limiter);
    limiter.close();
    for (const peer of ['peer', handle]) {
      let called = false;
      const error = await guard
        .run(peer, () => {
          called = true;
        })
        .catch((reason: unknown) => reason);
      assert.instance(error, ClosedError);
      assert.not(called);
    }
  });

  if (using.shared) {
    test('a detached thread that goes on gets an error on its next call, and its successor is not affected', async () => {
      const limiter = limiterOf();
      const ticket = limiter.share();
      const late = RateLimiter.attach(ticket, { clock: () => 0 });
      const handles = handlesOf(late);
      for (let i = 0; i < 4; i++) late.check('seen lately');
      assert.ok(limiter.detach(ticket));
      await assertClosed(late, handles, ticket);

      const next = limiter.share();
      assert.is(next.thread, ticket.thread);
      const successor = RateLimiter.attach(next, { clock: () => 0 });
      const held = successor.peer('held');
      const before = { ...limiter.stats() };
      await assertClosed(late, handles, ticket);
      for (const handle of handles) handle.release();
      late.close();
      assert.equal({ ...limiter.stats() }, before);
      assert.ok(isAllowed(held.check()));
      assert.is(limiter.detach(next), true, 'the late one did not take the number with it');
    });

    test('no peer is let through twice if a detached thread goes on beside its successor', () => {
      const limiter = new RateLimiter({
        maxPeers: 2_000,
        burstSize: 1,
        maxRequestsPerSec: 0.001,
        clock: () => 0,
        ...using,
      });
      const ticket = limiter.share();
      const late = RateLimiter.attach(ticket, { clock: () => 0 });
      limiter.detach(ticket);
      const successor = RateLimiter.attach(limiter.share(), { clock: () => 0 });
      const admitted = new Map<string, number>();
      for (let i = 0; i < 3_000; i++) {
        const id = `peer-${i % 1_000}`;
        for (const each of [late, successor]) {
          try {
            if (isAllowed(each.check(id))) admitted.set(id, (admitted.get(id) ?? 0) + 1);
          } catch (error) {
            assert.instance(error, ClosedError);
            assert.is(each, late);
          }
        }
      }
      assert.is(admitted.size, 1_000);
      assert.ok([...admitted.values()].every((count) => count === 1));
    });
  }

  test.run();
}

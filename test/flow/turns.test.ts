/** How many pieces of work a turn of the event loop begins, and when work has taken too long. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadlines } from '../../src/flow/deadlines.js';
import { mostAfter, Turns, type Waiter } from '../../src/flow/turns.js';
import type { Work } from '../../src/flow/work.js';
import { type Timer, withTimers } from '../adapters/timers.js';
import { turn } from '../rpc/support.js';
import { between, chance } from '../support.js';

const test = suite('turns and deadlines of a gate');

test('a turn that was full and short is followed by one of twice as many pieces, up to 256; a long one by half, down to 16', () => {
  assert.is(mostAfter(16, 0.2, true), 32);
  assert.is(mostAfter(200, 0.2, true), 256);
  assert.is(mostAfter(256, 0.2, true), 256);
  assert.is(mostAfter(64, 0.2, false), 64, 'one that was not full says nothing');
  assert.is(mostAfter(64, 0.7, true), 64, 'nor one of the right length');
  assert.is(mostAfter(64, 1, true), 32);
  assert.is(mostAfter(64, 50, false), 32);
  assert.is(mostAfter(16, 50, true), 16);
});

test('where the clock stands still, runs back or says nothing, a turn has sixteen', () => {
  for (const took of [0, -5, Number.NaN]) assert.is(mostAfter(256, took, true), 16);
});

/** Waiters that note whose turn it was and take some time of the clock. */
function waiters(turns: Turns, names: string[], take: (name: string) => boolean): Waiter[] {
  return names.map((name) => {
    const waiter: Waiter = {
      isWaiting: false,
      nextWaiter: undefined,
      takeTurn() {
        if (take(name)) turns.join(waiter);
      },
    };
    return waiter;
  });
}

test('quick work fills longer and longer turns; one slow turn makes them short again', async () => {
  const at = { ms: 0 };
  let stepMs = 0.001;
  let taken = 0;
  const turns = new Turns(
    () => at.ms,
    () => {},
  );
  const [waiter] = waiters(turns, ['a'], () => {
    at.ms += stepMs;
    taken++;
    return true;
  });
  turns.join(waiter as Waiter);
  const counts: number[] = [];
  const next = async () => {
    const before = taken;
    await turn();
    counts.push(taken - before);
  };
  for (let i = 0; i < 6; i++) await next();
  assert.equal(counts, [16, 32, 64, 128, 256, 256]);
  counts.length = 0;
  stepMs = 0.125;
  for (let i = 0; i < 5; i++) await next();
  assert.equal(counts, [8, 8, 8, 8, 8], 'a turn that lasts a millisecond is over');
  counts.length = 0;
  stepMs = 0.001;
  await next();
  assert.is(counts[0], 16);
  turns.leave(waiter as Waiter);
});

test('those who wait are come to in order, those who left are passed over, and nobody waits twice', async () => {
  const order: string[] = [];
  const turns = new Turns(
    () => 0,
    () => {},
  );
  const [a, b, c] = waiters(turns, ['a', 'b', 'c'], (name) => order.push(name) > 0 && name === 'c' && order.length < 5);
  for (const waiter of [a, b, a, c, b]) turns.join(waiter as Waiter);
  turns.leave(b as Waiter);
  assert.not(turns.isFree(0));
  await turn();
  assert.equal(order, ['a', 'c', 'c', 'c', 'c']);
  assert.ok(turns.isFree(0));
});

function work(name: string, expired: string[]): Work<unknown> {
  const links = { dueMs: 0, earlier: undefined, later: undefined };
  return { ...links, expire: () => expired.push(name) } as unknown as Work<unknown>;
}

/** Deadlines over a clock that is moved by hand. */
function withDeadlines(
  timeoutMs: number,
  act: (deadlines: Deadlines, pass: (ms: number) => void, timers: Timer[]) => void,
): void {
  const { now } = performance;
  let nowMs = 1_000;
  performance.now = () => nowMs;
  try {
    withTimers((timers) => {
      const deadlines = new Deadlines(timeoutMs);
      const dueAt = new Map<Timer, number>();
      const pass = (ms: number) => {
        for (const timer of timers) if (!dueAt.has(timer)) dueAt.set(timer, nowMs + timer.ms);
        nowMs += ms;
        for (const timer of [...timers]) {
          if ((dueAt.get(timer) ?? Number.POSITIVE_INFINITY) > nowMs) continue;
          timers.splice(timers.indexOf(timer), 1);
          timer.run();
        }
        for (const timer of timers) if (!dueAt.has(timer)) dueAt.set(timer, nowMs + timer.ms);
      };
      act(deadlines, pass, timers);
    });
  } finally {
    performance.now = now;
  }
}

test('work expires when its time is up and in the order in which it began, over one timer', () => {
  withDeadlines(100, (deadlines, pass, timers) => {
    const expired: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      deadlines.tick();
      deadlines.add(work(name, expired));
      assert.is(timers.length, 1);
      pass(30);
    }
    pass(9);
    assert.equal(expired, []);
    pass(2);
    assert.equal(expired, ['a']);
    pass(30);
    assert.equal(expired, ['a', 'b']);
    pass(30);
    assert.equal(expired, ['a', 'b', 'c']);
    pass(1_000);
    assert.equal(timers, [], 'no timer is left where nothing runs');
  });
});

test('work that has ended never expires, wherever it stood in the queue, and may be taken out twice', () => {
  const seed = 20_261_125;
  console.log(`seed ${seed}`);
  const random = chance(seed);
  withDeadlines(50, (deadlines, pass) => {
    const expired: string[] = [];
    const running = new Map<string, { one: Work<unknown>; at: number }>();
    const ended = new Set<string>();
    let nowMs = 0;
    for (let i = 0; i < 3_000; i++) {
      if (random() < 0.5) {
        const name = String(i);
        const one = work(name, expired);
        deadlines.tick();
        deadlines.add(one);
        running.set(name, { one, at: nowMs });
      }
      if (random() < 0.4 && running.size > 0) {
        const [name, { one }] = [...running][between(random, 0, running.size - 1)] as [
          string,
          { one: Work<unknown>; at: number },
        ];
        deadlines.remove(one);
        if (random() < 0.2) deadlines.remove(one);
        running.delete(name);
        ended.add(name);
      }
      const ms = between(random, 0, 4);
      nowMs += ms;
      pass(ms);
      for (const name of expired.splice(0)) {
        assert.not(ended.has(name), `${name} had ended`);
        const begun = running.get(name)?.at ?? Number.NaN;
        assert.ok(nowMs - begun >= 49, `${name} expired after ${nowMs - begun} ms`);
        running.delete(name);
      }
      for (const [name, { at }] of running) assert.ok(nowMs - at <= 56, `${name} has run for ${nowMs - at} ms`);
    }
  });
});

test('without a time-out nothing is queued and no timer is set', () => {
  withDeadlines(Number.POSITIVE_INFINITY, (deadlines, pass, timers) => {
    const expired: string[] = [];
    deadlines.tick();
    const one = work('a', expired);
    deadlines.add(one);
    assert.equal(timers, []);
    pass(1e9);
    deadlines.remove(one);
    assert.equal(expired, []);
  });
});

test.run();

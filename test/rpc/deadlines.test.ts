/** The deadlines of a guard: never early, in order, one timer for all, and nothing left behind. Time is faked throughout. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../src/rpc/deadline.js';
import { Deadlines } from '../../src/rpc/deadlines.js';
import { between, chance } from '../support.js';

const SEED = 0xdead_11;
const test = suite('deadlines');

class Noted extends Deadline {
  readonly name: number;
  readonly log: number[];

  constructor(name: number, log: number[]) {
    super();
    this.name = name;
    this.log = log;
  }

  expire(): void {
    this.log.push(this.name);
  }
}

interface FakeTimer {
  readonly atMs: number;
  readonly act: () => void;
  held: boolean;
  ref(): void;
  unref(): void;
}

/** Timers, turns and a clock that move only when they are told to; what was there before comes back after `work`. */
function withFakeTime(work: (time: FakeTime) => void): void {
  const time = new FakeTime();
  const real = { setTimeout, clearTimeout, setImmediate, now: performance.now };
  Object.assign(globalThis, {
    setTimeout: (act: () => void, delayMs: number) => time.set(act, delayMs),
    clearTimeout: (timer: FakeTimer) => time.timers.delete(timer),
    setImmediate: (act: () => void) => time.turns.push(act),
  });
  performance.now = () => time.ms;
  try {
    work(time);
  } finally {
    const { now, ...globals } = real;
    Object.assign(globalThis, globals);
    performance.now = now;
  }
}

class FakeTime {
  ms = 1_000;
  /** How many timers were ever set. */
  everSet = 0;
  readonly timers = new Set<FakeTimer>();
  readonly turns: (() => void)[] = [];

  set(act: () => void, delayMs: number): FakeTimer {
    assert.ok(Number.isInteger(delayMs) && delayMs >= 0, `a delay of ${delayMs} ms`);
    this.everSet++;
    const timer: FakeTimer = {
      atMs: this.ms + delayMs,
      act,
      held: true,
      ref: () => {
        timer.held = true;
      },
      unref: () => {
        timer.held = false;
      },
    };
    this.timers.add(timer);
    return timer;
  }

  endTurn(): void {
    for (const act of this.turns.splice(0)) act();
  }

  /** Ends the turn, and fires what is due on the way. */
  goTo(ms: number): void {
    this.endTurn();
    for (;;) {
      const next = [...this.timers].sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > ms) break;
      this.timers.delete(next);
      this.ms = Math.max(this.ms, next.atMs);
      next.act();
      this.endTurn();
    }
    this.ms = ms;
  }

  /** Whether something keeps the process alive. */
  get isHeld(): boolean {
    return this.turns.length > 0 || [...this.timers].some(({ held }) => held);
  }
}

test('deadlines come in the order in which they began, and none comes early', () => {
  withFakeTime((time) => {
    const log: number[] = [];
    const deadlines = new Deadlines(100);
    for (let i = 0; i < 5; i++) {
      deadlines.add(new Noted(i, log), 100);
      time.goTo(time.ms + 10);
    }
    time.goTo(1_099);
    assert.equal(log, []);
    time.goTo(1_100);
    assert.equal(log, [0]);
    time.goTo(1_129);
    assert.equal(log, [0, 1, 2]);
    time.goTo(1_140);
    assert.equal(log, [0, 1, 2, 3, 4]);
    assert.not(time.isHeld);
  });
});

test('one timer serves all, and those that end in their turn need none', () => {
  withFakeTime((time) => {
    const log: number[] = [];
    const deadlines = new Deadlines(100);
    for (let i = 0; i < 50; i++) {
      const one = new Noted(i, log);
      deadlines.add(one, 100);
      deadlines.remove(one);
    }
    time.endTurn();
    assert.is(time.everSet, 0);
    for (let i = 0; i < 50; i++) deadlines.add(new Noted(i, log), 100);
    assert.is(time.turns.length, 1);
    time.endTurn();
    for (let i = 50; i < 100; i++) deadlines.add(new Noted(i, log), 100);
    time.endTurn();
    assert.is(time.timers.size, 1);
    time.goTo(1_100);
    assert.is(log.length, 100);
    assert.is(time.everSet, 1);
  });
});

test('what keeps the process alive ends with the last call, and comes back with the next', () => {
  withFakeTime((time) => {
    const log: number[] = [];
    const deadlines = new Deadlines(100);
    const [a, b, c] = [new Noted(0, log), new Noted(1, log), new Noted(2, log)];
    deadlines.add(a, 100);
    deadlines.add(b, 100);
    time.goTo(1_050);
    deadlines.remove(a);
    assert.ok(time.isHeld);
    deadlines.remove(b);
    assert.not(time.isHeld, 'nobody waits');
    deadlines.add(c, 100);
    time.endTurn();
    assert.ok(time.isHeld);
    assert.is(time.timers.size, 1, 'the same timer');
    time.goTo(1_149);
    assert.equal(log, [], 'it was set for another, which is gone');
    time.goTo(1_150);
    assert.equal(log, [2]);
    assert.is(time.timers.size, 0);
  });
});

test('a call with a time of its own has a timer of its own, which goes with it', () => {
  withFakeTime((time) => {
    const log: number[] = [];
    const deadlines = new Deadlines(100);
    const own = new Noted(1, log);
    deadlines.add(own, 7);
    deadlines.add(new Noted(2, log), 9);
    assert.is(time.timers.size, 2);
    deadlines.remove(own);
    assert.is(time.timers.size, 1);
    time.goTo(1_009);
    assert.equal(log, [2]);
  });
});

test('a deadline that throws keeps none of the others back', () => {
  withFakeTime((time) => {
    const log: number[] = [];
    const deadlines = new Deadlines(100);
    const bad = new Noted(0, log);
    bad.expire = () => {
      throw new Error('bug');
    };
    deadlines.add(bad, 100);
    deadlines.add(new Noted(1, log), 100);
    time.endTurn();
    assert.throws(() => time.goTo(1_200), 'bug');
    time.goTo(1_300);
    assert.equal(log, [1]);
  });
});

test('where the clock stands still or lies behind the timers, a timer that fires still ends what it was set for', () => {
  withFakeTime((time) => {
    const log: number[] = [];
    const deadlines = new Deadlines(100);
    performance.now = () => 5;
    deadlines.add(new Noted(0, log), 100);
    time.goTo(1_100);
    assert.equal(log, [0]);
  });
});

test('whatever comes and goes, each that stays expires once, in order, within a turn of its time', () => {
  console.log(`deadlines: seed ${SEED}`);
  const random = chance(SEED);
  for (let round = 0; round < 50; round++) {
    withFakeTime((time) => {
      const began = new Map<number, number>();
      const deadlines = new Deadlines(100);
      const running = new Map<number, Noted>();
      const log: number[] = [];
      let names = 0;
      let seen = 0;
      for (let step = 0; step < 400; step++) {
        const act = between(random, 0, 9);
        if (act < 5) {
          const one = new Noted(names, log);
          began.set(names, time.ms);
          running.set(names++, one);
          deadlines.add(one, 100);
        } else if (act < 7 && running.size > 0) {
          const [name] = [...running.keys()].slice(between(random, 0, running.size - 1));
          deadlines.remove(running.get(name as number) as Noted);
          running.delete(name as number);
        } else time.goTo(time.ms + between(random, 1, 40));
        for (; seen < log.length; seen++) {
          const name = log[seen] as number;
          assert.ok(running.delete(name), `${name} was still running`);
          assert.ok(time.ms >= (began.get(name) as number) + 100, `${name} did not come early`);
        }
        const overdue = [...running.keys()].filter((name) => time.ms > (began.get(name) as number) + 140);
        assert.equal(overdue, []);
      }
      assert.equal(
        log,
        [...log].sort((a, b) => a - b),
      );
      time.goTo(time.ms + 200);
      assert.is(log.length - seen, running.size);
      assert.not(time.isHeld);
    });
  }
});

test.run();

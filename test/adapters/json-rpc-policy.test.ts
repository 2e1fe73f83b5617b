/** The adapter's small policies by themselves, with time as a parameter: answers in a second, strikes, sizes. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AnswerBudget } from '../../src/flow/budget.js';
import { frameBytes, frameText } from '../../src/flow/socket.js';
import { Strikes } from '../../src/flow/strikes.js';
import { Untold } from '../../src/flow/untold.js';
import { between, chance } from '../support.js';

const test = suite('policies of the JSON-RPC adapter');

test('the budget: its burst at first, then what time has refilled, and never more than its burst', () => {
  const seed = 20_260_101;
  console.log(`seed ${seed}`);
  const random = chance(seed);
  for (const [perSec, burst] of [
    [1, 1],
    [10, 100],
    [10, 7],
    [1000, 3],
  ] as const) {
    let now = -500;
    const budget = new AnswerBudget(perSec, burst, now);
    // The model counts in whole thousandths of an answer, since time moves in whole milliseconds.
    let left = burst * 1000;
    for (let i = 0; i < 5_000; i++) {
      const passed = random() < 0.01 ? 200_000 : between(random, 0, 60);
      now += passed;
      left = Math.min(left + passed * perSec, burst * 1000);
      const count = between(random, 1, Math.min(burst, 4));
      const may = left >= count * 1000;
      // Where it is a matter of rounding either is right.
      if (Math.abs(left - count * 1000) < 1e-3) {
        if (budget.take(count, now)) left -= count * 1000;
        continue;
      }
      assert.is(budget.take(count, now), may, `${count} of ${left / 1000} at ${now}`);
      if (may) left -= count * 1000;
    }
  }
});

test('the budget: more than its burst at once is never had, none of nothing', () => {
  assert.not(new AnswerBudget(10, 10, 0).take(11, 1e6));
  assert.not(new AnswerBudget(0, 10, 0).take(1, 0));
  assert.not(new AnswerBudget(10, 0, 0).take(1, 1e6));
  const budget = new AnswerBudget(1, 1, 5_000);
  assert.ok(budget.take(1, 5_000));
  assert.not(budget.take(1, 0), 'a clock that runs back gives nothing');
  assert.not(budget.take(1, 5_999));
  assert.ok(budget.take(1, 6_000));
});

test('what a client was not told: due when there is something, at most once a second', () => {
  const untold = new Untold();
  assert.not(untold.isDue(0));
  untold.add();
  untold.add();
  assert.ok(untold.isDue(0));
  assert.is(untold.take(0), 2);
  assert.not(untold.isDue(5_000), 'there is nothing left to tell');
  untold.add();
  assert.is(untold.count, 1);
  assert.not(untold.isDue(999));
  assert.ok(untold.isDue(1_000));
});

test('pauses: none for nine strikes, then longer each time, up to a second', () => {
  const strikes = new Strikes();
  const pauses: number[] = [];
  for (let i = 0; i < 22; i++) {
    strikes.strike(i);
    pauses.push(strikes.pauseMs(Number.POSITIVE_INFINITY));
  }
  assert.equal(pauses.slice(0, 9), new Array(9).fill(0));
  assert.equal(pauses.slice(9), [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000, 1000, 1000]);
});

test('pauses: never longer than the rejection said to wait', () => {
  const strikes = new Strikes();
  for (let i = 0; i < 100; i++) {
    strikes.strike(i);
    assert.ok(strikes.pauseMs(7) <= 7);
  }
  assert.is(strikes.pauseMs(7), 7);
});

test('strikes: forgiven after a quiet second that was not a pause', () => {
  const strikes = new Strikes();
  const pauseAfter = (count: number, now: number) => {
    let pause = 0;
    for (let i = 0; i < count; i++) {
      strikes.strike(now);
      pause = strikes.pauseMs(10_000);
    }
    return pause;
  };
  assert.is(pauseAfter(12, 0), 20);
  strikes.admitted(999);
  assert.is(strikes.count, 12);
  strikes.resumed(900);
  strikes.admitted(1_899);
  assert.is(strikes.count, 12, 'the silence of a pause is not its own');
  strikes.admitted(1_900);
  assert.is(strikes.count, 0);
  assert.is(pauseAfter(10, 2_000), 5, 'and the pauses begin anew');
});

test('sizes are those of the bytes, whatever the form', () => {
  const bytes = new TextEncoder().encode('aü€😀');
  assert.is(bytes.length, 10);
  for (const [form, data] of [
    ['text', 'aü€😀'],
    ['bytes', bytes],
    ['a buffer', bytes.slice().buffer],
    ['fragments', [bytes.subarray(0, 2), bytes.subarray(2, 7), bytes.subarray(7)]],
  ] as const) {
    assert.is(frameText(data), 'aü€😀', form);
    for (const limit of [10, 20]) assert.ok(frameBytes(data, limit) <= limit, `${form} fits ${limit}`);
    for (const limit of [1, 5, 9]) assert.ok(frameBytes(data, limit) > limit, `${form} does not fit ${limit}`);
  }
  assert.throws(
    () => frameText(new Uint8Array([0xff])),
    (error: unknown) => error instanceof TypeError,
  );
  assert.throws(
    () => frameText([bytes.subarray(0, 2)]),
    (error: unknown) => error instanceof TypeError,
  );
});

test.run();

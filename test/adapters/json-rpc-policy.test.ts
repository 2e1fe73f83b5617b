/** The adapter's small policies by themselves, with time as a parameter: answers in a second, strikes, sizes. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AnswerBudget } from '../../src/adapters/json-rpc/budget.js';
import { frameBytes, frameText } from '../../src/adapters/json-rpc/socket.js';
import { Strikes } from '../../src/adapters/json-rpc/strikes.js';
import { between, chance } from '../support.js';

const test = suite('policies of the JSON-RPC adapter');

test('the budget: never more than its limit in any second, and all of it in every quiet one', () => {
  const seed = 20_260_101;
  console.log(`seed ${seed}`);
  const random = chance(seed);
  for (const limit of [1, 2, 10, 37]) {
    const budget = new AnswerBudget(limit);
    const taken: number[] = [];
    let now = -500;
    for (let i = 0; i < 5_000; i++) {
      now += random() < 0.01 ? 2_000 : random() * 60;
      const count = between(random, 1, Math.min(limit, 4));
      const recent = taken.filter((at) => now - at < 1_000).length;
      const may = budget.take(count, now);
      assert.is(may, recent + count <= limit, `${recent} + ${count} of ${limit} at ${now}`);
      if (may) for (let n = 0; n < count; n++) taken.push(now);
    }
  }
});

test('the budget: more than its limit at once is never had, none of nothing, none at no time', () => {
  assert.not(new AnswerBudget(10).take(11, 0));
  assert.not(new AnswerBudget(0).take(1, 0));
  assert.not(new AnswerBudget(10).take(1, Number.NaN));
  const budget = new AnswerBudget(1);
  assert.ok(budget.take(1, 5_000));
  assert.not(budget.take(1, 0), 'a clock that runs back gives nothing');
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

/** The options of guarded connections: their defaults and their bounds are those that the documentation names. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { settingsOf } from '../../src/adapters/json-rpc/options.js';
import { flowSettings } from '../../src/flow/options.js';
import { ConfigError } from '../../src/index.js';
import { thrownBy } from '../support.js';

const test = suite('options of connections');

test('without options every default is in force', () => {
  assert.equal(flowSettings({}, 200), {
    maxFrameBytes: 65_536,
    maxInFlight: 128,
    maxRejectionsPerSec: 10,
    maxRejectionBurst: 200,
    maxStrikes: Number.POSITIVE_INFINITY,
    maxBufferedBytes: 16_777_216,
    stallTimeoutMs: 30_000,
    notifyRejections: true,
  });
  const [own] = settingsOf({});
  assert.equal([own.maxBatch, own.maxBatchAnswerBytes], [100, 16_777_216]);
});

test('the burst of answered rejections is that of the limiter, from 100 to 1 000', () => {
  const burst = (burstSize: number) => flowSettings({}, burstSize).maxRejectionBurst;
  assert.equal([1, 99, 100, 101, 999, 1_000, 1_001].map(burst), [100, 100, 100, 101, 999, 1_000, 1_000]);
  assert.is(flowSettings({ maxRejectionBurst: 5 }, 200).maxRejectionBurst, 5);
});

test('each number is accepted up to its bounds, and refused beyond them with the bounds named', () => {
  const check = (name: string, least: number, most: number, take: (options: object) => object) => {
    for (const value of [least, most]) assert.is((take({ [name]: value }) as Record<string, unknown>)[name], value);
    for (const value of [least - 1, most + 1, least + 0.5, Number.NaN, '1']) {
      const error = thrownBy(() => take({ [name]: value }));
      assert.instance(error, ConfigError);
      assert.is(error.field, name);
      assert.match(error.message, `an integer from ${least} to ${most}`);
    }
  };
  const flow = (options: object) => flowSettings(options, 200);
  check('maxFrameBytes', 1, 2 ** 29, flow);
  check('maxInFlight', 1, 2 ** 20, flow);
  check('maxRejectionsPerSec', 0, 1_000, flow);
  check('maxRejectionBurst', 0, 1_000, flow);
  check('maxStrikes', 1, 2 ** 31, flow);
  check('maxBufferedBytes', 1, 2 ** 40, flow);
  check('stallTimeoutMs', 1, 2 ** 31 - 1, flow);
  check('maxBatch', 1, 2 ** 20, (options) => settingsOf(options)[0]);
  check('maxBatchAnswerBytes', 1, 2 ** 28, (options) => settingsOf(options)[0]);
});

test('whether clients are told is true or false', () => {
  assert.is(flowSettings({ notifyRejections: false }, 200).notifyRejections, false);
  assert.instance(
    thrownBy(() => flowSettings({ notifyRejections: 1 as never }, 200)),
    ConfigError,
  );
});

test.run();

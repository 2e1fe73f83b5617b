/** Loggers, tracers, meters and registries that fail: what is observed goes on, and nothing is left half done. */

import { Counter, Registry } from 'prom-client';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RateLimiter, RpcGuard } from '../../src/index.js';
import { observe } from '../../src/telemetry/index.js';
import { registerPrometheus } from '../../src/telemetry/prometheus.js';
import { fakeIntervals } from '../intervals.js';
import { revoked, thrownBy } from '../support.js';

const test = suite('telemetry that fails');

const limiterOf = () => new RateLimiter({ maxPeers: 8, maxRequestsPerSec: 1, burstSize: 3, clock: () => 0 });
const logger = { warn() {}, info() {}, debug() {} };
const fail = (): never => {
  throw new Error('of a tool');
};
const meter = {
  createObservableCounter: () => ({}),
  createObservableUpDownCounter: () => ({}),
  createObservableGauge: () => ({}),
  addBatchObservableCallback() {},
  removeBatchObservableCallback() {},
};
const span = { addEvent() {}, setStatus() {}, recordException() {}, end() {} };
const tracerOf = (given: object) =>
  ({ startActiveSpan: (_name: string, _options: object, act: (span: object) => unknown) => act(given) }) as never;

/** What came to light as uncaught exceptions while `act` ran. */
async function uncaughtOf(act: () => Promise<unknown>): Promise<string[]> {
  const uncaught: string[] = [];
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => uncaught.push(error.message));
  try {
    await act();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const other of others) process.on('uncaughtException', other);
  }
  return uncaught;
}

test('where observing cannot begin, nothing of it stays: no listener, no timer, no span', () => {
  const { intervals, restore } = fakeIntervals();
  const closed = limiterOf();
  closed.close();
  assert.is(thrownBy(() => observe(closed, { logger })).code, 'ERR_PEERGATE_CLOSED');
  assert.is(closed.arounds.length, 0);
  const limiter = limiterOf();
  for (const method of ['createObservableGauge', 'addBatchObservableCallback']) {
    const error = thrownBy(() => observe(limiter, { logger, meter: { ...meter, [method]: fail } }));
    assert.is(error.message, 'of a tool');
  }
  assert.is(limiter.arounds.length, 0);
  assert.is(intervals.length, 0);
  restore();
});

test('a logger that fails at the end keeps nothing else from ending, and its error is thrown', () => {
  const limiter = limiterOf();
  let removed = 0;
  let isFull = false;
  const warn = () => {
    if (isFull) fail();
  };
  const removeBatchObservableCallback = () => {
    removed++;
  };
  const observer = observe(limiter, {
    logger: { ...logger, warn },
    meter: { ...meter, removeBatchObservableCallback },
  });
  for (let i = 0; i < 9; i++) limiter.check('a');
  isFull = true;
  assert.is(thrownBy(() => observer.close()).message, 'of a tool');
  assert.equal([removed, limiter.arounds.length], [1, 0]);
  observer.close();
  assert.is(removed, 1);
});

test('a logger that fails in a check does not stop the check, and its error comes to light', async () => {
  const limiter = limiterOf();
  observe(limiter, { logger: { ...logger, warn: fail } });
  const uncaught = await uncaughtOf(async () => {
    for (let i = 0; i < 3; i++) assert.ok(limiter.allows('a'));
    assert.not(limiter.allows('a'));
  });
  assert.equal(uncaught, ['of a tool']);
});

test('a call goes on, whatever a tracer does, and the tracer’s error comes to light', async () => {
  for (const [options, most] of [
    [{ tracer: { startActiveSpan: fail } }, 1],
    [{ tracer: tracerOf({ ...span, end: fail }) }, 1],
    [{ tracer: tracerOf(span), peerAttribute: fail }, 1],
    [{ tracer: { startActiveSpan: () => {} } }, 0],
  ] as const) {
    const limiter = limiterOf();
    observe(limiter, options as never);
    let calls = 0;
    const uncaught = await uncaughtOf(async () => assert.is(await new RpcGuard(limiter).run('a', () => ++calls), 1));
    assert.is(calls, 1);
    assert.equal(uncaught, Array(most).fill('of a tool'));
  }
  const limiter = limiterOf();
  observe(limiter, { tracer: tracerOf({ addEvent: fail, setStatus: fail, recordException: fail, end: fail }) });
  const uncaught = await uncaughtOf(async () => {
    const guard = new RpcGuard(limiter);
    const failure = new Error('of the handler');
    assert.is(await guard.run('a', () => Promise.reject(failure)).catch((error) => error), failure);
    limiter.check('a', 2);
    assert.match(String(await guard.run('a', () => 1).catch((error) => error)), /rate/i);
  });
  assert.is(uncaught.length, 3 + 2);
});

test('a handler may throw anything, and that is what the caller gets', async () => {
  const unreadable = Object.defineProperty(new Error('hidden'), 'message', { get: fail });
  for (const thrown of [Object.create(null), Symbol('x'), undefined, null, 1n, unreadable, revoked({})]) {
    const limiter = limiterOf();
    let ended = 0;
    const end = () => {
      ended++;
    };
    observe(limiter, { tracer: tracerOf({ ...span, end }) });
    const uncaught = await uncaughtOf(async () => {
      const [got] = await new RpcGuard(limiter)
        .run(
          'a',
          () => {
            throw thrown;
          },
          { classify: () => 'failure' },
        )
        .then(
          () => [],
          (error) => [error],
        );
      assert.ok(Object.is(got, thrown));
    });
    assert.equal([uncaught, ended], [[], 1]);
  }
});

test('a registry that has one of the names keeps it and gets none of the others', async () => {
  const limiter = limiterOf();
  const registry = new Registry();
  const own = new Counter({ name: 'peergate_results_stale_total', help: 'another', registers: [registry] });
  assert.match(thrownBy(() => registerPrometheus(limiter, registry)).message, /already been registered/);
  assert.equal(registry.getMetricsAsArray(), [own as never]);
  registry.removeSingleMetric('peergate_results_stale_total');
  registerPrometheus(limiter, registry);
  assert.match(await registry.metrics(), /peergate_decisions_total\{limiter="default"/);
});

test('a limiter can be registered again in a registry that was cleared', async () => {
  const limiter = limiterOf();
  const registry = new Registry();
  const unregister = registerPrometheus(limiter, registry);
  registry.clear();
  registerPrometheus(limiter, registry);
  assert.match(await registry.metrics(), /peergate_decisions_total\{limiter="default"/);
  registry.clear();
  const own = new Counter({ name: 'peergate_results_stale_total', help: 'another', registers: [registry] });
  unregister();
  assert.equal(registry.getMetricsAsArray(), [own as never], 'what somebody else has put there stays');
});

test('what is half a tool is refused before anything begins', () => {
  const limiter = limiterOf();
  for (const missing of Object.keys(meter)) {
    const error = thrownBy(() => observe(limiter, { meter: { ...meter, [missing]: undefined } as never }));
    assert.match(error.message, /^meter: expected a Meter/);
  }
  assert.match(
    thrownBy(() => observe(limiter, { logger: { ...logger, isLevelEnabled: true } as never })).message,
    /isLevelEnabled/,
  );
  assert.match(thrownBy(() => registerPrometheus(limiter, { registerMetric() {} } as never)).message, /a Registry/);
  assert.match(thrownBy(() => limiter.subscribe(() => {}, { allThreads: 'yes' as never })).message, /a boolean/);
  for (const name of ['', {}, undefined]) {
    assert.match(thrownBy(() => limiter.rejectionsBy(name as never)).message, /^adapter: expected a name/);
  }
  assert.is(limiter.rejections.size, 0);
  assert.is(limiter.arounds.length, 0);
});

test.run();

/** RateLimiterConfig: defaults, presets, what is refused and how; the caller's object is never changed. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError, presets, RateLimiter, type RateLimiterConfig } from '../src/index.js';
import { coreModule } from '../src/wasm/module.js';
import { engines } from './engines.js';
import { thrownBy } from './support.js';

const DEFAULTS = {
  maxRequestsPerSec: 100,
  burstSize: 200,
  circuitBreakerThreshold: 10,
  circuitBreakerTimeoutMs: 30_000,
  halfOpenProbes: 1,
  probeTimeoutMs: 30_000,
  maxPeers: 65_536,
  onFull: 'overflow',
};

const LONGEST_MS = 2 ** 31 - 1;
const TEN_YEARS_SEC = 10 * 365 * 86_400;

/** For each field, values just inside its bounds, and values just outside or of another kind. */
const fields: Record<string, { good: readonly unknown[]; bad: readonly unknown[] }> = {
  maxRequestsPerSec: {
    good: [1e6, 1, 0.5, 0.1, 1 / 3],
    bad: [0, -0, -1, 1_000_000.0001, 1e300],
  },
  burstSize: {
    good: [1, 2, 2 ** 32, 100 * TEN_YEARS_SEC],
    bad: [0, -1, 1.5, 0.999, 2 ** 60, 1e300, 101 * 366 * 86_400 * 10],
  },
  circuitBreakerThreshold: { good: [1, 2 ** 30], bad: [0, -1, 1.5, 2 ** 30 + 1] },
  circuitBreakerTimeoutMs: {
    good: [0.001, Number.MIN_VALUE, 1, LONGEST_MS],
    bad: [0, -0, -1, LONGEST_MS + 0.5, 2 ** 31],
  },
  halfOpenProbes: { good: [1, 15], bad: [0, -1, 1.5, 16] },
  probeTimeoutMs: { good: [0.001, Number.MIN_VALUE, 1, LONGEST_MS], bad: [0, -0, -1, LONGEST_MS + 0.5, 2 ** 31] },
  maxPeers: { good: [1, 2, 3, 65_537], bad: [0, -1, 1.5, 16_777_217, 2 ** 32] },
  onFull: { good: ['overflow', 'reject'], bad: ['', 'Overflow', 'drop', 'toString'] },
  clock: { good: [() => 0, Date.now], bad: ['now', 0, {}] },
  module: { good: [], bad: [{}, new Uint8Array(8), 'core.wasm', 0] },
};

const numeric = Object.keys(fields).filter((field) => typeof DEFAULTS[field as keyof typeof DEFAULTS] === 'number');
const OF_NO_KIND = [null, true, {}, [], 10n, Symbol('ten')];
const NOT_NUMBERS = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, '10', () => 1];

for (const { name, using } of engines) {
  const test = suite(`configuration (${name})`);
  const limiterOf = (options: object) => new RateLimiter({ maxPeers: 4, ...using, ...options } as RateLimiterConfig);

  test('every field is optional, and the defaults are the documented ones', () => {
    const { config } = new RateLimiter({ ...using });
    for (const [field, value] of Object.entries(DEFAULTS))
      assert.is(config[field as keyof typeof config], value, field);
  });

  test('a field that is undefined takes its default', () => {
    const options = Object.fromEntries(Object.keys(DEFAULTS).map((field) => [field, undefined]));
    const { config } = new RateLimiter({ ...options, clock: undefined, ...using } as unknown as RateLimiterConfig);
    for (const [field, value] of Object.entries(DEFAULTS))
      assert.is(config[field as keyof typeof config], value, field);
  });

  test('the presets are the three configurations of the specification', () => {
    const core = ({ config }: RateLimiter) => [
      config.maxRequestsPerSec,
      config.burstSize,
      config.circuitBreakerThreshold,
      config.circuitBreakerTimeoutMs,
    ];
    assert.equal(core(limiterOf(presets.default)), [100, 200, 10, 30_000]);
    assert.equal(core(limiterOf(presets.lenient)), [1_000, 2_000, 50, 60_000]);
    assert.equal(core(limiterOf(presets.strict)), [10, 20, 3, 300_000]);
  });

  test('the presets are frozen', () => {
    for (const preset of [presets.default, presets.lenient, presets.strict]) assert.ok(Object.isFrozen(preset));
    assert.ok(Object.isFrozen(presets));
  });

  test('the configuration in force is frozen', () => {
    const limiter = limiterOf({});
    assert.ok(Object.isFrozen(limiter.config));
    limiter.configure({ burstSize: 7 }, 0);
    assert.ok(Object.isFrozen(limiter.config));
    assert.is(limiter.config.burstSize, 7);
  });

  test("the caller's object is never changed, and changing it later has no effect", () => {
    const options = { burstSize: 3, maxPeers: 4, ...using };
    const before = { ...options };
    const limiter = new RateLimiter(options);
    assert.equal(Object.keys(options), Object.keys(before));
    assert.is(options.burstSize, 3);
    options.burstSize = 99;
    assert.is(limiter.config.burstSize, 3);
    assert.not.throws(() => limiterOf(Object.freeze({ burstSize: 3 })));
    const changes = Object.freeze({ burstSize: 4 });
    limiter.configure(changes, 0);
    assert.equal(changes, { burstSize: 4 });
  });

  for (const [field, { good, bad }] of Object.entries(fields)) {
    test(`${field}: values just inside its bounds are accepted`, () => {
      for (const value of good)
        assert.is(limiterOf({ [field]: value }).config[field as 'burstSize'], value, String(value));
    });

    test(`${field}: anything else throws a ConfigError that names it`, () => {
      const others = numeric.includes(field) ? [...OF_NO_KIND, ...NOT_NUMBERS] : OF_NO_KIND;
      for (const value of [...bad, ...others]) {
        const error = thrownBy(() => limiterOf({ [field]: value }));
        assert.instance(error, ConfigError, `${field}: ${String(value)} gave ${error}`);
        assert.instance(error, RangeError);
        assert.is(error.code, 'ERR_PEERGATE_CONFIG');
        assert.is(error.field, field);
        assert.ok(error.message.includes(field), `the message names the field: ${error.message}`);
      }
    });
  }

  test('the message of a ConfigError says which value came', () => {
    assert.match(thrownBy(() => limiterOf({ burstSize: -17 })).message, '-17');
    assert.match(thrownBy(() => limiterOf({ onFull: 'drop' })).message, 'drop');
    assert.match(thrownBy(() => limiterOf({ maxRequestsPerSec: Number.NaN })).message, 'NaN');
  });

  test('a bucket that takes more than ten years to fill is refused, whichever field causes it', () => {
    assert.not.throws(() => limiterOf({ maxRequestsPerSec: 1, burstSize: TEN_YEARS_SEC }));
    assert.instance(
      thrownBy(() => limiterOf({ maxRequestsPerSec: 1, burstSize: 366 * 10 * 86_400 })),
      ConfigError,
    );
    assert.instance(
      thrownBy(() => limiterOf({ maxRequestsPerSec: 1e-300 })),
      ConfigError,
    );
    assert.instance(
      thrownBy(() => limiterOf({ maxRequestsPerSec: Number.MIN_VALUE })),
      ConfigError,
    );
  });

  test('options that are not an object throw a ConfigError or a TypeError', () => {
    for (const options of [null, 5, 'strict', true]) {
      const error = thrownBy(() => new RateLimiter(options as unknown as RateLimiterConfig));
      assert.ok(error instanceof ConfigError || error instanceof TypeError, `${String(options)} gave ${error}`);
    }
  });

  test('every method that takes options refuses an unknown field and names the nearest one that exists', () => {
    const limiter = limiterOf({});
    const shared = new RateLimiter({ shared: true, maxPeers: 4 });
    const ticket = shared.share();
    const bytes = limiter.snapshot();
    const calls: Record<string, () => unknown> = {
      'new RateLimiter': () => limiterOf({ maxRequestPerSec: 5 }),
      configure: () => limiter.configure({ maxRequestPerSec: 5 } as RateLimiterConfig, 0),
      restore: () => RateLimiter.restore(bytes, { maxRequestPerSec: 5, ...using } as RateLimiterConfig),
      'restore, with the field undefined': () =>
        RateLimiter.restore(bytes, { maxRequestPerSec: undefined, ...using } as RateLimiterConfig),
    };
    for (const [what, call] of Object.entries(calls)) {
      const error = thrownBy(call);
      assert.instance(error, ConfigError, `${what} gave ${error}`);
      assert.is(error.field, 'maxRequestPerSec');
      assert.match(error.message, 'did you mean maxRequestsPerSec?');
    }
    assert.is(limiter.config.maxRequestsPerSec, 100);
    const attach = thrownBy(() => RateLimiter.attach(ticket, { clok: () => 0 } as object));
    assert.match(attach.message, 'did you mean clock?');
    assert.not.throws(() => RateLimiter.attach(ticket, { clock: () => 0 }), 'the ticket was not used up');
    for (const options of [null, 5]) {
      assert.instance(
        thrownBy(() => RateLimiter.restore(bytes, options as unknown as RateLimiterConfig)),
        ConfigError,
      );
    }
  });

  test('maxPeers can be 16 777 216 and not more', () => {
    assert.is(limiterOf({ maxPeers: 16_777_216 }).config.maxPeers, 16_777_216);
    assert.throws(
      () => limiterOf({ maxPeers: 16_777_217 }),
      (error: Error) => error instanceof ConfigError,
    );
  });

  test('the default clock is performance.now', () => {
    const limiter = new RateLimiter({ burstSize: 1, maxRequestsPerSec: 0.001, maxPeers: 1, ...using });
    const before = performance.now();
    const { clock } = limiter.config;
    assert.type(clock, 'function');
    const read = clock();
    assert.ok(read >= before && read <= performance.now());
  });

  test('the clock is read only if no time is given', () => {
    let reads = 0;
    const limiter = limiterOf({ clock: () => ++reads });
    limiter.check('peer', 1, 5);
    limiter.recordSuccess('peer', undefined, 5);
    limiter.getAvailableTokens('peer', 5);
    const quiet = reads;
    limiter.check('peer');
    assert.is(reads, quiet + 1);
  });

  test.run();
}

const embedded = suite('configuration (embedded module)');

embedded('a RateLimiterConfig may leave out whatever it likes', () => {
  const config: RateLimiterConfig = { maxPeers: 10 };
  assert.is(new RateLimiter(config).config.maxPeers, 10);
  const none: RateLimiterConfig = {};
  assert.is(new RateLimiter(none).config.maxPeers, 65_536);
});

embedded('without options a limiter is made of the embedded module, synchronously', () => {
  const limiter = new RateLimiter();
  assert.ok(limiter.check('peer') >= 0);
  assert.is(limiter.config.maxPeers, 65_536);
});

embedded('each of the two cores is compiled once', () => {
  assert.is(coreModule(false), coreModule(false));
  assert.is(coreModule(true), coreModule(true));
  assert.is.not(coreModule(true), coreModule(false));
});

embedded.run();

/**
 * The facade called with arbitrary values in every place. A call either works or throws a TypeError or RangeError with a
 * stable code. A call that throws has changed nothing.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError, type Peer, RateLimiter } from '../src/index.js';
import { engines } from './engines.js';
import { between, chance, everything, pick } from './support.js';

const SEED = 0x5eed_0006;
const CALLS = 20_000;

const ODD: readonly unknown[] = [
  ...[
    undefined,
    null,
    true,
    false,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    0,
    -0,
    1,
    -1,
    1.5,
    2,
    1e300,
  ],
  ...[
    2 ** 30,
    -(2 ** 30),
    2 ** 30 - 1,
    -(2 ** 30) - 1,
    2 ** 31,
    -(2 ** 31),
    2 ** 41,
    -(2 ** 41),
    2 ** 53,
    Number.MIN_VALUE,
  ],
  ...[
    '',
    'peer',
    '1',
    '\ud800',
    'a'.repeat(1_024),
    'a'.repeat(1_025),
    'é'.repeat(513),
    10n,
    Symbol('s'),
    {},
    [],
    [1],
    () => 1,
  ],
  ...[
    new Uint8Array(0),
    new Uint8Array([255]),
    new Uint8Array(1_025),
    new Uint16Array(2),
    new ArrayBuffer(2),
    new Date(0),
  ],
  ...[
    Buffer.from('peer'),
    new DataView(new ArrayBuffer(4)),
    Object(1),
    Object('peer'),
    { valueOf: () => 1 },
    new Proxy({}, {}),
  ],
  ...[new Int32Array(0), new Int32Array(4), new Float64Array(4), Object.create(null), new Map(), /x/],
];

const METHODS = [
  ...['check', 'checkMany', 'recordSuccess', 'recordFailure', 'recordIgnored', 'refund', 'getCircuitState'],
  ...['getAvailableTokens', 'peers', 'removePeer', 'configure', 'peer'],
] as const;
const HANDLE_METHODS = ['check', 'recordSuccess', 'recordFailure', 'recordIgnored', 'refund', 'release'] as const;
const FIELDS = [
  ...['maxRequestsPerSec', 'burstSize', 'circuitBreakerThreshold', 'circuitBreakerTimeoutMs', 'halfOpenProbes'],
  ...['probeTimeoutMs', 'maxPeers', 'onFull', 'clock', 'module'],
] as const;

type AnyMethod = (...args: unknown[]) => unknown;

/** The call's error, if it threw one, after a look at its kind. */
function errorOf(what: string, call: () => unknown): Error | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof TypeError || error instanceof RangeError, `${what} threw ${error}`);
    assert.match(
      String((error as { code?: unknown }).code),
      /^ERR_PEERGATE_[A-Z_]+$/,
      `${what} threw ${error} without a code`,
    );
    assert.ok(error.message.length > 10, `${what} threw without a word`);
    return error;
  }
}

for (const { name, using } of engines) {
  const test = suite(`facade with anything (${name})`);
  const state = (limiter: RateLimiter) => JSON.stringify(everything(limiter, 5_000));

  test('each method works, or throws an error with a code and changes nothing', () => {
    console.log(`facade (${name}): seed ${SEED}`);
    const random = chance(SEED);
    const limiter = new RateLimiter({ maxPeers: 4, burstSize: 5, clock: () => 5_000, ...using });
    const handle = limiter.peer('peer', 0);
    const arrays = [[handle], [handle, 'peer'], ['peer'], [undefined], [handle, handle, handle, handle, handle], [{}]];
    const argument = () =>
      random() < 0.4 ? pick(random, ['peer', 'other', 1, 2, 4_000, handle, ...arrays]) : pick(random, ODD);
    let thrown = 0;
    for (let i = 0; i < CALLS; i++) {
      const onHandle = random() < 0.4;
      const target = (onHandle ? handle : limiter) as unknown as Record<string, AnyMethod>;
      const method = pick<string>(random, onHandle ? HANDLE_METHODS : METHODS);
      const args = Array.from({ length: between(random, 0, 4) }, argument);
      const before = state(limiter);
      if (errorOf(method, () => target[method]?.(...args)) === undefined) continue;
      thrown++;
      assert.is(state(limiter), before, `${method} threw and changed something`);
    }
    assert.ok(thrown > CALLS / 4 && thrown < CALLS, `${thrown} of ${CALLS} threw`);
  });

  test('the constructor and configure accept all of their options or throw a ConfigError', () => {
    const random = chance(SEED + 1);
    const limiter = new RateLimiter({ maxPeers: 4, clock: () => 5_000, ...using });
    for (let i = 0; i < CALLS / 10; i++) {
      const options: Record<string, unknown> = {};
      for (let j = between(random, 0, 3); j > 0; j--) options[pick(random, FIELDS)] = pick(random, ODD);
      const before = state(limiter);
      const refused = [
        errorOf('configure', () => limiter.configure(options as object, 5_000)),
        errorOf('new', () => new RateLimiter({ maxPeers: 4, ...using, ...options })),
      ];
      for (const error of refused) if (error !== undefined) assert.instance(error, ConfigError);
      if (refused[0] !== undefined) assert.is(state(limiter), before, 'configure threw and changed something');
    }
  });

  test('an object that imitates a handle is refused', () => {
    const limiter = new RateLimiter({ maxPeers: 4, clock: () => 0, ...using });
    const forged = Object.create(Object.getPrototypeOf(limiter.peer('peer', 0))) as Peer;
    assert.instance(
      errorOf('checkMany', () => limiter.checkMany([forged], new Int32Array(1), 1, 0)),
      TypeError,
    );
  });

  test.run();
}

// The configuration: its fields, their defaults and bounds, and the spec's three presets.

import { type Clock, monotonicClock } from './clock.js';
import { ConfigError } from './errors.js';
import { MAX_PEERS } from './wasm/core.js';

/** What a new peer gets when it finds no row. */
export type OnFull = 'overflow' | 'reject';

/** The limits, which `configure` can change on a live table. */
export interface Limits {
  /** Tokens a second that a peer's bucket regains; 0 < x ≤ 10⁶, may be fractional. Default 100. */
  readonly maxRequestsPerSec: number;
  /** The bucket's capacity in tokens; an integer ≥ 1, at most ten years of `maxRequestsPerSec`. Default 200. */
  readonly burstSize: number;
  /** Consecutive failures that open the circuit; an integer 1 … 2³⁰. Default 10. */
  readonly circuitBreakerThreshold: number;
  /** How long an open circuit waits before it may be probed, in ms; 0 < x ≤ 2³¹ − 1. Default 30 000. */
  readonly circuitBreakerTimeoutMs: number;
  /** Requests let through at once while half-open; an integer 1 … 15. Default 1. */
  readonly halfOpenProbes: number;
  /** How long a half-open circuit waits for its probes, from the last one let through, in ms; 0 < x ≤ 2³¹ − 1. Default 30 000. */
  readonly probeTimeoutMs: number;
  /**
   * A new peer when no row is free and none of the next 64 under the reclaiming hand can be reclaimed: `'overflow'`, it
   * shares one bucket with all others that found no row; `'reject'`, it is rejected as `table_full`. Default `'overflow'`.
   */
  readonly onFull: OnFull;
}

/** The configuration in force. */
export interface ResolvedConfig extends Limits {
  /** Rows reserved up front; the table never grows past it. An integer 1 … 16 777 216. Default 65 536. */
  readonly maxPeers: number;
  /** Milliseconds, monotonic. Default `performance.now`. */
  readonly clock: Clock;
  /** Whether other threads can join the table, with `share()` and `RateLimiter.attach()`. Default false. */
  readonly shared: boolean;
  /** A core compiled elsewhere, where bytes may not be compiled. Default: the embedded one. */
  readonly module?: WebAssembly.Module;
}

/** What `new RateLimiter` takes: any part of the configuration. */
export type RateLimiterConfig = { readonly [K in keyof ResolvedConfig]?: ResolvedConfig[K] | undefined };

/** What `configure` takes: any part of the limits. */
export type LimitsUpdate = { readonly [K in keyof Limits]?: Limits[K] | undefined };

type Preset = Pick<Limits, 'maxRequestsPerSec' | 'burstSize' | 'circuitBreakerThreshold' | 'circuitBreakerTimeoutMs'>;

function preset(rate: number, burst: number, threshold: number, timeoutMs: number): Preset {
  return Object.freeze({
    maxRequestsPerSec: rate,
    burstSize: burst,
    circuitBreakerThreshold: threshold,
    circuitBreakerTimeoutMs: timeoutMs,
  });
}

/** Three configurations to start from: balanced, for high traffic, and against abuse. Frozen. */
export const presets: { readonly default: Preset; readonly lenient: Preset; readonly strict: Preset } = Object.freeze({
  default: preset(100, 200, 10, 30_000),
  lenient: preset(1000, 2000, 50, 60_000),
  strict: preset(10, 20, 3, 300_000),
});

const DEFAULTS: ResolvedConfig = {
  ...presets.default,
  halfOpenProbes: 1,
  probeTimeoutMs: 30_000,
  maxPeers: 65_536,
  onFull: 'overflow',
  clock: monotonicClock,
  shared: false,
};

const MAX_RATE = 1e6;
const MAX_TIMEOUT_MS = 2 ** 31 - 1;
const MAX_REFILL_SEC = 10 * 365.25 * 86_400;

type Rule = readonly [expected: string, holds: (value: unknown) => boolean];

const positive = (most: number, expected: string): Rule => [
  expected,
  (value) => typeof value === 'number' && value > 0 && value <= most,
];

const whole = (most: number, expected: string): Rule => [
  expected,
  (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most,
];

const RULES: { readonly [K in keyof ResolvedConfig]-?: Rule } = {
  maxRequestsPerSec: positive(MAX_RATE, 'a number above 0 and at most 1000000'),
  burstSize: whole(Number.MAX_SAFE_INTEGER, 'an integer of at least 1'),
  circuitBreakerThreshold: whole(2 ** 30, 'an integer from 1 to 2^30'),
  circuitBreakerTimeoutMs: positive(MAX_TIMEOUT_MS, 'milliseconds above 0 and at most 2^31 - 1'),
  halfOpenProbes: whole(15, 'an integer from 1 to 15'),
  probeTimeoutMs: positive(MAX_TIMEOUT_MS, 'milliseconds above 0 and at most 2^31 - 1'),
  maxPeers: whole(MAX_PEERS, `an integer from 1 to ${MAX_PEERS}`),
  onFull: ["'overflow' or 'reject'", (value) => value === 'overflow' || value === 'reject'],
  clock: ['a function that returns milliseconds', (value) => typeof value === 'function'],
  shared: ['true or false', (value) => typeof value === 'boolean'],
  module: ['a WebAssembly.Module', (value) => value instanceof WebAssembly.Module],
};

const FIXED = ['maxPeers', 'clock', 'shared', 'module'] as const;

/**
 * A whole configuration, frozen, from the fields that were given.
 *
 * @throws ConfigError that names the first field that is out of its bounds.
 */
export function resolveConfig(options: RateLimiterConfig): ResolvedConfig {
  return merge(DEFAULTS, options);
}

/** The configuration with new limits. @throws ConfigError, also for a field that a live table cannot change. */
export function updateConfig(config: ResolvedConfig, update: LimitsUpdate): ResolvedConfig {
  const next = merge(config, update);
  for (const field of FIXED) {
    if (next[field] !== config[field]) {
      throw new ConfigError(field, 'no change, because a live table keeps it', next[field]);
    }
  }
  return next;
}

function merge(base: ResolvedConfig, given: RateLimiterConfig): ResolvedConfig {
  if (typeof given !== 'object' || given === null) throw new ConfigError('options', 'an object', given);
  const merged: Record<string, unknown> = { ...base };
  for (const [field, [expected, holds]] of Object.entries(RULES)) {
    const value = given[field as keyof ResolvedConfig];
    if (value === undefined) continue;
    if (!holds(value)) throw new ConfigError(field, expected, value);
    merged[field] = value;
  }
  const config = merged as unknown as ResolvedConfig;
  if (config.burstSize / config.maxRequestsPerSec > MAX_REFILL_SEC) {
    throw new ConfigError('burstSize', 'at most ten years of maxRequestsPerSec', config.burstSize);
  }
  return Object.freeze(config);
}

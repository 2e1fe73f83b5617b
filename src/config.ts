// The configuration: its fields, their defaults and bounds, and three presets.

import { type Clock, monotonicClock } from './clock.js';
import { ConfigError } from './errors.js';
import { requireKnownFields } from './options.js';
import { MAX_PEERS } from './wasm/core.js';

/** What a new peer gets when it finds no row. */
export type OnFull = 'overflow' | 'reject';

/** The limits, which `configure` can change on a live table. */
export interface Limits {
  /** Tokens per second that a peer's bucket regains; 0 < x ≤ 10⁶, may be fractional. Default 100. */
  readonly maxRequestsPerSec: number;
  /** The bucket's capacity in tokens; an integer ≥ 1, at most ten years of `maxRequestsPerSec`. Default 200. */
  readonly burstSize: number;
  /** Consecutive failures that open the circuit; an integer 1 … 2³⁰. Default 10. */
  readonly circuitBreakerThreshold: number;
  /** Milliseconds that an open circuit waits before it may be probed; 0 < x ≤ 2³¹ − 1. Default 30 000. */
  readonly circuitBreakerTimeoutMs: number;
  /** Requests that are let through concurrently while the circuit is half-open; an integer 1 … 15. Default 1. */
  readonly halfOpenProbes: number;
  /** Milliseconds that a half-open circuit waits for its probes, from the last one let through; 0 < x ≤ 2³¹ − 1. Default 30 000. */
  readonly probeTimeoutMs: number;
  /**
   * What happens to a new peer when no row is free and none of the next 64 can be reclaimed. `'overflow'`: it shares one
   * bucket with all other peers that found no row. `'reject'`: it is rejected as `table_full`. Default `'overflow'`.
   */
  readonly onFull: OnFull;
}

/** The configuration in force. */
export interface ResolvedConfig extends Limits {
  /** Rows that are reserved up front. The table never grows. An integer 1 … 16 777 216. Default 65 536. */
  readonly maxPeers: number;
  /**
   * Where `now` comes from when a call does not pass it: milliseconds, monotonic. Default `performance.now`, which counts
   * from the start of the process. A `now` that you pass must count from the same origin; `Date.now()` does not.
   */
  readonly clock: Clock;
  /** Whether other threads can join the table, with `share()` and `RateLimiter.attach()`. Default false. */
  readonly shared: boolean;
  /** A core that was compiled elsewhere, for environments that may not compile bytes. Default: the embedded one. */
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

/** Three configurations to start from, frozen. Spread one into your options and add what differs. */
export const presets: {
  /** For most servers: 100 requests per second, bursts of 200, a circuit that opens after 10 failures for 30 s. */
  readonly default: Preset;
  /** For high traffic: 1 000 requests per second, bursts of 2 000, a circuit that opens after 50 failures for 60 s. */
  readonly lenient: Preset;
  /** Against abuse: 10 requests per second, bursts of 20, a circuit that opens after 3 failures for 300 s. */
  readonly strict: Preset;
} = Object.freeze({
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

const FIELDS = Object.keys(RULES);

/** What `configure` cannot change. */
const FIXED = ['maxPeers', 'clock', 'shared', 'module'] as const;

/** @throws ConfigError for what is not an object, or has a field that does not exist. */
export function requireConfigFields(options: unknown): void {
  requireKnownFields(options, FIELDS);
}

/**
 * A complete configuration, frozen: the given fields, and defaults for the others.
 *
 * @throws ConfigError that names the first field that does not exist or is out of its bounds.
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
  requireConfigFields(given);
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

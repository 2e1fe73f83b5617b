// The configuration: its fields, their defaults and bounds, and three presets.

import { type Clock, monotonicClock } from './clock.js';
import { checked, RULES } from './config-rules.js';
import { ConfigError } from './errors.js';
import { requireKnownFields } from './options.js';

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
  /**
   * The circuit also opens when this fraction of the results in the window are failures, once there are `minimumCalls`;
   * 0 < x ≤ 1. Default: off.
   */
  readonly failureRateThreshold?: number;
  /**
   * Results without which a failure rate says nothing. After as many successes a peer counts as established; an integer
   * 1 … 1 000. Default 20.
   */
  readonly minimumCalls: number;
  /** Milliseconds of the window: the current half of it and the one before; 100 … 2³¹ − 1. Default 10 000. */
  readonly windowMs: number;
  /** A success that took at least so many ms counts as a failure, except for consecutive failures; above 0. Default: off. */
  readonly slowCallMs?: number;
  /** The failure rate must also be so many times that of all established peers, up to 0.95; above 1. Default: off. */
  readonly relativeThreshold?: number;
  /**
   * Once one circuit more than this fraction of the active established peers would open in a window, circuits of
   * established peers stay closed: the fault is probably yours. It takes 10 such peers; 0 < x ≤ 1, 1 is off. Default 0.5.
   */
  readonly maxOpenFraction: number;
  /**
   * Each time the circuit opens again it stays open twice as long, up to this many ms, less a random part of up to a half.
   * At least `circuitBreakerTimeoutMs`, at most 2³¹ − 1. Default: the same as that, which switches it off.
   */
  readonly circuitBreakerMaxTimeoutMs: number;
  /** After a probe that succeeded, let requests through in growing fractions instead of all at once. Default: off. */
  readonly recovery?: Recovery;
  /** `'shadow'`: everything is decided and counted, but rejected requests are let through. Default `'enforce'`. */
  readonly mode: Mode;
  /** Kinds of peers with limits of their own, by name; at most 63. Default: none. */
  readonly classes: ClassLimits;
  /** One bucket that all peers share which are neither established nor held by a handle. Default: off. */
  readonly newcomers?: Newcomers;
  /** Lets trips and clean windows change the reputation of a peer. Default: off. */
  readonly reputation?: Reputation;
}

/** The ramp after a probe that succeeded: stage s of S lets 2^(s − S − 1) of the requests through. */
export interface Recovery {
  /** An integer 1 … 6. Default 4. */
  readonly stages: number;
  /** How long a stage lasts at least, in ms; 1 … 2³¹ − 1. Default 2 000. */
  readonly stageMs: number;
  /** Requests of each stage that always pass, and results without which it does not end; an integer 1 … 31. Default 5. */
  readonly minCalls: number;
}

export type Mode = 'enforce' | 'shadow';

/** The limits of a class of peers. */
export interface ClassLimit {
  /** What the configured rate and burst are multiplied by; 1/256 … 256. Default 1. */
  readonly factor: number;
  /** Whether the load factor does not apply. Default false. */
  readonly exemptFromLoad: boolean;
}

export type ClassLimits = Readonly<Record<string, ClassLimit>>;

/** The bucket that newcomers share. */
export interface Newcomers {
  /** As the limit of this name of one peer. */
  readonly maxRequestsPerSec: number;
  /** As the limit of this name of one peer. */
  readonly burstSize: number;
}

/** How reputations change by themselves. Points are −100 … 100. */
export interface Reputation {
  /** The time in which a score goes halfway back to 0, in ms; 1 000 … 2³¹ − 1. Default 600 000. */
  readonly halfLifeMs: number;
  /** Points for a circuit that opens. Default −10. */
  readonly perTrip: number;
  /** Points for a window with a success and without a trip, once a minute at most. Default 1. */
  readonly perCleanWindow: number;
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

/** A field as it is given: parts of an object do, and `false` switches off what can be off. */
type Given<T> = {
  readonly [K in keyof T]?:
    | (K extends 'recovery' | 'reputation' ? Some<T[K]> : K extends 'classes' ? GivenClasses : T[K])
    | (undefined extends T[K] ? false : never)
    | undefined;
};
type Some<T> = { readonly [K in keyof NonNullable<T>]?: NonNullable<T>[K] | undefined };
type GivenClasses = Readonly<Record<string, Some<ClassLimit>>>;

/** What `new RateLimiter` takes: any part of the configuration. */
export type RateLimiterConfig = Given<Omit<ResolvedConfig, 'module'>> & {
  readonly module?: WebAssembly.Module | undefined;
};

/** What `configure` takes: any part of the limits. */
export type LimitsUpdate = Given<Limits>;

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
  minimumCalls: 20,
  windowMs: 10_000,
  maxOpenFraction: 0.5,
  circuitBreakerMaxTimeoutMs: presets.default.circuitBreakerTimeoutMs,
  mode: 'enforce',
  classes: Object.freeze({}),
  clock: monotonicClock,
  shared: false,
};

const MAX_REFILL_SEC = 10 * 365.25 * 86_400;

const FIELDS = Object.keys(RULES);

/** What can be switched off with `false`. */
const OFF: readonly string[] = [
  'failureRateThreshold',
  'slowCallMs',
  'relativeThreshold',
  'recovery',
  'newcomers',
  'reputation',
];

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
  for (const field of FIELDS) {
    const value = given[field as keyof RateLimiterConfig];
    if (value === undefined) continue;
    if (value === false && OFF.includes(field)) delete merged[field];
    else merged[field] = checked(field as keyof typeof RULES, value);
  }
  if (given.circuitBreakerMaxTimeoutMs === undefined && isWithoutBackoff(base)) {
    merged['circuitBreakerMaxTimeoutMs'] = merged['circuitBreakerTimeoutMs'];
  }
  const config = merged as unknown as ResolvedConfig;
  requireRefill(config, 'burstSize');
  if (config.newcomers !== undefined) requireRefill(config.newcomers, 'newcomers.burstSize');
  if (config.circuitBreakerMaxTimeoutMs < config.circuitBreakerTimeoutMs) {
    const came = config.circuitBreakerMaxTimeoutMs;
    throw new ConfigError('circuitBreakerMaxTimeoutMs', 'at least circuitBreakerTimeoutMs', came);
  }
  return Object.freeze(config);
}

/** Then the longest timeout follows the timeout. */
function isWithoutBackoff(config: ResolvedConfig): boolean {
  return config.circuitBreakerMaxTimeoutMs === config.circuitBreakerTimeoutMs;
}

function requireRefill({ burstSize, maxRequestsPerSec }: Newcomers, field: string): void {
  if (burstSize / maxRequestsPerSec <= MAX_REFILL_SEC) return;
  throw new ConfigError(field, 'at most ten years of maxRequestsPerSec', burstSize);
}

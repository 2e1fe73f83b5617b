// What the controllers accept as options and arguments.

import { ArgumentRangeError, ConfigError, RateLimiter } from '../index.js';

/** @throws ConfigError unless it is a number from `least` to `most`. */
export function requireNumber(field: string, value: unknown, least: number, most: number, expected: string): void {
  if (typeof value !== 'number' || !(value >= least && value <= most)) throw new ConfigError(field, expected, value);
}

/** @throws ConfigError for anything but a limiter. */
export function requireLimiter(value: unknown): asserts value is RateLimiter {
  if (!(value instanceof RateLimiter)) throw new ConfigError('limiter', 'a RateLimiter', value);
}

/** @throws RangeError for what is not a finite time. */
export function requireTime(nowMs: number): void {
  if (Number.isFinite(nowMs)) return;
  throw new ArgumentRangeError('ERR_PEERGATE_NOW', `now: expected finite milliseconds, got ${String(nowMs)}`);
}

/** The options with defaults for those that are absent or `undefined`. */
export function withDefaults<T extends object>(defaults: T, given: { readonly [K in keyof T]?: T[K] | undefined }): T {
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(present) };
}

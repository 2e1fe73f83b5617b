// The limiter of a scenario. Its fingerprints have the same key in every run, because a circuit's ramp and its open times depend on
// them.

import { resolveConfig } from '../../src/config.js';
import { RateLimiter, type RateLimiterConfig } from '../../src/index.js';
import { Table } from '../../src/table.js';

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i);

/** A limiter whose callers pass the time. */
export function limiterOf(options: RateLimiterConfig): RateLimiter {
  return new RateLimiter(Table.create(resolveConfig({ clock: () => 0, ...options }), KEY));
}

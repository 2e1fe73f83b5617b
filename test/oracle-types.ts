/** What the oracle is asked and what it answers. */

import type { Breaker, BreakerLimits } from './oracle-breaker.js';

export interface OracleLimits extends BreakerLimits {
  readonly maxRequestsPerSec: number;
  readonly burstSize: number;
  readonly onFull: 'overflow' | 'reject';
}

export interface OraclePermit {
  readonly life: number;
  readonly period: number;
}

/** What a caller has after a check. It may pass any of them with a result, however old. */
export type Ticket = OraclePermit | 'overflow' | 'rejected';
export type Reason = 'allowed' | 'rate_limited' | 'circuit_open' | 'table_full';

export interface Verdict {
  readonly reason: Reason;
  readonly retryAfterMs: number;
  readonly ticket: Ticket;
}

export interface Row {
  readonly key: string;
  readonly life: number;
  tat: bigint;
  breaker: Breaker;
  period: number;
  pins: number;
  lastFailure: bigint;
  allowed: number;
  rateLimited: number;
  circuitRejected: number;
  failures: number;
}

export interface OracleHandle {
  readonly key: string;
  /** The life of the row that the handle pins. */
  life: number | undefined;
}

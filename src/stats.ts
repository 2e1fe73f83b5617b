// What a limiter says about itself: its totals, and a summary for logs.

import { ClosedError } from './errors.js';
import type { Table } from './table.js';
import { requireOpen } from './wasm/core.js';
import { readTotals } from './wasm/reading.js';

/** Totals over a limiter's life. */
export interface Stats {
  readonly allowed: number;
  readonly rateLimited: number;
  readonly circuitRejected: number;
  /** Checks that found no row, whatever `onFull` then did. */
  readonly tableFull: number;
  /** Circuits that opened; reopening counts. */
  readonly circuitOpened: number;
  readonly circuitClosed: number;
  /** Open circuits that let a first probe through. */
  readonly circuitHalfOpened: number;
  /** Results that were dropped because of their permit. */
  readonly staleResults: number;
  /** Rows that were taken back for another peer; removals do not count. */
  readonly reclaimed: number;
  /**
   * Checks that were rejected by a bucket or a deadline further ahead than a monotonic clock can have put it: the sign of
   * a `now` of another origin, such as a stray `Date.now()`. Such a peer is locked out until you call `removePeer`.
   */
  readonly clockAnomalies: number;
  /** Trips that `maxOpenFraction` held back. */
  readonly heldBack: number;
  /** Rejections that shadow mode let through. They count as rejections as well. */
  readonly shadowed: number;
  /** Ramps that ended with a closed circuit. */
  readonly recovered: number;
}

/** What a limiter shows of itself in logs and in JSON. */
export interface LimiterSummary {
  readonly maxPeers: number;
  readonly maxRequestsPerSec: number;
  readonly burstSize: number;
  /** Absent, like the totals, when the limiter is closed. */
  readonly peerCount?: number;
  readonly stats?: Stats;
  readonly closed?: true;
}

export function statsOf({ core }: Table): Stats {
  requireOpen(core);
  const { peers: _, tableFullRejected: __, ...stats } = readTotals(core);
  return stats;
}

/** @param read What a method of the limiter gives, which throws once it is closed. */
export function summaryOf(table: Table, read: () => Pick<LimiterSummary, 'peerCount' | 'stats'>): LimiterSummary {
  const { maxPeers, maxRequestsPerSec, burstSize } = table.config;
  const limits = { maxPeers, maxRequestsPerSec, burstSize };
  try {
    return { ...limits, ...read() };
  } catch (error) {
    // A log line must not throw because the limiter was closed before it was written.
    if (error instanceof ClosedError) return { ...limits, closed: true };
    throw error;
  }
}

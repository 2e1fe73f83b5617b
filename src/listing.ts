// Listing the peers that have a row: all of them, or those with the highest counts.

import { ArgumentRangeError, shown } from './errors.js';
import { highest } from './highest.js';
import { textOf } from './inspect.js';
import { CIRCUIT_STATES, type CircuitState, type Table } from './table.js';
import { type Core, ID_KEPT, requireOpen } from './wasm/core.js';
import { countReader, type Ranked } from './wasm/counts.js';
import { readRow, usedSlots } from './wasm/reading.js';

/** What `RateLimiter.peers()` and `top()` tell about a peer. Counts are those of its row's life and stop at 2³² − 1. */
export interface PeerInfo {
  /** A string where its bytes are valid UTF-8, else the bytes. */
  readonly id: string | Uint8Array;
  /** Only on an ID longer than what the table keeps: `id` is its beginning. */
  readonly truncated?: true;
  /** Only on a peer that had `minimumCalls` successes since it has its row. */
  readonly established?: true;
  readonly circuitState: CircuitState;
  readonly availableTokens: number;
  readonly allowed: number;
  readonly rateLimited: number;
  readonly circuitRejected: number;
  /** Failures that were recorded and counted. */
  readonly failures: number;
}

/** What `RateLimiter.top()` can rank by. */
export type { Ranked } from './wasm/counts.js';

const RANKED: readonly Ranked[] = ['allowed', 'rateLimited', 'circuitRejected', 'failures'];

export function* listPeers({ core }: Table, now: number): Generator<PeerInfo, void, undefined> {
  for (let slot = 0; slot < usedSlots(core); slot++) {
    requireOpen(core);
    const info = infoOf(core, slot, now);
    if (info !== undefined) yield info;
  }
}

/** Throws a RangeError (`ERR_PEERGATE_TOP`) for what `top` cannot rank by, or a number of peers that is not an integer ≥ 1. */
export function requireRanking(count: number, by: Ranked): void {
  if (!Number.isSafeInteger(count) || count < 1) {
    throw new ArgumentRangeError('ERR_PEERGATE_TOP', `count: expected an integer of at least 1, got ${shown(count)}`);
  }
  if (!RANKED.includes(by)) {
    const expected = RANKED.map((name) => `'${name}'`).join(', ');
    throw new ArgumentRangeError('ERR_PEERGATE_TOP', `by: expected one of ${expected}, got ${shown(by)}`);
  }
}

/** The peers with the highest counts, highest first. Of equal counts the one that is listed first comes first. */
export function topPeers({ core }: Table, count: number, by: Ranked, now: number): PeerInfo[] {
  const slots = highest(usedSlots(core), countReader(core, by), count);
  // On a shared table another thread may have freed a row in the meantime.
  return slots.map((slot) => infoOf(core, slot, now)).filter((info) => info !== undefined);
}

function infoOf(core: Core, slot: number, now: number): PeerInfo | undefined {
  const row = readRow(core, slot);
  if (row === undefined) return undefined;
  const truncated = row.idLength > ID_KEPT;
  return {
    id: textOf(row.id, truncated),
    ...(truncated && { truncated }),
    ...(row.established && { established: true as const }),
    circuitState: CIRCUIT_STATES[core.circuitState(slot, row.epoch, now)] as CircuitState,
    availableTokens: core.availableTokens(slot, row.epoch, now),
    allowed: row.allowed,
    rateLimited: row.rateLimited,
    circuitRejected: row.circuitRejected,
    failures: row.failures,
  };
}

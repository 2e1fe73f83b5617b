// Listing the peers that have a row.

import { CIRCUIT_STATES, type CircuitState, type Table } from './table.js';
import { ID_KEPT, requireOpen } from './wasm/core.js';
import { readRow, usedSlots } from './wasm/reading.js';

/** What `RateLimiter.peers()` tells of a peer. Counts are those of its row's life and stay at 2³² − 1. */
export interface PeerInfo {
  /** A string where its bytes are valid UTF-8, else the bytes. */
  readonly id: string | Uint8Array;
  /** Only on an ID longer than what the table keeps: `id` is its beginning. */
  readonly truncated?: true;
  readonly circuitState: CircuitState;
  readonly availableTokens: number;
  readonly allowed: number;
  readonly rateLimited: number;
  readonly circuitRejected: number;
  /** Failures that were recorded and counted. */
  readonly failures: number;
}

export function* listPeers({ core }: Table, now: number): Generator<PeerInfo, void, undefined> {
  for (let slot = 0; slot < usedSlots(core); slot++) {
    requireOpen(core);
    const row = readRow(core, slot);
    if (row === undefined) continue;
    const truncated = row.idLength > ID_KEPT;
    yield {
      id: textOf(row.id, truncated),
      ...(truncated && { truncated }),
      circuitState: CIRCUIT_STATES[core.circuitState(slot, row.epoch, now)] as CircuitState,
      availableTokens: core.availableTokens(slot, row.epoch, now),
      allowed: row.allowed,
      rateLimited: row.rateLimited,
      circuitRejected: row.circuitRejected,
      failures: row.failures,
    };
  }
}

/** A cut may have gone through a character: a decoder that expects more leaves its first bytes out. */
function textOf(bytes: Uint8Array, truncated: boolean): string | Uint8Array {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: truncated });
  } catch {
    return bytes;
  }
}

// Several limits at once, in one call into the core.

import { requireCost, requireNow } from './args.js';
import type { Decision } from './decision.js';
import { ArgumentRangeError, ArgumentTypeError, shown } from './errors.js';
import { isHandleOf, type Peer, seatAgain, writeBatch } from './peer.js';
import type { Table } from './table.js';
import { isOpen, MOST_TOGETHER, requireOpen, STALE } from './wasm/core.js';

/** `RateLimiter.checkAll`. Which of the handles was the first that refused stands in `core.found[0]` afterwards; −1: none. */
export function checkTogether(table: Table, peers: readonly Peer[], cost: number, now: number): Decision {
  requireCost(cost);
  requireNow(now);
  const { core } = table;
  // Nearly always every handle is good. What is wrong with one is only looked for where one is not.
  let written = isOpen(core) && writeDistinct(table, peers);
  if (!written) {
    requireHandles(table, peers);
    requireOpen(core);
  }
  while (true) {
    if (!written) {
      writeBatch(table, peers, 0, peers.length);
      if (seatAll(core.batchRoom, peers, now)) writeBatch(table, peers, 0, peers.length);
    }
    written = false;
    const decision = core.checkAll(peers.length, cost, now);
    table.events.notice();
    if (decision >= 0 && decision !== STALE) return decision as Decision;
    const which = core.found[0] as number;
    if (decision !== STALE) {
      if (table.events.isHeard) {
        table.events.rejected((peers[which] as Peer).id, decision, now);
        // A listener that used the limiter has left another one there.
        core.found[0] = which;
      }
      return decision as Decision;
    }
    seatAgain(peers[which] as Peer, now);
  }
}

/** Writes the rows of handles that have one each; false where that is not so. */
function writeDistinct(table: Table, peers: readonly Peer[]): boolean {
  if (!Array.isArray(peers)) return false;
  const count = peers.length;
  if (count > MOST_TOGETHER || !writeBatch(table, peers, 0, count)) return false;
  const slots = table.core.batchRoom;
  for (let i = 0; i < count; i++) {
    const slot = slots[i] as number;
    if (slot < 0) return false;
    for (let j = 0; j < i; j++) if (slots[j] === slot) return false;
  }
  return count > 0;
}

/** Handles without a row get one; whether there were any. */
function seatAll(slots: Int32Array, peers: readonly Peer[], now: number): boolean {
  let any = false;
  for (let i = 0; i < peers.length; i++) {
    if ((slots[i] as number) >= 0) continue;
    seatAgain(peers[i] as Peer, now);
    any = true;
  }
  return any;
}

function requireHandles(table: Table, peers: readonly Peer[]): void {
  if (!Array.isArray(peers)) {
    throw new ArgumentTypeError('ERR_PEERGATE_BATCH_TYPE', `peers: expected an array of handles, got ${shown(peers)}`);
  }
  if (peers.length < 1 || peers.length > MOST_TOGETHER) {
    throw new ArgumentRangeError(
      'ERR_PEERGATE_BATCH_LENGTH',
      `peers: expected 1 to ${MOST_TOGETHER} handles, got ${peers.length}`,
    );
  }
  for (let i = 0; i < peers.length; i++) {
    if (!isHandleOf(table, peers[i])) {
      throw new ArgumentTypeError(
        'ERR_PEERGATE_BATCH_TYPE',
        `peers[${i}]: expected a handle of this limiter, got ${shown(peers[i])}`,
      );
    }
    if (peers.indexOf(peers[i] as Peer) < i) {
      throw new ArgumentRangeError(
        'ERR_PEERGATE_BATCH_LENGTH',
        `peers[${i}]: expected each handle once, got peers[${peers.indexOf(peers[i] as Peer)}] again`,
      );
    }
  }
}

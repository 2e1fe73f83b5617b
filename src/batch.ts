// Deciding for many handles, with one call into the core for each block of 1 024.

import type { Decision } from './decision.js';
import { ArgumentRangeError, ArgumentTypeError, shown } from './errors.js';
import { checkUnheard, isHandleOf, type Peer, writeBatch } from './peer.js';
import type { Table } from './table.js';
import { elementsOf, isInt32Array } from './typed-arrays.js';
import { BATCH, requireOpen } from './wasm/core.js';

/** `RateLimiter.checkMany`, with `cost` and `now` already checked. All handles are looked at before anything is decided. */
export function checkPeers(table: Table, peers: readonly Peer[], decisions: Int32Array, cost: number, now: number) {
  const length = lengthOf(peers);
  requireRoom(decisions, length);
  const { core } = table;
  requireOpen(core);
  const room = core.batchRoom;
  const countFrom = (start: number) => Math.min(BATCH, length - start);
  // The last block comes first, so that the first one is in place when the deciding begins.
  const last = Math.floor(Math.max(length - 1, 0) / BATCH) * BATCH;
  for (let start = last; start >= 0; start -= BATCH) {
    if (!writeBatch(table, peers, start, countFrom(start))) throw notHandles(table, peers, length);
  }
  for (let start = 0; start < length; start += BATCH) {
    const count = countFrom(start);
    // Only an array with code of its own, such as a Proxy, can give another element now than it did before.
    if (start > 0 && !writeBatch(table, peers, start, count)) throw notHandles(table, peers, length);
    for (let i = 0; i < count; ) {
      const stale = core.checkBatch(i, count, cost, now);
      for (; i < stale; i++) decisions[start + i] = room[i] as number;
      if (i < count) {
        decisions[start + i] = checkAlone(table, peers, start + i, length, cost, now);
        i++;
      }
    }
  }
  table.events.notice();
  // When all are decided: a listener may use the room.
  if (table.events.isHeard) tellRejections(table, peers, decisions, length, now);
}

function tellRejections(
  table: Table,
  peers: readonly Peer[],
  decisions: Int32Array,
  length: number,
  now: number,
): void {
  for (let i = 0; i < length; i++) {
    const decision = decisions[i] as number;
    const peer = decision < 0 ? elementAt(peers, i) : undefined;
    if (isHandleOf(table, peer)) table.events.rejected(peer.id, decision, now);
  }
}

/** A handle without a row gets one on the way. */
function checkAlone(
  table: Table,
  peers: readonly Peer[],
  at: number,
  length: number,
  cost: number,
  now: number,
): Decision {
  const peer = elementAt(peers, at);
  if (!isHandleOf(table, peer)) throw notHandles(table, peers, length);
  return checkUnheard(peer, cost, now);
}

/** Throws a TypeError for anything but an array. The length is read once, because a Proxy may change its mind. */
function lengthOf(peers: readonly Peer[]): number {
  try {
    if (Array.isArray(peers) && Number.isSafeInteger(peers.length) && peers.length >= 0) return peers.length;
  } catch {
    // A revoked Proxy, or one that throws.
  }
  throw new ArgumentTypeError('ERR_PEERGATE_BATCH_TYPE', `peers: expected an array of handles, got ${shown(peers)}`);
}

function requireRoom(decisions: Int32Array, count: number): void {
  if (!isInt32Array(decisions)) {
    throw new ArgumentTypeError(
      'ERR_PEERGATE_BATCH_TYPE',
      `decisions: expected an Int32Array, got ${shown(decisions)}`,
    );
  }
  const elements = elementsOf(decisions);
  if (elements >= count) return;
  throw new ArgumentRangeError(
    'ERR_PEERGATE_BATCH_LENGTH',
    `decisions: expected room for ${count}, got ${elements} elements`,
  );
}

function elementAt(peers: readonly unknown[], at: number): unknown {
  try {
    return peers[at];
  } catch {
    return undefined;
  }
}

function notHandles(table: Table, peers: readonly unknown[], length: number): ArgumentTypeError {
  for (let at = 0; at < length; at++) {
    const value = elementAt(peers, at);
    if (isHandleOf(table, value)) continue;
    return new ArgumentTypeError(
      'ERR_PEERGATE_BATCH_TYPE',
      `peers[${at}]: expected a handle of this limiter, got ${shown(value)}`,
    );
  }
  return new ArgumentTypeError(
    'ERR_PEERGATE_BATCH_TYPE',
    'peers: expected an array whose elements stay the same, got one that changes while it is read',
  );
}

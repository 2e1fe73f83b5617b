// What a peer is called outside of this machine: the first 16 bytes of HMAC-SHA256(secret, ID) (RFC 2104). Nobody can tell the
// ID from it without the secret, and its length is fixed.
//
// An ID that the table keeps whole is hashed when it is needed. Of a longer one the HMAC is kept in its cold record, by
// whoever comes with the whole ID:
//
//      byte 22                      56               72      76
//           ┌───────────────────────┬────────────────┬───────┐
//           │ the ID's first bytes  │ HMAC           │ check │     check: the HMAC's words, the fingerprint's, one of the secret
//           └───────────────────────┴────────────────┴───────┘
//
// Two threads may write here at the same time, one of them late. Where the check is not right, nothing is kept.

import { COLD_DIGEST, COLD_DIGEST_CHECK, COLD_DIGESTED, DEBT_BYTES, DEBTS, DIGEST_BYTES } from './debt-layout';
import { AT_EXTRAS, AT_INNER, AT_OUTER, COLD_ID, COLD_ID_LENGTH, EXTRAS_COUNTED, EXTRAS_SHUT, ID_KEPT } from './layout';
import { load32 } from './memory';
import { batchRoom, coldOf, idRoom, rowAt } from './place';
import { getFingerprint } from './row';
import { BLOCK_BYTES, begin, STATE_BYTES, take } from './sha256';

const INNER_PAD: u64 = 0x3636363636363636;
const OUTER_PAD: u64 = 0x5c5c5c5c5c5c5c5c;

// Room for hashing: a state, a block, and an inner hash, behind the debts in the batch room.

function state(): usize {
  return batchRoom + DEBTS * DEBT_BYTES;
}

function block(): usize {
  return state() + STATE_BYTES;
}

/** Whether the limit holds across machines. */
export function isAcross(): bool {
  return (load32(AT_EXTRAS) & (EXTRAS_COUNTED | EXTRAS_SHUT)) != 0;
}

/** Takes the rest of a message that stands at `from` into the state, `before` bytes of which are in it already. */
function finish(from: usize, length: u32, before: u32): void {
  let at: u32 = 0;
  for (; length - at >= BLOCK_BYTES; at += BLOCK_BYTES) {
    memory.copy(block(), from + at, BLOCK_BYTES);
    take(state(), block());
  }
  const rest = length - at;
  memory.fill(block(), 0, BLOCK_BYTES);
  memory.copy(block(), from + at, rest);
  store<u8>(block() + rest, 0x80);
  if (rest > 55) {
    take(state(), block());
    memory.fill(block(), 0, BLOCK_BYTES);
  }
  store<u64>(block(), bswap<u64>((<u64>(before + length)) << 3), 56);
  take(state(), block());
  for (let i: usize = 0; i < STATE_BYTES; i += 4) store<u32>(state() + i, bswap<u32>(load<u32>(state() + i)));
}

/** Keeps what the secret in this thread's ID room makes of both hashes; zeros stand behind it where it is short. */
export function setSecret(length: u32): void {
  if (length > BLOCK_BYTES) {
    begin(state());
    finish(idRoom, length, 0);
    memory.copy(idRoom, state(), STATE_BYTES);
    memory.fill(idRoom + STATE_BYTES, 0, BLOCK_BYTES - STATE_BYTES);
  } else memory.fill(idRoom + length, 0, BLOCK_BYTES - length);
  keep(INNER_PAD, AT_INNER);
  keep(OUTER_PAD, AT_OUTER);
  memory.fill(idRoom, 0, BLOCK_BYTES);
}

function keep(pad: u64, at: usize): void {
  for (let i: usize = 0; i < BLOCK_BYTES; i += 8) store<u64>(block() + i, load<u64>(idRoom + i) ^ pad);
  begin(at);
  take(at, block());
}

/** The HMAC of the ID in this thread's room, of which the first 16 bytes count; where it stands. */
export function digestOf(length: u32): usize {
  memory.copy(state(), AT_INNER, STATE_BYTES);
  finish(idRoom, length, BLOCK_BYTES);
  const inner = block() + BLOCK_BYTES;
  memory.copy(inner, state(), STATE_BYTES);
  memory.copy(state(), AT_OUTER, STATE_BYTES);
  finish(inner, STATE_BYTES, BLOCK_BYTES);
  return state();
}

function checkOf(slot: u32): u32 {
  const at = coldOf(slot) + COLD_DIGEST;
  const words = load<u64>(at) ^ load<u64>(at, 8) ^ getFingerprint(rowAt(slot));
  return <u32>words ^ <u32>(words >> 32) ^ load<u32>(AT_OUTER);
}

function isKept(slot: u32): bool {
  const cold = coldOf(slot);
  return (load<u16>(cold, COLD_ID_LENGTH) & COLD_DIGESTED) != 0 && load<u32>(cold, COLD_DIGEST_CHECK) == checkOf(slot);
}

/** Keeps the HMAC of a peer whose ID, in this thread's room, is longer than what the table keeps of it. */
export function keepDigest(slot: u32, length: u32): void {
  if (length <= <u32>ID_KEPT || !isAcross() || isKept(slot)) return;
  const cold = coldOf(slot);
  memory.copy(cold + COLD_DIGEST, digestOf(length), DIGEST_BYTES);
  store<u16>(cold, <u16>(length | COLD_DIGESTED), COLD_ID_LENGTH);
  store<u32>(cold, checkOf(slot), COLD_DIGEST_CHECK);
}

/** Writes the HMAC of the row's peer; false where its ID is too long, and nobody came with all of it yet. */
export function writeDigest(slot: u32, to: usize): bool {
  const cold = coldOf(slot);
  const length = <u32>load<u16>(cold, COLD_ID_LENGTH) & (COLD_DIGESTED - 1);
  if (length <= <u32>ID_KEPT) {
    memory.copy(idRoom, cold + COLD_ID, length);
    memory.copy(to, digestOf(length), DIGEST_BYTES);
    return true;
  }
  memory.copy(to, cold + COLD_DIGEST, DIGEST_BYTES);
  return isKept(slot);
}

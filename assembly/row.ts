// One row's fields. Every access to a row goes through here.
//
// Rule P, by which a write never lands on another peer's row: load the word, then see that META still names this epoch
// and is live, then compare-and-swap the word. Whoever changes a row's owner changes META first, then every word.

import {
  COLD_BACKOFF,
  COLD_LAST_FAILURE,
  LIFE_BITS,
  LIFE_CLOSING,
  LIFE_LIMBO,
  LIFE_LIVE,
  ROW_ALLOWED,
  ROW_BREAKER,
  ROW_BUCKET,
  ROW_FINGERPRINT,
  ROW_META,
  ROW_PEER,
  ROW_RATE_LIMITED,
  ROW_WINDOW,
} from './layout';
import { cas64, load32, load64, loadCount32, store32, store64, storeCount32 } from './memory';
import { coldOf } from './place';

const META: usize = ROW_META;
const FP: usize = ROW_FINGERPRINT;
const BUCKET: usize = ROW_BUCKET;
const BREAKER: usize = ROW_BREAKER;
const WINDOW: usize = ROW_WINDOW;
const PEER: usize = ROW_PEER;
const ALLOWED: usize = ROW_ALLOWED;
const RATE_LIMITED: usize = ROW_RATE_LIMITED;

export const LIMBO: u32 = LIFE_LIMBO;
export const LIVE: u32 = LIFE_LIVE;
export const CLOSING: u32 = LIFE_CLOSING;

/**
 * The row behind the last peer's is the overflow row. It lives for ever under an epoch that no peer gets, and no result
 * reaches its breaker, so it is a bucket that peers without a row share, and its permit, 0, is no peer's.
 */
export const OVERFLOW_EPOCH: u32 = 0;

// META: 63 ─ epoch 29 ─ 35 ─ life 3 ─ 32 ─ pins 32 ─ 0

export function meta(epoch: u32, life: u32, pins: u32): u64 {
  return ((<u64>((epoch << LIFE_BITS) | life)) << 32) | <u64>pins;
}

export function epochOf(word: u64): u32 {
  return <u32>(word >> 35);
}

export function lifeOf(word: u64): u32 {
  return <u32>(word >> 32) & 7;
}

export function pinsOf(word: u64): u32 {
  return <u32>word;
}

export function getMeta(row: usize): u64 {
  return load64(row + META);
}

export function setMeta(row: usize, word: u64): void {
  store64(row + META, word);
}

export function casMeta(row: usize, expected: u64, word: u64): bool {
  return cas64(row + META, expected, word);
}

/** Whether the row is still that life's. Only the upper half of META is needed, and pins may change meanwhile. */
export function isLive(row: usize, epoch: u32): bool {
  return load32(row + META + 4) == ((epoch << LIFE_BITS) | LIVE);
}

export function getFingerprint(row: usize): u64 {
  return load64(row + FP);
}

export function setFingerprint(row: usize, fingerprint: u64): void {
  store64(row + FP, fingerprint);
}

export function getBucket(row: usize): u64 {
  return load64(row + BUCKET);
}

export function setBucket(row: usize, word: u64): void {
  store64(row + BUCKET, word);
}

export function casBucket(row: usize, expected: u64, word: u64): bool {
  return cas64(row + BUCKET, expected, word);
}

export function getBreaker(row: usize): u64 {
  return load64(row + BREAKER);
}

export function setBreaker(row: usize, word: u64): void {
  store64(row + BREAKER, word);
}

export function casBreaker(row: usize, expected: u64, word: u64): bool {
  return cas64(row + BREAKER, expected, word);
}

export function getWindow(row: usize): u64 {
  return load64(row + WINDOW);
}

export function setWindow(row: usize, word: u64): void {
  store64(row + WINDOW, word);
}

export function casWindow(row: usize, expected: u64, word: u64): bool {
  return cas64(row + WINDOW, expected, word);
}

export function getPeer(row: usize): u64 {
  return load64(row + PEER);
}

export function setPeer(row: usize, word: u64): void {
  store64(row + PEER, word);
}

export function casPeer(row: usize, expected: u64, word: u64): bool {
  return cas64(row + PEER, expected, word);
}

// Two words that are kept in the cold record, because no check reads them. They are stored plainly: a race makes them wrong
// by one result.

/** When the last failure was, in units of 512 ms, rounded up: 32 bits last as long as the clock does. */
export function getLastFailure(slot: u32): u32 {
  return load32(coldOf(slot) + COLD_LAST_FAILURE);
}

export function setLastFailure(slot: u32, coarse: u32): void {
  store32(coldOf(slot) + COLD_LAST_FAILURE, coarse);
}

export function getBackoff(slot: u32): u32 {
  return load32(coldOf(slot) + COLD_BACKOFF);
}

export function setBackoff(slot: u32, word: u32): void {
  store32(coldOf(slot) + COLD_BACKOFF, word);
}

// Counters are 32 bits and stay at their end. In the shared build two threads may lose a count to each other here; the
// totals, which each thread keeps for itself, are exact.

export function count(at: usize): void {
  const value = loadCount32(at);
  storeCount32(at, value + <u32>(value != 0xffffffff));
}

/** Both counters of a new life. */
export function setCounters(row: usize, allowed: u32, rateLimited: u32): void {
  store64(row + ALLOWED, ((<u64>rateLimited) << 32) | <u64>allowed);
}

export function allowedAt(row: usize): usize {
  return row + ALLOWED;
}

export function rateLimitedAt(row: usize): usize {
  return row + RATE_LIMITED;
}

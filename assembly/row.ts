// One row's fields. Every access to a row goes through here.
//
// Rule P makes sure that a write never lands on another peer's row:
//
//      1. load the word,
//      2. check that META still names this epoch and is live,
//      3. compare-and-swap the word.
//
// Code that gives a row to another peer changes META first, then every word.

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
  ROW_OWED,
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
const OWED: usize = ROW_OWED;
const PEER: usize = ROW_PEER;
const ALLOWED: usize = ROW_ALLOWED;
const RATE_LIMITED: usize = ROW_RATE_LIMITED;

export const LIMBO: u32 = LIFE_LIMBO;
export const LIVE: u32 = LIFE_LIVE;
export const CLOSING: u32 = LIFE_CLOSING;

/**
 * The row after the last peer's row is the overflow row. Peers without a row share its bucket. It lives for ever under an
 * epoch that no peer gets, so its permit, 0, belongs to no peer. No result reaches its breaker.
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

/** Whether the row still belongs to that life. This reads only the upper half of META; the pins in the lower half may change. */
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

export function getOwed(row: usize): u64 {
  return load64(row + OWED);
}

export function setOwed(row: usize, word: u64): void {
  store64(row + OWED, word);
}

export function casOwed(row: usize, expected: u64, word: u64): bool {
  return cas64(row + OWED, expected, word);
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

/** The time of the last failure in units of 512 ms, rounded up. With this unit 32 bits last as long as the clock. */
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

// Counters have 32 bits and stop at their maximum. In the shared build two threads that count at the same moment may lose
// one count here. The totals are exact, because each thread has its own.

export function count(at: usize): void {
  const value = loadCount32(at);
  storeCount32(at, value + <u32>(value != 0xffffffff));
}

/** Sets both counters, for a new life. */
export function setCounters(row: usize, allowed: u32, rateLimited: u32): void {
  store64(row + ALLOWED, ((<u64>rateLimited) << 32) | <u64>allowed);
}

export function allowedAt(row: usize): usize {
  return row + ALLOWED;
}

export function rateLimitedAt(row: usize): usize {
  return row + RATE_LIMITED;
}

// How long a circuit stays open. Each opening in a row doubles it, up to `circuitBreakerMaxTimeoutMs`; from the second on
// the time is drawn from the upper half of what it could be (equal jitter: M. Brooker, "Exponential backoff and jitter"), so
// that circuits that opened together are not probed together.
//
//      BACKOFF   31 ─ doublings of the next opening 5 ─ 27 ─ closed since 27, in 1/32 windows ─ 0
//
// Closing keeps the doublings; each window after it, idle or not, takes one back. While the circuit is open, half-open or in
// a ramp, nothing is taken back: what opens then opens again in a row.

import { timeoutMs } from './limits';
import { SET_WINDOW_MS } from './setting-layout';
import { maxTimeoutMs, setting } from './settings';

const SINCE_BITS: u32 = 27;
const SINCE_MASK: u32 = (1 << SINCE_BITS) - 1;
const MOST_DOUBLINGS: u32 = 31;
const AHEAD: u32 = 1 << 16;
const PER_WINDOW: f64 = 32;
const PER_WINDOW_BITS: u32 = 5;

function since(ms: f64, limits: usize): f64 {
  return (max<f64>(ms, 0) * PER_WINDOW) / setting(limits, SET_WINDOW_MS);
}

/** The doublings of an opening at this time. */
export function doublings(word: u32, wasClosed: bool, ms: f64, limits: usize): u32 {
  const count = word >> SINCE_BITS;
  if (!wasClosed || count == 0) return count;
  const age = (<u32>(<u64>since(ms, limits)) - word) & SINCE_MASK;
  // The last ages there are numbers for: the word was written by a clock that is ahead.
  if (age > SINCE_MASK - AHEAD) return count;
  return count - min<u32>(count, age >> PER_WINDOW_BITS);
}

/** The word after an opening that had so many doublings. */
export function openedAgain(count: u32): u32 {
  return min<u32>(count + 1, MOST_DOUBLINGS) << SINCE_BITS;
}

/** The word after the circuit closed. */
export function closedAt(word: u32, ms: f64, limits: usize): u32 {
  const count = word >> SINCE_BITS;
  // Rounded up, so that no window is taken back before it is over.
  return count ? (count << SINCE_BITS) | (<u32>(<u64>ceil(since(ms, limits))) & SINCE_MASK) : 0;
}

/** How long an opening lasts. */
export function openMs(count: u32, fingerprint: u64, generation: u32, limits: usize): f64 {
  const least = timeoutMs(limits);
  const most = maxTimeoutMs(limits);
  if (count == 0 || !(most > least)) return least;
  const half = min<f64>(least * <f64>((<u64>1) << count), most) / 2;
  return half + half * drawn(fingerprint, generation);
}

/** A number from 0 to 1 that looks drawn (splitmix64). */
function drawn(fingerprint: u64, generation: u32): f64 {
  let z = fingerprint + <u64>generation * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return <f64>((z ^ (z >> 31)) >> 11) / 9007199254740992;
}

/** The word of another table or another time, its instant moved by `shift` ms. */
export function moved(word: u32, shift: f64, limits: usize): u32 {
  const count = word >> SINCE_BITS;
  const by = <i64>ceil((shift * PER_WINDOW) / setting(limits, SET_WINDOW_MS));
  return count ? (count << SINCE_BITS) | (<u32>(<u64>(<i64>(word & SINCE_MASK) + by)) & SINCE_MASK) : 0;
}

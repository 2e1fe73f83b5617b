// The circuit breaker, as pure functions from one word to the next.
//
//                   `threshold` failures in a row,
//                   or too many in the window
//        ┌────────┐ ────────────────────────────► ┌────────┐ ◄─────────────────────────────────┐
//        │ closed │                               │  open  │ ◄── too many failures ──┐         │ a failure, or the
//        └────────┘                               └───┬────┘                         │         │ lease ran out
//           ▲  ▲               a success              │ the first check let through  │         │
//           │  └───────────────────────────────┐      ▼ after the deadline           │         │
//           │                                  │    ┌───────────┐                    │         │
//           │                                  └─── │ half-open │ ───────────────────┼─────────┘
//           │                                       └─────┬─────┘                    │
//           │        the last stage is over               ▼ a success, with ramps    │
//           │                                       ┌────────────┐                   │
//           └────────────────────────────────────── │ recovering │ ──────────────────┘    its stages: recovery.ts
//                                                   └────────────┘
//
// Every arrow starts a new generation, so that a result can be told to belong to a period that is over. There are no
// timers: an expired lease has opened the circuit at its last instant, whoever looks first (`due` in turn.ts).
//
// Forced open is an open circuit with a deadline of 0, which no opening sets; forced closed is a closed one with more failures
// than any run has. Neither has a way out but by hand.

import { NEVER } from './decision';
import { STATE_CLOSED, STATE_FORCED_CLOSED, STATE_FORCED_OPEN, STATE_HALF_OPEN, STATE_OPEN } from './layout';
import { maxProbes, probeTimeoutMs, threshold, timeoutMs } from './limits';

const GENERATION_SHIFT: u64 = 2;
const GENERATION_MASK: u64 = 0x3fff;
const PAYLOAD_SHIFT: u64 = 16;
const PAYLOAD_BITS: u64 = 48;

// closed: 47 ─ nonce 16 ─ 32 ─ failures 32 ─ 0
const NONCE_SHIFT: u64 = 32;
/** The longest run of failures: from a threshold on, trips can be held back and the run goes on. */
const LONGEST_RUN: u32 = 0x7fffffff;
const FORCED: u32 = 0xffffffff;
// half-open: 47 ─ lease 41 ─ 7 ─ probes 7 ─ 0
const LEASE_SHIFT: u64 = 7;
const PROBES_MASK: u64 = 127;

/** Deadlines are kept in 1/128 ms. The last value means "beyond the clock" and is never reached. */
const PER_MS: f64 = 128;
const PER_MS_BITS: u64 = 7;
const DEADLINE_END: u64 = (1 << 48) - 1;
const LEASE_END: u64 = (1 << 41) - 1;
/** Failures are dated in units of 512 ms. */
const COARSE_BITS: u64 = 9;
const COARSE_MS: f64 = 512;
const COARSE_END: f64 = 0xffffffff;

export function stateOf(word: u64): u32 {
  return <u32>word & 3;
}

/** The state as looks tell it, of a word that time has changed. */
export function shownState(word: u64): u32 {
  if (word >> PAYLOAD_SHIFT == 0 && stateOf(word) == STATE_OPEN) return STATE_FORCED_OPEN;
  return isForcedClosed(word) ? STATE_FORCED_CLOSED : stateOf(word);
}

/** Whether results and time leave it as it is. */
export function isForced(word: u64): bool {
  return shownState(word) >= <u32>STATE_FORCED_OPEN;
}

function isForcedClosed(word: u64): bool {
  return stateOf(word) == STATE_CLOSED && failuresOf(word) == FORCED;
}

export function payloadOf(word: u64): u64 {
  return word >> PAYLOAD_SHIFT;
}

export function generationOf(word: u64): u32 {
  return <u32>((word >> GENERATION_SHIFT) & GENERATION_MASK);
}

/** A word of a state, a generation and the payload of that state. */
export function wordOf(state: u64, generation: u64, payload: u64): u64 {
  if (!ASC_NO_ASSERT) assert(payload >> PAYLOAD_BITS == 0);
  return (payload << PAYLOAD_SHIFT) | ((generation & GENERATION_MASK) << GENERATION_SHIFT) | state;
}

export function nextGeneration(word: u64): u64 {
  return <u64>generationOf(word) + 1;
}

// ── closed ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export function failuresOf(word: u64): u32 {
  return <u32>(word >> PAYLOAD_SHIFT);
}

/** A new owner's breaker. The nonce differs from the last owner's, so that no earlier compare-and-swap fits it. */
export function newborn(before: u64, epoch: u32): u64 {
  return wordOf(STATE_CLOSED, nextGeneration(before), (<u64>(epoch & 0xffff)) << NONCE_SHIFT);
}

/** The word a row is handed over with: a clean one as it was but for its nonce, a forgiven one closed. */
export function handedOver(word: u64): u64 {
  if (stateOf(word) == STATE_CLOSED && failuresOf(word) == 0) return word + ((<u64>1) << (PAYLOAD_SHIFT + NONCE_SHIFT));
  return closed(word);
}

export function withFailures(word: u64, failures: u32): u64 {
  const nonce = word >> (PAYLOAD_SHIFT + NONCE_SHIFT);
  return wordOf(STATE_CLOSED, generationOf(word), (nonce << NONCE_SHIFT) | <u64>failures);
}

export function closed(word: u64): u64 {
  return wordOf(STATE_CLOSED, nextGeneration(word), 0);
}

/** Whether one failure more in a row is one too many. */
export function isRunLong(word: u64, limits: usize): bool {
  return failuresOf(word) + 1 >= threshold(limits);
}

/** The closed word with one failure more in a row. */
export function withFailure(word: u64): u64 {
  return withFailures(word, min<u32>(failuresOf(word) + 1, LONGEST_RUN));
}

export function forcedClosed(word: u64): u64 {
  return wordOf(STATE_CLOSED, nextGeneration(word), <u64>FORCED);
}

export function forcedOpen(word: u64): u64 {
  return wordOf(STATE_OPEN, nextGeneration(word), 0);
}

// ── open ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The word of a circuit that opened at this time, for so long. */
export function opened(word: u64, atMs: f64, openMs: f64): u64 {
  return wordOf(STATE_OPEN, nextGeneration(word), deadline(max<f64>(atMs, 0) + openMs));
}

function deadline(ms: f64): u64 {
  return max<u64>(min<u64>(<u64>ceil(ms * PER_MS), DEADLINE_END), 1);
}

function instant(now: f64): u64 {
  return min<u64>(<u64>(max<f64>(now, 0) * PER_MS), DEADLINE_END - 1);
}

/** Whole milliseconds until an open circuit may be probed, 0 when it may, NEVER where it was opened by hand. */
export function untilProbe(word: u64, now: f64): u64 {
  const at = instant(now);
  const due = word >> PAYLOAD_SHIFT;
  if (due == 0) return NEVER;
  return at >= due ? 0 : (due - at + ((1 << PER_MS_BITS) - 1)) >> PER_MS_BITS;
}

// ── half-open ────────────────────────────────────────────────────────────────────────────────────────────────────────

export function probesOf(word: u64): u32 {
  return <u32>((word >> PAYLOAD_SHIFT) & PROBES_MASK);
}

function leaseOf(word: u64): u64 {
  return word >> (PAYLOAD_SHIFT + LEASE_SHIFT);
}

function wholeMs(now: f64): u64 {
  return min<u64>(<u64>max<f64>(now, 0), LEASE_END - 1);
}

/** The word with one more probe out, of an open circuit whose deadline has passed or of a half-open one. */
export function probing(word: u64, now: f64, limits: usize): u64 {
  const halfOpen = stateOf(word) == STATE_HALF_OPEN;
  const generation = halfOpen ? <u64>generationOf(word) : nextGeneration(word);
  const probes = halfOpen ? <u64>probesOf(word) + 1 : 1;
  const lease = min<u64>(<u64>ceil(max<f64>(now, 0) + probeTimeoutMs(limits)), LEASE_END);
  return wordOf(STATE_HALF_OPEN, generation, (lease << LEASE_SHIFT) | probes);
}

/** The word with one probe less out, or the same word where none is. */
export function unprobed(word: u64): u64 {
  if (stateOf(word) != STATE_HALF_OPEN || probesOf(word) == 0) return word;
  return word - ((<u64>1) << PAYLOAD_SHIFT);
}

/** Whether every probe is out. */
export function exhausted(word: u64, limits: usize): bool {
  return probesOf(word) >= maxProbes(limits);
}

/** Whole milliseconds until the probes that are out lose their lease. */
export function untilLease(word: u64, now: f64): u64 {
  return leaseOf(word) - wholeMs(now);
}

/** Whether the probes that are out have lost their lease. */
export function isLapsed(word: u64, now: f64): bool {
  return stateOf(word) == STATE_HALF_OPEN && probesOf(word) != 0 && wholeMs(now) >= leaseOf(word);
}

/** When they lose it, or lost it. */
export function lapseMs(word: u64): f64 {
  return <f64>leaseOf(word);
}

// ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The word with what it waits for moved by `shift` ms; what would lie before 0 is due. A ramp is moved in recovery.ts. */
export function moved(word: u64, shift: f64): u64 {
  const generation = <u64>generationOf(word);
  if (stateOf(word) == STATE_CLOSED || isForced(word)) return word;
  if (stateOf(word) == STATE_OPEN) {
    return wordOf(STATE_OPEN, generation, deadline(max<f64>(<f64>payloadOf(word) / PER_MS + shift, 0)));
  }
  const lease = min<u64>(<u64>ceil(max<f64>(<f64>leaseOf(word) + shift, 0)), LEASE_END);
  return wordOf(STATE_HALF_OPEN, generation, (lease << LEASE_SHIFT) | <u64>probesOf(word));
}

/** When a coarse instant lies after everything moved by `shift` ms. */
export function movedCoarse(instant: u32, shift: f64): u32 {
  return instant ? coarse(<f64>((<u64>instant) << COARSE_BITS) + shift) : 0;
}

/** The instant of a failure, in coarse units, rounded up. */
export function coarse(now: f64): u32 {
  return <u32>min<f64>(ceil(max<f64>(now, 0) / COARSE_MS), COARSE_END);
}

export const OWES: u32 = 0;
/** Time has forgiven it: idle for a timeout beyond its last failure, or beyond the deadline that nobody probed. */
export const FORGIVEN: u32 = 1;
export const CLEAN: u32 = 2;

/** What would be lost with a closed, an open or a half-open circuit, as time has made it. */
export function standing(word: u64, lastFailure: u32, now: f64, limits: usize): u32 {
  const state = stateOf(word);
  if (isForced(word)) return OWES;
  let since: u64 = payloadOf(word);
  if (state == STATE_CLOSED) {
    if (failuresOf(word) == 0) return CLEAN;
    since = (<u64>lastFailure) << (COARSE_BITS + PER_MS_BITS);
  } else if (state == STATE_HALF_OPEN) {
    // In the clock's last instants, where leases saturate, the payload alone would not tell.
    if (probesOf(word)) return OWES;
    // The payload is the last lease in ms behind seven bits of probes: the same unit.
  }
  return instant(now) >= since + deadline(timeoutMs(limits)) ? FORGIVEN : OWES;
}

// Reads the state of a peer. Nothing here writes to a row: time is applied to a copy of the word.

import { shownState, stateOf, untilProbe } from './breaker';
import { converted, instantOf, ticks, tokens } from './bucket';
import { classOf } from './classes';
import { counted, fleetRate, isSuspected } from './fleet';
import {
  AT_EXTRAS,
  FLEET_ACTIVE,
  FLEET_TRIPPED,
  STATE_CLOSED,
  STATE_HALF_OPEN,
  STATE_OPEN,
  STATE_RECOVERING,
} from './layout';
import { currentLimits, inForce, limitsOf, tau, ticksPerToken } from './limits';
import { load32 } from './memory';
import { rowAt } from './place';
import { PRICED, priceOf } from './price';
import { shiftOf } from './recovery';
import { pointsOf, scoreAt } from './reputation';
import { getBreaker, getBucket, getPeer, isLive } from './row';
import { sliceAt } from './slices';
import { matured } from './turn';

/** The tokens of a peer without a row. */
export function fullBurst(now: f64): f64 {
  const limits = currentLimits();
  const extras = load32(AT_EXTRAS);
  return <f64>tokens(0, 1, tau(limits), extras ? priceOf(0, extras, instantOf(now), limits) : ticksPerToken(limits));
}

/** The state as the next check would find it: an open circuit past its deadline lets that check probe. */
export function circuitState(slot: u32, epoch: u32, now: f64): u32 {
  const word = getBreaker(rowAt(slot));
  if (!isLive(rowAt(slot), epoch)) return STATE_CLOSED;
  const breaker = matured(slot, word, now, currentLimits());
  if (stateOf(breaker) == STATE_OPEN && untilProbe(breaker, now) == 0) return STATE_HALF_OPEN;
  return shownState(breaker);
}

export function availableTokens(slot: u32, epoch: u32, now: f64): f64 {
  const row = rowAt(slot);
  const bucket = getBucket(row);
  const peer = getPeer(row);
  const breaker = getBreaker(row);
  if (!isLive(row, epoch)) return fullBurst(now);
  const force = inForce();
  const limits = limitsOf(force);
  const extras = load32(AT_EXTRAS);
  const priced = ((<u32>peer & PRICED) | extras) != 0;
  const price = priced ? priceOf(peer, extras, instantOf(now), limits) : ticksPerToken(limits);
  const by = matured(slot, breaker, now, limits);
  const shift = stateOf(by) == STATE_RECOVERING ? shiftOf(by, limits) : 0;
  return <f64>tokens(converted(bucket, force), ticks(now, limits), tau(limits) >> shift, price);
}

/** The number of the peer's class; 0: none. */
export function classNumber(slot: u32, epoch: u32): u32 {
  const peer = getPeer(rowAt(slot));
  return isLive(rowAt(slot), epoch) ? classOf(peer) : 0;
}

export function reputation(slot: u32, epoch: u32, now: f64): f64 {
  const peer = getPeer(rowAt(slot));
  return isLive(rowAt(slot), epoch) ? pointsOf(scoreAt(peer, instantOf(now), currentLimits())) : 0;
}

/** Of the established peers together: their rate of failures, how many are active, how many tripped, whether the fault is ours. */
export function fleet(what: u32, now: f64): f64 {
  const limits = currentLimits();
  const slice = sliceAt(instantOf(now), limits);
  if (what == 0) return fleetRate(slice);
  if (what == 1) return <f64>counted(FLEET_ACTIVE, slice);
  if (what == 2) return <f64>counted(FLEET_TRIPPED, slice);
  return <f64>isSuspected(slice, 1, limits);
}

// Reads the state of a peer. Nothing here writes to a row: time is applied to a copy of the word.

import { stateAt } from './breaker';
import { converted, ticks, tokens } from './bucket';
import { STATE_CLOSED } from './layout';
import { burst, currentLimits, inForce, limitsOf } from './limits';
import { rowAt } from './place';
import { getBreaker, getBucket, isLive } from './row';

/** The tokens of a peer without a row. */
export function fullBurst(): f64 {
  return <f64>burst(currentLimits());
}

export function circuitState(slot: u32, epoch: u32, now: f64): u32 {
  const row = rowAt(slot);
  const breaker = getBreaker(row);
  return isLive(row, epoch) ? stateAt(breaker, now, currentLimits()) : STATE_CLOSED;
}

export function availableTokens(slot: u32, epoch: u32, now: f64): f64 {
  const row = rowAt(slot);
  const bucket = getBucket(row);
  return isLive(row, epoch) ? tokensIn(bucket, now) : fullBurst();
}

function tokensIn(bucket: u64, now: f64): f64 {
  const force = inForce();
  const limits = limitsOf(force);
  return <f64>tokens(converted(bucket, force), ticks(now, limits), limits);
}

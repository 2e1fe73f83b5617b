// Time in whole periods from now = 0 on: slices of the window, quanta of reputations.

import { TICKS_START } from './layout';
import { block } from './place';

const START: u64 = TICKS_START;

/** Ticks since now = 0. */
export function since(instant: u64): u64 {
  return instant > START ? instant - START : 0;
}

/** The instant at which a period begins. */
export function startOf(number: u64, ticks: u64): u64 {
  return START + number * ticks;
}

/** The number of the period in which an instant lies. `kept` is where this thread keeps the one it worked out last. */
export function periodAt(instant: u64, kept: usize, ticks: u64): u64 {
  const at = block + kept;
  if (instant - load<u64>(at) >= ticks || load<u64>(at, 8) != ticks) {
    const number = since(instant) / ticks;
    store<u64>(at, startOf(number, ticks));
    store<u64>(at, ticks, 8);
    store<u64>(at, number, 16);
  }
  return load<u64>(at, 16);
}

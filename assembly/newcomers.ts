// The bucket that newcomers share: peers that are not established and that nobody holds by a handle. What they ask for is
// taken from it as well as from their own, all or nothing, so that ten thousand invented names get together what it says.

import { charged, convertedTo, isIn, lacking, refunded, withTat } from './bucket';
import { isEstablished } from './established';
import { AT_EXTRAS, AT_NEWCOMERS, EXTRAS_NEWCOMERS } from './layout';
import { burst, inForce, latest, limitsOf, newcomersOf, tau, ticksPerToken } from './limits';
import { cas32, cas64, load32, load64 } from './memory';
import { getMeta, getPeer, pinsOf } from './row';

/** What a newcomer lacks for whom waiting cannot help. */
export const FOR_EVER: i64 = i64.MAX_VALUE;

export function limitsNewcomers(extras: u32): bool {
  return (extras & EXTRAS_NEWCOMERS) != 0;
}

/** Tells every check whether there is such a bucket. */
export function setNewcomers(limited: bool): void {
  while (true) {
    const extras = load32(AT_EXTRAS);
    const next = limited ? extras | EXTRAS_NEWCOMERS : extras & ~EXTRAS_NEWCOMERS;
    if (cas32(AT_EXTRAS, extras, next)) return;
  }
}

export function isNewcomer(row: usize): bool {
  return !isEstablished(getPeer(row)) && pinsOf(getMeta(row)) == 0;
}

/** The shared word in the limits in force. */
function current(word: u64, force: u64): u64 {
  return isIn(word, force) ? word : convertedTo(word, newcomersOf(limitsOf(force)));
}

/** The ticks that the bucket lacks for so many tokens, at most 0 where it has them. */
export function lackingForNewcomers(tokens: u64, instant: u64): i64 {
  const force = inForce();
  const limits = newcomersOf(limitsOf(force));
  if (ticksPerToken(limits) == 0) return 0;
  if (tokens > burst(limits)) return FOR_EVER;
  const at = min<u64>(instant, latest(limits));
  return lacking(charged(current(load64(AT_NEWCOMERS), force), tokens * ticksPerToken(limits), at), at, tau(limits));
}

/** Takes them; false where they are not there. */
export function takeForNewcomer(tokens: u64, instant: u64): bool {
  while (true) {
    const word = load64(AT_NEWCOMERS);
    const force = inForce();
    const limits = newcomersOf(limitsOf(force));
    if (ticksPerToken(limits) == 0) return true;
    if (tokens > burst(limits)) return false;
    const at = min<u64>(instant, latest(limits));
    const now = current(word, force);
    const after = charged(now, tokens * ticksPerToken(limits), at);
    if (lacking(after, at, tau(limits)) > 0) return false;
    if (cas64(AT_NEWCOMERS, word, withTat(now, after))) return true;
  }
}

/** Gives them back: the newcomer got nothing. */
export function giveBackForNewcomer(tokens: u64): void {
  while (true) {
    const word = load64(AT_NEWCOMERS);
    const force = inForce();
    const limits = newcomersOf(limitsOf(force));
    if (ticksPerToken(limits) == 0) return;
    if (
      cas64(AT_NEWCOMERS, word, refunded(current(word, force), min<u64>(tokens, burst(limits)), ticksPerToken(limits)))
    ) {
      return;
    }
  }
}

/** Brings the shared word into the limits in force, before they change. */
export function sweepNewcomers(force: u64): void {
  while (true) {
    const word = load64(AT_NEWCOMERS);
    if (isIn(word, force) || inForce() != force) return;
    if (cas64(AT_NEWCOMERS, word, convertedTo(word, newcomersOf(limitsOf(force))))) return;
  }
}

// Pins. A handle pins its row, so an idle connection keeps it. The plain build counts the handles of a row. In the shared
// build each thread has one bit in the row, and the facade of that thread counts its handles.

import { BORN, claim } from './claim';
import { keepDigest } from './digest';
import { epochIn, find, NONE, slotOf } from './index';
import { SHARED } from './memory';
import { me, rowAt } from './place';
import { casMeta, epochOf, getMeta, LIVE, lifeOf, meta, pinsOf } from './row';

/** Finds or claims the peer's row and pins it; NONE if no row is free. */
export function pinned(fingerprint: u64, length: u32, now: f64): i64 {
  while (true) {
    let ref = find(fingerprint);
    if (ref == NONE) {
      ref = claim(fingerprint, length, now, 0, 0, me);
      if (ref == NONE) return NONE;
      if (ref & BORN) return ref & ~BORN;
    }
    keepDigest(slotOf(ref), length);
    if (pin(slotOf(ref), epochIn(ref))) return ref;
  }
}

/** The peer's row, found or claimed, without a pin; NONE where no row is free. */
export function seated(fingerprint: u64, length: u32, now: f64): i64 {
  const ref = find(fingerprint);
  if (ref != NONE) {
    keepDigest(slotOf(ref), length);
    return ref;
  }
  const born = claim(fingerprint, length, now, 0, 0, 0);
  return born == NONE ? NONE : born & ~BORN;
}

function pin(slot: u32, epoch: u32): bool {
  const row = rowAt(slot);
  while (true) {
    const word = getMeta(row);
    if (epochOf(word) != epoch || lifeOf(word) != LIVE) return false;
    const pins = SHARED ? pinsOf(word) | me : pinsOf(word) + 1;
    if (casMeta(row, word, meta(epoch, LIVE, pins))) return true;
  }
}

/** Removes a pin, if the row still belongs to that life and has one. */
export function unpin(slot: u32, epoch: u32): void {
  const row = rowAt(slot);
  while (true) {
    const word = getMeta(row);
    const pins = pinsOf(word);
    if (epochOf(word) != epoch || lifeOf(word) != LIVE || pins == 0) return;
    if (casMeta(row, word, meta(epoch, LIVE, SHARED ? pins & ~me : pins - 1))) return;
  }
}

// Classes of peers: a factor of rate and burst, and whether load is none of their business. A record of limits has a table
// of them. A peer's class is a number in its PEER word; 0 is no class.

import { CLASS_BYTES, CLASS_NAME_BYTES, CLASS_NAMES, CLASSES, EXTRAS_LOAD } from './layout';
import { burst, classesOf } from './limits';
import { exponentOfFactor } from './scale';
import { ROOM_CLASS_NAMES, ROOM_CLASSES } from './setting-layout';

const CLASS_MASK: u64 = 63;

export function classOf(peer: u64): u32 {
  return <u32>(peer & CLASS_MASK);
}

export function withClass(peer: u64, number: u32): u64 {
  return (peer & ~CLASS_MASK) | (<u64>number & CLASS_MASK);
}

function entryOf(number: u32, limits: usize): usize {
  return classesOf(limits) + <usize>number * CLASS_BYTES;
}

export function mostTokens(number: u32, limits: usize): u64 {
  return load<u64>(entryOf(number, limits));
}

export function classExponent(number: u32, limits: usize): i32 {
  return load<i32>(entryOf(number, limits), 8);
}

/** What the exponent of the load is masked with: 0 for a class that is exempt. */
export function loadMask(number: u32, limits: usize): u32 {
  return load<u32>(entryOf(number, limits), 12);
}

/** Writes the classes of a record from what `configure` found in the room. A factor of 0 is that of a number nobody has. */
export function takeClasses(limits: usize, room: usize): void {
  for (let number: u32 = 0; number < <u32>CLASSES; number++) {
    const given = room + ROOM_CLASSES + ((<usize>number) << 4);
    const factor = load<f64>(given);
    const entry = entryOf(number, limits);
    const named = number != 0 && factor > 0;
    const most = named && factor > 1 ? <u64>min<f64>(<f64>burst(limits) * min<f64>(factor, 256), 9007199254740992) : 0;
    store<u64>(entry, max<u64>(most, burst(limits)));
    store<i32>(entry, named ? exponentOfFactor(factor) : 0, 8);
    store<u32>(entry, named && load<f64>(given, 8) != 0 ? 0 : EXTRAS_LOAD, 12);
    store<f64>(entry, named ? factor : 0, 16);
  }
  memory.copy(classesOf(limits) + CLASS_NAMES, room + ROOM_CLASS_NAMES, CLASSES * CLASS_NAME_BYTES);
}

/** Whether a record has a class of this number. */
export function isNamed(number: u32, limits: usize): bool {
  return load<f64>(entryOf(number, limits), 16) != 0;
}

// What a typed array is, whatever it says of itself.
//
// Its class, its `length` and its `Symbol.toStringTag` can all be overridden, and an array of another realm is no
// instance of this realm's class. The getters that every typed array inherits read the array itself: they cannot be
// misled, and they work for every realm.

const prototype = Object.getPrototypeOf(Uint8Array.prototype) as object;

function getter<T>(name: PropertyKey): (this: unknown) => T {
  return Object.getOwnPropertyDescriptor(prototype, name)?.get as (this: unknown) => T;
}

const nameOf = getter<string | undefined>(Symbol.toStringTag);
const countOf = getter<number>('length');

/** A `Uint8Array`, a subclass of it such as `Buffer`, or one of another realm. */
export function isUint8Array(value: unknown): value is Uint8Array {
  return nameOf.call(value) === 'Uint8Array';
}

/** The same for an `Int32Array`. */
export function isInt32Array(value: unknown): value is Int32Array {
  return nameOf.call(value) === 'Int32Array';
}

/** How many elements it has; 0 where its buffer was transferred. */
export function elementsOf(array: Uint8Array | Int32Array): number {
  return countOf.call(array);
}

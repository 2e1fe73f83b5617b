// Single accesses to memory, plain or atomic. In the plain build there is no other writer, so a compare-and-swap always
// succeeds and the retry branches of its callers compile to nothing.

export const SHARED: bool = ASC_FEATURE_THREADS;

export function load32(at: usize): u32 {
  if (ASC_FEATURE_THREADS) return atomic.load<u32>(at);
  return load<u32>(at);
}

export function store32(at: usize, value: u32): void {
  if (ASC_FEATURE_THREADS) atomic.store<u32>(at, value);
  else store<u32>(at, value);
}

export function load64(at: usize): u64 {
  if (ASC_FEATURE_THREADS) return atomic.load<u64>(at);
  return load<u64>(at);
}

export function store64(at: usize, value: u64): void {
  if (ASC_FEATURE_THREADS) atomic.store<u64>(at, value);
  else store<u64>(at, value);
}

export function cas32(at: usize, expected: u32, value: u32): bool {
  if (ASC_FEATURE_THREADS) return atomic.cmpxchg<u32>(at, expected, value) == expected;
  store<u32>(at, value);
  return true;
}

export function cas64(at: usize, expected: u64, value: u64): bool {
  if (ASC_FEATURE_THREADS) return atomic.cmpxchg<u64>(at, expected, value) == expected;
  store<u64>(at, value);
  return true;
}

/** Adds `value` and returns the value before. */
export function add32(at: usize, value: u32): u32 {
  if (ASC_FEATURE_THREADS) return atomic.add<u32>(at, value);
  const before = load<u32>(at);
  store<u32>(at, before + value);
  return before;
}

export function or64(at: usize, bits: u64): u64 {
  if (ASC_FEATURE_THREADS) return atomic.or<u64>(at, bits);
  const before = load<u64>(at);
  store<u64>(at, before | bits);
  return before;
}

export function and64(at: usize, bits: u64): u64 {
  if (ASC_FEATURE_THREADS) return atomic.and<u64>(at, bits);
  const before = load<u64>(at);
  store<u64>(at, before & bits);
  return before;
}

/** Sets a word to 1, and wakes who waits for that. */
export function raise(at: usize): void {
  store32(at, 1);
  if (ASC_FEATURE_THREADS) atomic.notify(at, 1);
}

/** A number in a room, which only its own thread reads and writes. */
export function own(at: usize): f64 {
  return load<f64>(at);
}

// Words of events, which the table does not depend on: atomic in the shared build, because their order is what a reader on
// another thread goes by.

export function loadAside(at: usize): u32 {
  return load32(at);
}

export function storeAside(at: usize, value: u32): void {
  store32(at, value);
}

export function storeAside64(at: usize, value: u64): void {
  store64(at, value);
}

// Counters: plain in both builds. An atomic store costs 4 ns, and no decision depends on a count.

export function loadCount32(at: usize): u32 {
  return load<u32>(at);
}

export function storeCount32(at: usize, value: u32): void {
  store<u32>(at, value);
}

export function loadCount64(at: usize): u64 {
  return load<u64>(at);
}

export function storeCount64(at: usize, value: u64): void {
  store<u64>(at, value);
}

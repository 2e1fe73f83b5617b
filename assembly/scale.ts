// x · 2^(e/16) in integers: a multiplication by one of sixteen powers, which stand in the table's header, and a shift.

import { AT_OCTAVE } from './layout';

const FRACTION: u64 = 31;
const LOW: u64 = 0xffffffff;
const REST: u64 = (1 << FRACTION) - 1;

/** The largest charge, half of what a TAT can hold: no check is refused for its size while its bucket is full. */
export const MAX_CHARGE: u64 = 1 << 59;

/** 2^(e/16) without its whole octaves, in units of 2⁻³¹. */
function powerOf(e: i32): u64 {
  return load<u64>(<usize>AT_OCTAVE + ((<usize>(e & 15)) << 3));
}

/** x · 2^(e/16) for x < 2⁶⁰: rounded up where e is positive, down where it is negative, but never to 0. */
export function scaled(x: u64, e: i32): u64 {
  if (e == 0) return x;
  const power = powerOf(e);
  const octaves = e >> 4;
  // The product has up to 92 bits, so its two halves are added up where they fit again.
  const high = (x >> 32) * power;
  const low = (x & LOW) * power;
  if (octaves >= 0) {
    const whole = (high << 1) + (low >> FRACTION) + <u64>((low & REST) != 0);
    return <i32>clz<u64>(whole) > octaves + 3 ? whole << octaves : (<u64>1) << 60;
  }
  const whole = (high << 1) + (low >> FRACTION);
  return octaves < -63 ? 1 : max<u64>(whole >> -octaves, 1);
}

/** Whether `scaledSmall` can do it: the price of a token of nearly any rate above one in four seconds. */
export function isSmall(x: u64, e: i32): bool {
  return x <= LOW && <u32>(e + 128) < 480;
}

/** The same for x < 2³² and −128 ≤ e < 352, without a branch: which way the next peer's e goes is anybody's guess. */
export function scaledSmall(x: u64, e: i32): u64 {
  const rest = REST & ~(<i64>e >> 63);
  const whole = (x * powerOf(e) + rest) >> FRACTION;
  return max<u64>((whole << ((e >> 4) + 8)) >> 8, 1);
}

/** ⌊x · 2^(−sixteenths/16) / 2^bits⌋ for x < 2¹⁵, of which nothing is left after 16 octaves. */
export function shrunk(x: u32, sixteenths: u32, bits: u32): u32 {
  const octaves = min<u32>((sixteenths + 15) >> 4, 16);
  return <u32>((<u64>x * powerOf(-(<i32>sixteenths))) >> (31 + octaves + bits));
}

/** A factor of the rate as an exponent, rounded: the exponent of the number 2^(1/2) · factor^16. */
export function exponentOfFactor(factor: f64): i32 {
  let power = max<f64>(min<f64>(factor, 256), 0.00390625);
  for (let i = 0; i < 4; i++) power *= power;
  return 1023 - <i32>(reinterpret<u64>(power * Math.SQRT2) >> 52);
}

/** Fills the table of powers, once. */
export function writeOctave(): void {
  let power: f64 = 2147483648;
  for (let i: usize = 0; i < 16; i++) {
    store<u64>(<usize>AT_OCTAVE + (i << 3), <u64>nearest(power));
    power *= 1.0442737824274138;
  }
}

/** The ticks of so many tokens. */
export function chargeOf(tokens: u64, price: u64): u64 {
  if (clz<u64>(tokens) + clz<u64>(price) >= 69) return tokens * price;
  return price && tokens > MAX_CHARGE / price ? MAX_CHARGE : tokens * price;
}

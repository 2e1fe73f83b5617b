// SHA-256 (FIPS 180-4), one block at a time, over a state of eight words that stands in memory. Its constants stand in the table's
// header: the first 32 bits of the fractional parts of the cube roots of the first 64 primes, then of the square roots of the
// first eight. Who sets the secret writes them there.

import { AT_SHA } from './layout';

export const BLOCK_BYTES: u32 = 64;
export const STATE_BYTES: u32 = 32;

/** The state before the first block. */
export function begin(state: usize): void {
  memory.copy(state, AT_SHA + 256, STATE_BYTES);
}

/** Takes a block into the state. The block's 64 bytes are used up: the schedule is worked out in their place. */
export function take(state: usize, at: usize): void {
  let a = load<u32>(state);
  let b = load<u32>(state, 4);
  let c = load<u32>(state, 8);
  let d = load<u32>(state, 12);
  let e = load<u32>(state, 16);
  let f = load<u32>(state, 20);
  let g = load<u32>(state, 24);
  let h = load<u32>(state, 28);
  for (let round: u32 = 0; round < 64; round++) {
    const word = scheduled(at, round);
    const choice = g ^ (e & (f ^ g));
    const one = h + (rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25)) + choice + word;
    const first = one + load<u32>(<usize>AT_SHA + ((<usize>round) << 2));
    const majority = (a & b) | (c & (a | b));
    const second = (rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22)) + majority;
    h = g;
    g = f;
    f = e;
    e = d + first;
    d = c;
    c = b;
    b = a;
    a = first + second;
  }
  add(state, a);
  add(state + 4, b);
  add(state + 8, c);
  add(state + 12, d);
  add(state + 16, e);
  add(state + 20, f);
  add(state + 24, g);
  add(state + 28, h);
}

function add(at: usize, value: u32): void {
  store<u32>(at, load<u32>(at) + value);
}

/** The schedule's word of a round: of the block itself at first, then made of those before it, of which sixteen are kept. */
function scheduled(block: usize, round: u32): u32 {
  const at = block + ((<usize>(round & 15)) << 2);
  let word = load<u32>(at);
  if (round < 16) word = bswap<u32>(word);
  else {
    const early = kept(block, round + 1);
    const late = kept(block, round + 14);
    word += rotr<u32>(early, 7) ^ rotr<u32>(early, 18) ^ (early >> 3);
    word += kept(block, round + 9);
    word += rotr<u32>(late, 17) ^ rotr<u32>(late, 19) ^ (late >> 10);
  }
  store<u32>(at, word);
  return word;
}

function kept(block: usize, round: u32): u32 {
  return load<u32>(block + ((<usize>(round & 15)) << 2));
}

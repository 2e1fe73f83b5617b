// SipHash-1-3 of the ID in this thread's buffer. The hash is keyed: without the table's key nobody can choose IDs that
// collide. Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012. Hash tables use it with one
// compression round for each word and three rounds at the end.

import { AT_KEY } from './layout';
import { idRoom } from './place';

export function fingerprint(length: u32): u64 {
  const k0 = load<u64>(AT_KEY);
  const k1 = load<u64>(AT_KEY, 8);
  let a: u64 = k0 ^ 0x736f6d6570736575;
  let b: u64 = k1 ^ 0x646f72616e646f6d;
  let c: u64 = k0 ^ 0x6c7967656e657261;
  let d: u64 = k1 ^ 0x7465646279746573;

  // First come the words of the ID. The last word holds the remaining bytes and the low byte of the length. Then three
  // rounds finish.
  const last = length & ~7;
  const end = last + 24;
  for (let at: u32 = 0; at <= end; at += 8) {
    let word: u64 = 0;
    if (at < last) word = load<u64>(idRoom + at);
    else if (at == last) word = (load<u64>(idRoom + at) & ~(~(<u64>0) << ((length & 7) << 3))) | ((<u64>length) << 56);
    else if (at == last + 8) c ^= 0xff;
    d ^= word;
    a += b;
    c += d;
    b = rotl<u64>(b, 13) ^ a;
    d = rotl<u64>(d, 16) ^ c;
    a = rotl<u64>(a, 32);
    c += b;
    a += d;
    b = rotl<u64>(b, 17) ^ c;
    d = rotl<u64>(d, 21) ^ a;
    c = rotl<u64>(c, 32);
    a ^= word;
  }
  return a ^ b ^ c ^ d;
}

/** SipHash-1-3 in BigInt, written from its paper (Aumasson, Bernstein, 2012), to find IDs that collide under a known key. */

const MASK = (1n << 64n) - 1n;
const rotated = (word: bigint, by: bigint): bigint => ((word << by) | (word >> (64n - by))) & MASK;

/** The words of a message: eight bytes each, little-endian, the last one with the length's low byte on top. */
function words(message: Uint8Array): bigint[] {
  const count = Math.floor(message.length / 8) + 1;
  const padded = new Uint8Array(count * 8);
  padded.set(message);
  padded[count * 8 - 1] = message.length;
  return [...new BigUint64Array(padded.buffer)];
}

export function siphash13(key: readonly [bigint, bigint], message: Uint8Array): bigint {
  let [v0, v1, v2, v3] = [
    key[0] ^ 0x736f6d6570736575n,
    key[1] ^ 0x646f72616e646f6dn,
    key[0] ^ 0x6c7967656e657261n,
    key[1] ^ 0x7465646279746573n,
  ];
  const round = () => {
    v0 = (v0 + v1) & MASK;
    v2 = (v2 + v3) & MASK;
    v1 = rotated(v1, 13n) ^ v0;
    v3 = rotated(v3, 16n) ^ v2;
    v0 = rotated(v0, 32n);
    v2 = (v2 + v1) & MASK;
    v0 = (v0 + v3) & MASK;
    v1 = rotated(v1, 17n) ^ v2;
    v3 = rotated(v3, 21n) ^ v0;
    v2 = rotated(v2, 32n);
  };
  for (const word of words(message)) {
    v3 ^= word;
    round();
    v0 ^= word;
  }
  v2 ^= 0xffn;
  for (let i = 0; i < 3; i++) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

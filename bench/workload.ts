// The names of the peers and the order in which they come. The seeds are fixed, so every subject of a question gets the same
// peers in the same order.

/** Marsaglia's xorshift, 32 bits: fast, and good enough to defeat a branch predictor. */
export function random(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

const SEED = 0x9e3779b9;

/** Kinds of names, as they look on the wire. */
export const KINDS = { ip: 12, uuid: 36, libp2p: 52 } as const;
export type Kind = keyof typeof KINDS;

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const HEX = '0123456789abcdef';

/** An address of 12 characters. Each number below 2²⁴ gives a different one. */
function ip(i: number): string {
  const spread = Math.imul(i, 0x9e3779b1) >>> 0;
  const parts = [
    10 + (i & 63),
    10 + ((i >> 6) & 63),
    10 + ((i >> 12) & 63),
    100 + ((i >> 18) & 63) + (spread % 2) * 64,
  ];
  return parts.join('.');
}

function letters(alphabet: string, count: number, next: () => number): string {
  let text = '';
  for (let i = 0; i < count; i++) text += alphabet[next() % alphabet.length];
  return text;
}

/** Names in a received buffer, one after the other. */
export interface Names {
  readonly count: number;
  readonly length: number;
  readonly bytes: Buffer;
}

export function namesOf(kind: Kind, count: number): Names {
  const length = KINDS[kind];
  const bytes = Buffer.allocUnsafeSlow(count * length);
  const next = random(SEED);
  for (let i = 0; i < count; i++) {
    let name = '';
    if (kind === 'ip') name = ip(i);
    else if (kind === 'uuid') {
      const h = (n: number) => letters(HEX, n, next);
      name = `${h(8)}-${h(4)}-4${h(3)}-a${h(3)}-${h(12)}`;
    } else name = `12D3KooW${letters(BASE58, 44, next)}`;
    bytes.write(name, i * length, 'latin1');
  }
  return { count, length, bytes };
}

/** Returns a new string object on each call. */
export function nameAt({ bytes, length }: Names, i: number): string {
  return bytes.toString('latin1', i * length, i * length + length);
}

/** The names as string objects that the caller keeps. */
export function idsOf(names: Names): string[] {
  return Array.from({ length: names.count }, (_, i) => nameAt(names, i));
}

/** Random keys of 32 bytes, each in its own array. */
export function keysOf(count: number): Uint8Array[] {
  const next = random(SEED);
  const all = new Uint32Array(count * 8).map(next);
  return Array.from({ length: count }, (_, i) => new Uint8Array(all.slice(i * 8, i * 8 + 8).buffer));
}

/** How many operations a subject does in one call. */
export const OPS = 1024;

/**
 * An endless order of peers, as a ring of picks. It is so long that it reaches most rows of a table of 1 M, so the table
 * cannot stay in a CPU cache.
 */
export interface Order {
  readonly picks: Uint32Array;
  readonly mask: number;
}

export function orderOf(peers: number, distribution: 'uniform' | 'zipf' = 'uniform'): Order {
  const length = peers <= 10_000 ? 2 ** 16 : 2 ** 21;
  const next = random(SEED ^ 0x5bd1e995);
  const picks =
    distribution === 'uniform' ? new Uint32Array(length).map(() => next() % peers) : zipf(peers, length, next);
  return { picks, mask: length - 1 };
}

/** Zipf's law with exponent 1: the frequency of the r-th most frequent peer is proportional to 1/r. Ranks are spread over the slots. */
function zipf(peers: number, length: number, next: () => number): Uint32Array {
  const sums = new Float64Array(peers);
  let sum = 0;
  for (let r = 0; r < peers; r++) sums[r] = sum += 1 / (r + 1);
  const placeOf = new Uint32Array(peers).map((_, i) => i);
  for (let i = peers - 1; i > 0; i--) {
    const j = next() % (i + 1);
    [placeOf[i], placeOf[j]] = [placeOf[j] as number, placeOf[i] as number];
  }
  return new Uint32Array(length).map(() => {
    const wanted = (next() / 2 ** 32) * sum;
    let [low, high] = [0, peers - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return placeOf[low] as number;
  });
}

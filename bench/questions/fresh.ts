// "What if the name is cut out of a message, so that each request brings a new string, or bytes?" A new string has no cached
// hash, and it cannot be compared by address. Both ways of finding the row get the same strings in one process. The same
// loop without a look-up measures what it costs to make the strings, and this cost is subtracted.

import { requests } from '../loops.js';
import { type Figures, timeInTurns } from '../measure.js';
import type { Peer } from '../peergate.js';
import type { Case, Question } from '../question.js';
import { handlesOf, peergateOf } from '../subjects.js';
import { idsOf, KINDS, type Kind, keysOf, nameAt, namesOf, orderOf } from '../workload.js';
import { SIZES, sizeName } from './by-id.js';

export const rowOf = (kind: Kind) => `${KINDS[kind]}-character string, ${LOOKS[kind]}`;
const LOOKS: Record<Kind, string> = { ip: 'an address', uuid: 'a UUID', libp2p: 'a libp2p ID' };
export const KEY_ROW = '32-byte Uint8Array; Map by hex string';
export const LATIN_ROW = '32-byte Uint8Array; Map by latin1 string';

function fresh(kind: Kind, peers: number, distribution: 'uniform' | 'zipf' = 'uniform'): Figures {
  const names = namesOf(kind, peers);
  const ids = idsOf(names);
  const order = orderOf(peers, distribution);
  const limiter = peergateOf(ids, 'allow');
  const handles = handlesOf(peergateOf(ids, 'allow'), ids);
  const map = new Map(ids.map((id, i) => [id, handles[i] as Peer]));
  const { length } = names;
  const [making, ours, theirs] = timeInTurns([
    requests(order, true, (pick) => nameAt(names, pick).length === length),
    requests(order, true, (pick, now) => limiter.check(nameAt(names, pick), 1, now) >= 0),
    requests(order, true, (pick, now) => (map.get(nameAt(names, pick)) as Peer).check(1, now) >= 0),
  ]) as [number, number, number];
  return figures(making, ours - making, theirs - making);
}

/** Bytes are passed as they are. Making the key that a `Map` needs is part of the cost of the `Map`. */
function keys(peers: number, encoding: 'hex' | 'latin1'): Figures {
  const ids = keysOf(peers);
  const buffers = ids.map((id) => Buffer.from(id.buffer));
  const order = orderOf(peers);
  const limiter = peergateOf(ids, 'allow');
  const handles = handlesOf(peergateOf(ids, 'allow'), ids);
  const map = new Map(buffers.map((buffer, i) => [buffer.toString(encoding), handles[i] as Peer]));
  const [ours, theirs] = timeInTurns([
    requests(order, true, (pick, now) => limiter.check(ids[pick] as Uint8Array, 1, now) >= 0),
    requests(
      order,
      true,
      (pick, now) => (map.get((buffers[pick] as Buffer).toString(encoding)) as Peer).check(1, now) >= 0,
    ),
  ]) as [number, number];
  return figures(0, ours, theirs);
}

function figures(making: number, ours: number, theirs: number): Figures {
  return { 'making it': making, peergate: ours, 'Map.get + handle': theirs, ratio: ours / theirs };
}

const cases: Case[] = [
  ...(['ip', 'uuid', 'libp2p'] as const).flatMap((kind) =>
    SIZES.map((peers) => ({ row: rowOf(kind), column: sizeName(peers), measure: () => fresh(kind, peers) })),
  ),
  ...SIZES.map((peers) => ({
    row: rowOf('libp2p'),
    column: `${sizeName(peers)}, Zipf`,
    measure: () => fresh('libp2p', peers, 'zipf'),
  })),
  ...SIZES.map((peers) => ({ row: KEY_ROW, column: sizeName(peers), measure: () => keys(peers, 'hex') })),
  { row: LATIN_ROW, column: sizeName(100_000), measure: () => keys(100_000, 'latin1') },
];

export const freshId: Question = {
  name: 'fresh',
  title: 'One decision by ID, a fresh string or bytes each time',
  about:
    "ns a decision, time given, peers at random or by Zipf's law. The cost of making the string is not included; it has its own column.",
  cases,
  shown: { as: 'list' },
};

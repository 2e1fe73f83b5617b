// "How long does `configure` stop everything?" A change of limits touches no row. But the next change first converts all rows
// that were not used since.

import { type Figures, QUICK } from '../measure.js';
import { Limiter } from '../peergate.js';
import type { Question } from '../question.js';

const SIZES = QUICK ? [10_000] : [65_536, 1_000_000];
const CHANGES = QUICK ? 4 : 20;

const RATE = 'after a change of the rate';
const OTHER = 'after a change of other limits';

/** The median of single calls. Each call finds every row in the limits before the last change. */
function measure(peers: number, changes: (i: number) => object): Figures {
  const limiter = new Limiter({ maxPeers: peers });
  for (let i = 0; i < peers; i++) limiter.check(`peer-${i}`, 1 + (i % 100), 0);
  const taken: number[] = [];
  for (let i = 0; i < CHANGES; i++) {
    const start = performance.now();
    limiter.configure(changes(i), 0);
    taken.push(performance.now() - start);
  }
  if (limiter.peerCount !== peers) throw new Error('a row is missing');
  // The first two calls do not count, because they find rows that were claimed under the limits in force.
  const steady = taken.slice(2).sort((a, b) => a - b);
  return { ms: steady[steady.length >> 1] as number, 'worst, ms': steady.at(-1) as number };
}

export const configure: Question = {
  name: 'configure',
  title: 'New limits for a table of many peers',
  about: 'One call of `configure`, every row of the table in use and none of them touched since the call before.',
  cases: SIZES.flatMap((peers) => [
    {
      row: `${peers.toLocaleString('en').replaceAll(',', ' ')} peers`,
      column: RATE,
      measure: () => measure(peers, (i) => ({ maxRequestsPerSec: i % 2 ? 100 : 30 })),
    },
    {
      row: `${peers.toLocaleString('en').replaceAll(',', ' ')} peers`,
      column: OTHER,
      measure: () => measure(peers, (i) => ({ circuitBreakerThreshold: 5 + i })),
    },
  ]),
  shown: { as: 'list' },
};

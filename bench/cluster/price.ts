// What a check costs more while its tokens are counted as owed. All limiters in one process, in short turns; medians of differences.

import { readFileSync } from 'node:fs';
import { RateLimiter } from '../../src/index.js';
import { requests } from '../loops.js';
import { type Figures, QUICK } from '../measure.js';
import { idsOf, namesOf, orderOf } from '../workload.js';

const PEERS = 1_000;
const TURNS = QUICK ? 20 : 400;
const order = orderOf(PEERS);
const ids = idsOf(namesOf('libp2p', PEERS));

/** A loop of checks by handle, time given. */
function checks(shared: boolean, owing: boolean): () => number {
  const file = new URL(`../../build/core${shared ? '.shared' : ''}.wasm`, import.meta.url);
  const module = new WebAssembly.Module(readFileSync(file));
  const limiter = new RateLimiter({ maxRequestsPerSec: 1e6, burstSize: 1e9, maxPeers: PEERS, module, shared });
  if (owing) limiter.debts.share('credit', 3, 1e9);
  const peers = ids.map((id) => limiter.peer(id, 0));
  const { ops, run } = requests(order, true, (pick, now) => (peers[pick] as (typeof peers)[0]).check(1, now) >= 0);
  return () => {
    const start = performance.now();
    if (run() !== ops) throw new Error('a check was rejected');
    return ((performance.now() - start) * 1e6) / ops;
  };
}

const middle = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number;

export function price(): Figures {
  const figures: Record<string, number> = {};
  for (const shared of [false, true]) {
    const [off, on] = [checks(shared, false), checks(shared, true)];
    const pairs = Array.from({ length: TURNS }, (_, i): [number, number] => {
      // Who comes second finds the other's rows in the cache: in turns.
      if (i % 2 === 0) return [off(), on()];
      const second = on();
      return [off(), second];
    });
    const build = shared ? 'shared' : 'plain';
    figures[`${build} table, without`] = middle(pairs.map(([without]) => without));
    figures[`${build} table, more with it`] = middle(pairs.map(([without, owing]) => owing - without));
  }
  return figures;
}

// What a check costs with a credit, beside the same check of the same peers in the same table without one. In turns, so that whatever
// disturbs the machine falls on each alike. Differences are taken within a turn; their medians count.

import { requests } from '../loops.js';
import { type Figures, middleOf, nsOfSlice, QUICK } from '../measure.js';
import { Limiter, type Peer } from '../peergate.js';
import { idsOf, namesOf, orderOf } from '../workload.js';

export const ON = 'credit on − off, ns';
/** What the first check of a peer costs more after its debt was paid. */
export const FIRST = 'of a peer that owes nothing, on − off, ns';
export const OFF = 'off again − never on, ns';

const PEERS = 1_000;
const TURNS = QUICK ? 5 : 300;
const NODES = 3;
const PLENTY = 1e9;

/** One check of each peer, which is too short to be timed more than once. */
function nsOfEach(peers: readonly Peer[], now: number): number {
  const start = performance.now();
  let allowed = 0;
  for (const peer of peers) if (peer.check(1, now) >= 0) allowed++;
  const ms = performance.now() - start;
  if (allowed !== peers.length) throw new Error(`${peers.length - allowed} checks were not as expected`);
  return (ms * 1e6) / peers.length;
}

export function price(shared: boolean): Figures {
  const ids = idsOf(namesOf('libp2p', PEERS));
  const order = orderOf(PEERS);
  const limiterOf = () => {
    const limiter = new Limiter({ shared, maxRequestsPerSec: 1e6, burstSize: PLENTY, maxPeers: PEERS });
    const peers = ids.map((id) => limiter.peer(id, 0));
    const loop = requests(order, true, (pick, now) => (peers[pick] as Peer).check(1, now) >= 0);
    return { limiter, peers, loop };
  };
  const [never, own] = [limiterOf(), limiterOf()];
  const { debts } = own.limiter;
  // What `ClusterSync` does at its beginning, when debts are paid, and at its end. All that is owed stays far below this credit.
  debts.setSecret(new TextEncoder().encode('bench'));
  const turnOn = () => debts.share('credit', NODES, PLENTY);
  const turnOff = () => debts.share('off', NODES, 0);
  const pay = (now: number) => {
    for (const debt of debts.owed(1)) debts.learn(debt, 0, debt.tokens, now);
  };
  const turns: Record<'never' | 'off' | 'on' | 'each' | 'first', number>[] = [];
  for (let turn = -10; turn < TURNS; turn++) {
    const now = 2_000 + turn;
    // The first pass after a change finds the handles' rows again.
    nsOfEach(never.peers, now);
    const one = nsOfSlice(never.loop);
    nsOfEach(own.peers, now);
    const off = nsOfSlice(own.loop);
    const each = nsOfEach(own.peers, now);
    turnOn();
    nsOfEach(own.peers, now);
    const on = nsOfSlice(own.loop);
    pay(now);
    const first = nsOfEach(own.peers, now);
    turnOff();
    if (turn >= 0) turns.push({ never: one, off, on, each, first }); // the first turns are for the compiler
  }
  if (debts.creditRejected > 0) throw new Error('no check should lack credit');
  return {
    'a check, ns': middleOf(turns.map(({ never }) => never)),
    [OFF]: middleOf(turns.map(({ never, off }) => off - never)),
    [ON]: middleOf(turns.map(({ off, on }) => on - off)),
    [FIRST]: middleOf(turns.map(({ each, first }) => first - each)),
  };
}

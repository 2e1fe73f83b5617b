// "What does the guard add to what you would write by hand?" All in one process, in short turns, so that whatever disturbs
// the machine falls on every part alike. Each ratio is the median over the turns.

import { asyncRequests } from '../loops.js';
import { type AsyncLoop, type Figures, QUICK } from '../measure.js';
import { type Peer, RpcGuard } from '../peergate.js';
import type { Question } from '../question.js';
import { handlesOf, peergateOf } from '../subjects.js';
import { idsOf, namesOf, orderOf } from '../workload.js';

export const ROW = 'guard.run by handle';
export const COLUMN = 'in turns with the same by hand';
/** guard.run ÷ check, await, record. */
export const PLAIN = 'ratio';
/** guard.run whose handler asks for its signal ÷ (guard.run + one AbortController). */
export const ASKED = 'ratio with a signal';

const PEERS = 1_000;
const TURNS = QUICK ? 5 : 200;
const LOOPS_PER_TURN = 4;
const order = orderOf(PEERS);

const handler = async () => 1;
const asking = async ({ signal }: { readonly signal: AbortSignal }) => (signal.aborted ? 0 : 1);
const oneController = async () => (new AbortController().signal.aborted ? 0 : 1);

/** What a caller writes who has no guard. */
export function byHand(peers: readonly Peer[]) {
  return async (pick: number) => {
    const peer = peers[pick] as Peer;
    const decision = peer.check();
    if (decision < 0) return 0;
    try {
      const value = await handler();
      peer.recordSuccess(decision);
      return value;
    } catch (error) {
      peer.recordFailure(decision);
      throw error;
    }
  };
}

async function nsOf({ ops, sink, run }: AsyncLoop): Promise<number> {
  const start = performance.now();
  let sum = 0;
  for (let i = 0; i < LOOPS_PER_TURN; i++) sum += await run();
  const ms = performance.now() - start;
  if (sum !== sink * LOOPS_PER_TURN) throw new Error(`the loops should have summed to ${sink}, not to ${sum}`);
  return (ms * 1e6) / (ops * LOOPS_PER_TURN);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number;
}

async function inTurns(): Promise<Figures> {
  const ids = idsOf(namesOf('libp2p', PEERS));
  const limiter = peergateOf(ids, 'allow');
  const peers = handlesOf(limiter, ids);
  const guard = new RpcGuard(limiter);
  const loopOf = (step: (pick: number) => Promise<number>) =>
    asyncRequests(order, true, async (pick) => (await step(pick)) === 1);
  const loops = {
    hand: loopOf(byHand(peers)),
    guarded: loopOf((pick) => guard.run(peers[pick] as Peer, handler)),
    asked: loopOf((pick) => guard.run(peers[pick] as Peer, asking)),
    controller: loopOf(oneController),
    alone: loopOf(handler),
  };
  const turns: Record<keyof typeof loops, number>[] = [];
  for (let turn = -5; turn < TURNS; turn++) {
    const ns = { hand: 0, guarded: 0, asked: 0, controller: 0, alone: 0 };
    for (const [name, loop] of Object.entries(loops)) ns[name as keyof typeof ns] = await nsOf(loop);
    if (turn >= 0) turns.push(ns); // the first turns are for the compiler
  }
  return {
    'by hand ns': median(turns.map(({ hand }) => hand)),
    'guard.run ns': median(turns.map(({ guarded }) => guarded)),
    'with a signal ns': median(turns.map(({ asked }) => asked)),
    [PLAIN]: median(turns.map(({ hand, guarded }) => guarded / hand)),
    [ASKED]: median(turns.map(({ guarded, asked, controller, alone }) => asked / (guarded + controller - alone))),
  };
}

export const guardPrice: Question = {
  name: 'guard-price',
  title: 'What the guard adds',
  about: `${PEERS} peers at random by handle. The handler does nothing; calls come one after the other; ${TURNS} turns.`,
  cases: [{ row: ROW, column: COLUMN, measure: inTurns }],
  shown: { as: 'list' },
};

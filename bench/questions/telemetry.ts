// "What does it cost to see what the limiter does?" A limiter with everything attached and one with nothing, in short turns of
// one process. Each ratio is that of the fastest turns.

import { Registry } from 'prom-client';
import { requests } from '../loops.js';
import { type Figures, type Loop, QUICK } from '../measure.js';
import { Limiter, observe, type Peer, type RateLimiter, registerPrometheus } from '../peergate.js';
import type { Question } from '../question.js';
import { handlesOf, peergateOf } from '../subjects.js';
import { idsOf, namesOf, orderOf } from '../workload.js';

export const ROW = 'with everything attached';
export const COLUMN = 'in turns with nothing attached';
export const ALLOWED = 'an allowed check: ratio';
export const REJECTED = 'a rejection by ID: ratio';
export const REJECTED_BY_HANDLE = 'a rejection by handle: ratio';
export const COLLECT_MS = 'collect of 65 536 peers ms';
export const PAUSE_MS = 'longest pause at a million peers ms';

const PEERS = 1_000;
/** Ten times as many as the log remembers. */
const CROWD = 10_000;
const TURNS = QUICK ? 10 : 300;

/** A logger that throws everything away; a meter and a tracer that are asked for nothing. */
const silent = { warn() {}, info() {}, debug() {}, isLevelEnabled: () => false };
const meter = {
  createObservableCounter: () => ({}),
  createObservableUpDownCounter: () => ({}),
  createObservableGauge: () => ({}),
  addBatchObservableCallback() {},
  removeBatchObservableCallback() {},
};
const tracer = { startActiveSpan: () => undefined as never };

function attach(limiter: RateLimiter): () => void {
  const observer = observe(limiter, { name: 'bench', meter, tracer, logger: silent });
  registerPrometheus(limiter, new Registry(), { name: 'bench' });
  return () => observer.close();
}

function loopsOf(
  answer: 'allow' | 'rate',
  byId: boolean,
  count: number,
): readonly [without: Loop, withAll: Loop, end: () => void] {
  const order = orderOf(count);
  const ids = idsOf(namesOf('libp2p', count));
  const loopOf = (limiter: RateLimiter) => {
    const peers = handlesOf(limiter, ids);
    const step = byId
      ? (pick: number) => limiter.check(ids[pick] as string) >= 0
      : (pick: number) => (peers[pick] as Peer).check() >= 0;
    return requests(order, answer === 'allow', step);
  };
  const observed = peergateOf(ids, answer);
  const end = attach(observed);
  return [loopOf(peergateOf(ids, answer)), loopOf(observed), end];
}

function nsOf({ ops, sink, run }: Loop): number {
  const start = performance.now();
  const sum = run();
  const ns = ((performance.now() - start) * 1e6) / ops;
  if (sum !== sink) throw new Error(`the loop should have summed to ${sink}, not to ${sum}`);
  return ns;
}

function inTurns(answer: 'allow' | 'rate', byId = false, peers = PEERS): readonly [without: number, withAll: number] {
  const [without, withAll, end] = loopsOf(answer, byId, peers);
  let [fastest, fastestOfAll] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let turn = -10; turn < TURNS; turn++) {
    const [one, other] = turn % 2 === 0 ? [nsOf(without), nsOf(withAll)] : [nsOf(withAll), nsOf(without)].reverse();
    if (turn < 0) continue; // the first turns are for the compiler
    fastest = Math.min(fastest, one as number);
    fastestOfAll = Math.min(fastestOfAll, other as number);
  }
  end();
  return [fastest, fastestOfAll];
}

/** The fastest of several scrapes, and the longest time in which nothing else got a turn in the calmest of them. */
async function scrapes(peers: number): Promise<{ readonly ms: number; readonly pauseMs: number }> {
  const limiter = new Limiter({ maxPeers: peers });
  for (let i = 0; i < peers; i++) limiter.check(`peer ${i}`, 1, 0);
  const registry = new Registry();
  registerPrometheus(limiter, registry);
  let [ms, pauseMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let i = 0; i < (QUICK ? 3 : 20); i++) {
    let longest = 0;
    let last = performance.now();
    let isOver = false;
    const look = () => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      if (!isOver) setImmediate(look);
    };
    look();
    const start = performance.now();
    await registry.metrics();
    ms = Math.min(ms, performance.now() - start);
    isOver = true;
    await new Promise((resolve) => setImmediate(resolve));
    pauseMs = Math.min(pauseMs, longest);
  }
  limiter.close();
  return { ms, pauseMs };
}

async function measure(): Promise<Figures> {
  const [allowed, allowedObserved] = inTurns('allow');
  const [rejected, rejectedObserved] = inTurns('rate');
  const [rejectedById, observedById] = inTurns('rate', true);
  const [crowd, crowdObserved] = inTurns('rate', false, CROWD);
  const { ms } = await scrapes(65_536);
  const { pauseMs } = await scrapes(QUICK ? 200_000 : 1_000_000);
  return {
    'an allowed check ns': allowed,
    'and observed ns': allowedObserved,
    [ALLOWED]: allowedObserved / allowed,
    'a rejection by ID ns': rejectedById,
    'observed by ID ns': observedById,
    [REJECTED]: observedById / rejectedById,
    'a rejection by handle ns': rejected,
    'observed by handle ns': rejectedObserved,
    [REJECTED_BY_HANDLE]: rejectedObserved / rejected,
    'of ten times as many peers ns': crowd,
    'observed, of ten times as many ns': crowdObserved,
    'of ten times as many: ratio': crowdObserved / crowd,
    [COLLECT_MS]: ms,
    [PAUSE_MS]: pauseMs,
  };
}

export const telemetry: Question = {
  name: 'telemetry',
  title: 'What it costs to be seen',
  about: `${PEERS} peers at random, real clock; the log remembers as many, and of ${CROWD} peers a tenth; a meter, a tracer, a logger, channels and a registry; ${TURNS} turns.`,
  cases: [{ row: ROW, column: COLUMN, measure }],
  shown: { as: 'list' },
};

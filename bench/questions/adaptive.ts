// "What do limits that move and breakers that recover cost?" All limiters in one process, in short turns, so that whatever disturbs
// the machine falls on each alike. Differences and ratios are taken within a turn; their medians count.

import { requests } from '../loops.js';
import { type Figures, type Loop, middleOf, nsOfSlice, QUICK } from '../measure.js';
import { Limiter, type Peer, type RateLimiter } from '../peergate.js';
import type { Question } from '../question.js';
import { idsOf, namesOf, orderOf } from '../workload.js';

export const ROW = 'by handle, time given';
export const COLUMN = 'in turns with a limiter where all of it is off';
/** What `maxOpenFraction`, which is on by default, adds to a check and its success. */
export const DEFAULT = 'default − off, check + success, ns';
/** What `failureRateThreshold` adds to a success. */
export const WINDOW = 'failure rate − off, check + success, ns';
/** What a load factor, a class and a reputation add to a check. */
export const PRICED = 'load, class, reputation − off, check, ns';
/** checkAll of three handles ÷ a check. */
export const TOGETHER = 'checkAll of three ÷ check';

const PEERS = 1_000;
const TURNS = QUICK ? 5 : 200;
const order = orderOf(PEERS);
const GENEROUS = { maxRequestsPerSec: 1e6, burstSize: 1e9, maxPeers: PEERS + 2 };

const checks = (peers: readonly Peer[]) =>
  requests(order, true, (pick, now) => (peers[pick] as Peer).check(1, now) >= 0);

const outcomes = (peers: readonly Peer[]) =>
  requests(order, true, (pick, now) => {
    const peer = peers[pick] as Peer;
    return peer.recordSuccess(peer.check(1, now), now);
  });

function together(limiter: RateLimiter, handles: (limiter: RateLimiter) => Peer[]): Loop {
  const [method, everyone] = [limiter.peer('method', 0), limiter.peer('everyone', 0)];
  const sets = handles(limiter).map((peer) => [peer, method, everyone]);
  return requests(order, true, (pick, now) => limiter.checkAll(sets[pick] as Peer[], 1, now) >= 0);
}

function measure(): Figures {
  const ids = idsOf(namesOf('libp2p', PEERS));
  const handles = (limiter: RateLimiter) => ids.map((id) => limiter.peer(id, 0));
  // A table for each loop: one that the loop before has just been through would be in the cache.
  const off = () => new Limiter({ ...GENEROUS, maxOpenFraction: 1 });
  const windowed = new Limiter({ ...GENEROUS, maxOpenFraction: 1, failureRateThreshold: 0.5 });
  const moving = new Limiter({ ...GENEROUS, reputation: {}, classes: { trusted: { factor: 4 } } });
  // What a token costs is changed for the same peers of one table, because where things lie in memory makes a nanosecond.
  const movingPeers = handles(moving);
  const setPrices = (priced: boolean) => {
    for (const peer of movingPeers) {
      peer.setClass(priced ? 'trusted' : undefined, 0);
      peer.adjustReputation(priced ? -20 : 20, 0);
    }
    moving.setLoadFactor(priced ? 0.5 : 1, 0);
  };
  const loops = {
    check: checks(handles(off())),
    outcome: outcomes(handles(off())),
    usual: outcomes(handles(new Limiter(GENEROUS))),
    windowed: outcomes(handles(windowed)),
    plain: checks(movingPeers),
    priced: checks(movingPeers),
    together: together(off(), handles),
  };
  const turns: Record<keyof typeof loops, number>[] = [];
  for (let turn = -10; turn < TURNS; turn++) {
    const ns = { check: 0, outcome: 0, usual: 0, windowed: 0, plain: 0, priced: 0, together: 0 };
    for (const [name, loop] of Object.entries(loops)) {
      if (name === 'priced') setPrices(true);
      ns[name as keyof typeof ns] = nsOfSlice(loop);
      if (name === 'priced') setPrices(false);
    }
    if (turn >= 0) turns.push(ns); // the first turns are for the compiler
  }
  return {
    'check ns': middleOf(turns.map(({ check }) => check)),
    'check + success ns': middleOf(turns.map(({ outcome }) => outcome)),
    [DEFAULT]: middleOf(turns.map(({ outcome, usual }) => usual - outcome)),
    [WINDOW]: middleOf(turns.map(({ outcome, windowed }) => windowed - outcome)),
    [PRICED]: middleOf(turns.map(({ plain, priced }) => priced - plain)),
    [TOGETHER]: middleOf(turns.map(({ check, together }) => together / check)),
  };
}

export const adaptive: Question = {
  name: 'adaptive',
  title: 'Limits that move and breakers that recover',
  about: `${PEERS} peers at random by handle, with the time given; ${TURNS} turns.`,
  cases: [{ row: ROW, column: COLUMN, measure }],
  shown: { as: 'list' },
};

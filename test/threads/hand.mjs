// A worker thread at a shared table. Plain JavaScript over the built package, so that a thousand of them start quickly.
//
// `marks` is shared by all: how many have joined, how many rounds they have done together, whether to stop. `tally`, its
// own, is shared with the thread that started it, so that what it has counted outlives it.

import { isMainThread, workerData } from 'node:worker_threads';
import { RateLimiter, reasonOf } from 'peergate';

const JOINED = 0;
const DONE = 1;
const STOP = 2;
/** How long to wait for the others without letting anybody else have the processor. */
const SPINS = 20_000;

const { ticket, marks, tally, job } = workerData;
const limiter = RateLimiter.attach(ticket, job.now === undefined ? {} : { clock: () => job.now });

const count = (decision) => {
  tally[['allowed', 'rate_limited', 'circuit_open', 'table_full'].indexOf(reasonOf(decision))]++;
  return decision;
};

const jobs = {
  /** All threads ask for the same peer at the same moment, once a round, and tell nothing, or all that it failed. */
  meet({ threads, rounds, failing }) {
    const waitFor = (mark, value) => {
      for (let spins = 0, now = Atomics.load(marks, mark); now < value; now = Atomics.load(marks, mark)) {
        if (++spins > SPINS) Atomics.wait(marks, mark, now, 1);
      }
    };
    waitFor(JOINED, threads);
    for (let round = 1; round <= rounds; round++) {
      if (failing) limiter.recordFailure(`peer ${round}`);
      else count(limiter.check(`peer ${round}`));
      Atomics.add(marks, DONE, 1);
      waitFor(DONE, round * threads);
    }
  },

  /** Forces the circuits of a few peers open and closed in turn. What an event says follows from its time alone. */
  flip({ peers, flips }) {
    for (let i = 0; i < flips; i++) {
      const id = `peer ${i % peers}`;
      if (Math.floor(i / peers) % 2 === 0) limiter.forceOpen(id, i);
      else limiter.resetCircuit(id, i);
    }
  },

  /** Decisions and outcomes at random, as fast as they go, by handle and by ID. */
  hammer({ peers, seed, outcomes }) {
    let state = seed;
    const random = (below) => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % below;
    };
    let handle = limiter.peer(`peer ${random(peers)}`);
    while (Atomics.load(marks, STOP) === 0) {
      for (let i = 0; i < 64; i++) {
        if (random(100) === 0) {
          handle.release();
          handle = limiter.peer(`peer ${random(peers)}`);
        }
        const whom = random(2) ? handle : undefined;
        const id = `peer ${random(peers)}`;
        const permit = count(whom ? whom.check() : limiter.check(id));
        if (!outcomes || permit < 0) continue;
        const outcome = random(8);
        if (outcome < 6) whom ? whom.recordSuccess(permit) : limiter.recordSuccess(id, permit);
        else if (outcome === 6) whom ? whom.recordFailure(permit) : limiter.recordFailure(id, permit);
        else whom ? whom.recordIgnored(permit) : limiter.recordIgnored(id, permit);
        if (random(500) === 0) limiter.removePeer(id);
      }
    }
    handle.release();
  },
};

if (isMainThread) throw new Error('this file is for workers');
Atomics.add(marks, JOINED, 1);
Atomics.notify(marks, JOINED);
jobs[job.what](job);
limiter.close();

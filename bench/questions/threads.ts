// "I serve from several threads: what does it cost to share one table, and what would it cost to ask another thread?"

import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { requests } from '../loops.js';
import { type Figures, QUICK, time } from '../measure.js';
import { Limiter, type Peer, type RateLimiter } from '../peergate.js';
import type { Case, Question } from '../question.js';
import { GENEROUS_GCRA } from '../subjects.js';
import { idsOf, namesOf, orderOf } from '../workload.js';

const PEERS = 1_000;
const THREADS = availableParallelism();
const MS = QUICK ? 50 : 500;
const [maxRequestsPerSec, burstSize] = GENEROUS_GCRA;
const fileOf = (name: string) => new URL(`../threads/${name}.mjs`, import.meta.url);

const limiterOf = (shared: boolean) => new Limiter({ shared, maxPeers: PEERS, maxRequestsPerSec, burstSize });

/** One thread, a thousand peers at random, as in the other questions. */
function alone(shared: boolean): Figures {
  const limiter = limiterOf(shared);
  const handles = idsOf(namesOf('libp2p', PEERS)).map((id) => limiter.peer(id, 0));
  const step = (pick: number, now: number) => (handles[pick] as Peer).check(1, now) >= 0;
  return { ns: time(requests(orderOf(PEERS), true, step)) };
}

/** Several threads, each with one handle: all for the same peer, or each for its own. */
async function together(threads: number, contended: boolean): Promise<Figures> {
  const limiter: RateLimiter = limiterOf(true);
  const marks = new Int32Array(new SharedArrayBuffer(4));
  const said = Array.from({ length: threads }, (_, i) => {
    const peer = contended ? 'everybody' : `peer of thread ${i}`;
    const workerData = { ticket: limiter.share(), marks, threads, peer, ms: MS };
    return new Promise<number>((resolve, reject) => {
      new Worker(fileOf('decider'), { workerData }).once('message', resolve).once('error', reject);
    });
  });
  const ns = await Promise.all(said);
  return { ns: ns.reduce((sum, value) => sum + value, 0) / threads };
}

/** A round trip to the thread that has the limiter, with one question or with many in one message. */
async function central(atOnce: number): Promise<Figures> {
  const worker = new Worker(fileOf('central'));
  const ids = Array.from({ length: atOnce }, (_, i) => `peer ${i}`);
  let answered: (decisions: number[]) => void;
  worker.on('message', (decisions: number[]) => answered(decisions));
  const ask = () =>
    new Promise<number[]>((resolve) => {
      answered = resolve;
      worker.postMessage(ids);
    });
  const rounds = async (count: number) => {
    for (let i = 0; i < count; i++) {
      if (!(await ask()).every((decision) => decision >= 0)) throw new Error('a decision was not as expected');
    }
  };
  const count = QUICK ? 200 : 10_000 / Math.sqrt(atOnce);
  await rounds(count);
  const start = performance.now();
  await rounds(count);
  const ns = ((performance.now() - start) * 1e6) / count / atOnce;
  await worker.terminate();
  return { ns };
}

async function cluster(atOnce: 'one' | 'many'): Promise<Figures> {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(fileOf('cluster'))]);
  return { ns: (JSON.parse(stdout) as Record<typeof atOnce, number>)[atOnce] };
}

export const COLUMN = 'ns a decision';
export const PLAIN = 'plain build, one thread';
export const SHARED = 'shared build, one thread';

const cases: Case[] = [
  { row: PLAIN, column: COLUMN, measure: () => alone(false) },
  { row: SHARED, column: COLUMN, measure: () => alone(true) },
  { row: 'shared build, a thread with one handle', column: COLUMN, measure: () => together(1, false) },
  { row: `${THREADS} threads, a peer each`, column: COLUMN, measure: () => together(THREADS, false) },
  { row: `${THREADS} threads, all the same peer`, column: COLUMN, measure: () => together(THREADS, true) },
  { row: 'a limiter in another thread, by MessagePort', column: COLUMN, measure: () => central(1) },
  { row: 'the same, 64 questions in a message', column: COLUMN, measure: () => central(64) },
  { row: 'rate-limiter-flexible: cluster', column: COLUMN, library: true, measure: () => cluster('one') },
  { row: 'the same, 64 at once', column: COLUMN, library: true, measure: () => cluster('many') },
];

export const threads: Question = {
  name: 'threads',
  title: 'One table for several threads',
  about: `By handle, time given. For several threads the figure is the time of a decision in each thread, with all threads running concurrently on ${THREADS} cores.`,
  cases,
  shown: { as: 'grid', unit: 'ns', base: SHARED },
};

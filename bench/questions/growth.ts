// "What happens while a million peers come, and when they are all there?" Each comes with a string that was just cut out of a
// message. A table that grows stops everything while it grows. A heap full of peers has to be scanned by the garbage
// collector.

import { type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { LONG_SECONDS, load, PLENTY } from '../compare/library.js';
import { GcraMap, GcraMapOfObjects } from '../controls/gcra-map.js';
import { Twin } from '../controls/twin.js';
import { type Figures, QUICK } from '../measure.js';
import { Pauses } from '../pauses.js';
import { Limiter } from '../peergate.js';
import type { Case, Question } from '../question.js';
import { type Names, nameAt, namesOf, orderOf } from '../workload.js';

const PEERS = QUICK ? 100_000 : 1_000_000;
/** How long it runs after all peers have come. The figures of docs/performance.md are of a minute. */
const SECONDS = Number(process.env['PEERGATE_BENCH_SECONDS'] ?? (QUICK ? 0.5 : 3));
/** How many peers one turn of the event loop handles. Timers and tasks of the collector run between the turns. */
const TURN = 1_000;

export const OURS = 'peergate, by ID';
export const FILL = 'filling, s';
export const WORST = 'worst check while filling, ms';
export const GC = 'garbage collection while filling, ms';
export const BYTES = 'resident bytes a peer';
export const RUNNING = 'then by ID at random, ns';
export const P9999 = 'p99.99, µs';
export const WORST_RUNNING = 'worst check then, ms';
export const GC_RUNNING = 'garbage collection then, ms a second';

const GENEROUS = { maxRequestsPerSec: 1e6, burstSize: 1e9 };
const BREAKER = {
  circuitBreakerThreshold: 10,
  circuitBreakerTimeoutMs: 30_000,
  halfOpenProbes: 1,
  probeTimeoutMs: 30_000,
};

/** Decides on a peer that may be new. */
type Check = (id: string) => boolean;
type AsyncCheck = (id: string) => Promise<boolean>;

async function measure(make: () => Check | AsyncCheck | Promise<Check | AsyncCheck>, waits: boolean): Promise<Figures> {
  const names = namesOf('libp2p', PEERS);
  const order = orderOf(PEERS);
  // Lets the young generation grow to its full size before memory is measured.
  let length = 0;
  for (let i = 0; i < PEERS; i++) length += nameAt(names, i).length;
  if (length !== PEERS * names.length) throw new Error('the names are not as long as they should be');
  const collections = new Collections();
  const before = await residentBytes();
  collections.reset();

  const start = performance.now();
  const check = await make();
  const filling = await takeTurns(names, PEERS, (i) => i, check, waits);
  const fillMs = performance.now() - start;
  const fillGcMs = await collections.millis();
  const after = await residentBytes();

  collections.reset();
  const until = performance.now() + SECONDS * 1000;
  const running = new Pauses();
  let done = 0;
  let busyMs = 0;
  while (performance.now() < until) {
    const from = done;
    busyMs += await turn(names, TURN, (i) => order.picks[(from + i) & order.mask] as number, check, waits, running);
    done += TURN;
    await nextTurn();
  }
  return {
    [FILL]: fillMs / 1000,
    [WORST]: filling.worstNs / 1e6,
    [GC]: fillGcMs,
    [BYTES]: (after - before) / PEERS,
    [RUNNING]: (busyMs / done) * 1e6,
    [P9999]: running.percentile(0.9999) / 1000,
    [WORST_RUNNING]: running.worstNs / 1e6,
    [GC_RUNNING]: (await collections.millis()) / SECONDS,
  };
}

async function takeTurns(
  names: Names,
  count: number,
  at: (i: number) => number,
  check: Check | AsyncCheck,
  waits: boolean,
) {
  const pauses = new Pauses();
  for (let from = 0; from < count; from += TURN) {
    await turn(names, Math.min(TURN, count - from), (i) => at(from + i), check, waits, pauses);
    await nextTurn();
  }
  return pauses;
}

/** Milliseconds for `count` decisions, including cutting out the name and reading the clock. */
async function turn(
  names: Names,
  count: number,
  at: (i: number) => number,
  check: Check | AsyncCheck,
  waits: boolean,
  pauses: Pauses,
): Promise<number> {
  let allowed = 0;
  const start = performance.now();
  let last = start;
  for (let i = 0; i < count; i++) {
    const answer = check(nameAt(names, at(i)));
    if (waits ? await answer : answer) allowed++;
    const now = performance.now();
    pauses.record((now - last) * 1e6);
    last = now;
  }
  if (allowed !== count) throw new Error(`${count - allowed} of ${count} were rejected`);
  return last - start;
}

/** Observes the garbage collector: what it did, and for how long it stopped the program. */
class Collections {
  #sum = 0;
  readonly #observer = new PerformanceObserver((list) => this.#add(list.getEntries()));

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  #add(entries: readonly PerformanceEntry[]): void {
    for (const { duration } of entries) this.#sum += duration;
  }

  reset(): void {
    this.#add(this.#observer.takeRecords());
    this.#sum = 0;
  }

  async millis(): Promise<number> {
    await sleep(20);
    this.#add(this.#observer.takeRecords());
    return this.#sum;
  }
}

async function residentBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    (globalThis as unknown as { gc(): void }).gc();
    await sleep(100);
  }
  return process.memoryUsage.rss();
}

const peergate = (): Check => {
  const limiter = new Limiter({ ...GENEROUS, maxPeers: PEERS });
  return (id) => limiter.check(id) >= 0;
};

const twin = (): Check => {
  const control = new Twin(PEERS, { ...GENEROUS, ...BREAKER });
  return (id) => control.check(id) >= 0;
};

const gcra = (Control: typeof GcraMap | typeof GcraMapOfObjects) => (): Check => {
  const control = new Control(GENEROUS.maxRequestsPerSec, GENEROUS.burstSize);
  return (id) => control.check(id);
};

/** A service that keeps a `TokenBucket` for each peer makes it when it first sees the peer. */
async function limiter(): Promise<Check> {
  interface TokenBucket {
    content: number;
    tryRemoveTokens(count: number): boolean;
  }
  interface Module {
    TokenBucket: new (options: { bucketSize: number; tokensPerInterval: number; interval: number }) => TokenBucket;
  }
  const { TokenBucket } = await load<Module>('limiter');
  const buckets = new Map<string, TokenBucket>();
  return (id) => {
    let bucket = buckets.get(id);
    if (bucket === undefined) {
      bucket = new TokenBucket({ bucketSize: PLENTY, tokensPerInterval: PLENTY, interval: 1000 });
      bucket.content = PLENTY;
      buckets.set(id, bucket);
    }
    return bucket.tryRemoveTokens(1);
  };
}

async function flexible(): Promise<AsyncCheck> {
  interface Module {
    RateLimiterMemory: new (options: {
      points: number;
      duration: number;
    }) => { consume(key: string): Promise<{ readonly remainingPoints: number }> };
  }
  const { RateLimiterMemory } = await load<Module>('rate-limiter-flexible');
  const control = new RateLimiterMemory({ points: PLENTY, duration: LONG_SECONDS });
  return async (id) => (await control.consume(id)).remainingPoints >= 0;
}

async function expressStore(): Promise<AsyncCheck> {
  interface Module {
    MemoryStore: new () => {
      init(options: { windowMs: number }): void;
      increment(key: string): Promise<{ readonly totalHits: number }>;
    };
  }
  const { MemoryStore } = await load<Module>('express-rate-limit');
  const store = new MemoryStore();
  store.init({ windowMs: LONG_SECONDS * 1000 });
  return async (id) => (await store.increment(id)).totalHits <= PLENTY;
}

const subjects: [row: string, make: Parameters<typeof measure>[0], waits: boolean, library: boolean][] = [
  [OURS, peergate, false, false],
  ['its twin in plain JS, by ID', twin, false, false],
  ['GCRA over a Map of numbers (ours, no breaker)', gcra(GcraMap), false, false],
  ['GCRA over a Map of objects (ours, no breaker)', gcra(GcraMapOfObjects), false, false],
  ['limiter: Map of TokenBucket, tryRemoveTokens', limiter, false, true],
  ['rate-limiter-flexible: RateLimiterMemory, await consume', flexible, true, true],
  ['express-rate-limit: MemoryStore, await increment', expressStore, true, true],
];

const cases: Case[] = subjects.map(([row, make, waits, library]) => ({
  row,
  column: '',
  library,
  flags: ['--expose-gc', '--max-old-space-size=4096'],
  measure: () => measure(make, waits),
}));

export const growth: Question = {
  name: 'growth',
  title: `Growing to ${PEERS / 1e6} M peers, and serving them`,
  about:
    'Every peer is new once, with a string just cut out of a buffer, a thousand in a turn of the event loop. Then the peers come at random. The times include making the string and two readings of the clock.',
  cases,
  shown: { as: 'list' },
};

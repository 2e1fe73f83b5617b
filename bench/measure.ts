// Measures in the process that does the work. `benchmark` takes the samples. This file checks the results, which `benchmark`
// does not do: a loop sums up what it computes, and the sum must be the one for that many operations.

import Benchmark from 'benchmark';

export const QUICK = process.env['PEERGATE_BENCH_QUICK'] === '1';

const MAX_SECONDS = QUICK ? 0.25 : 0.8;
const MIN_SECONDS = QUICK ? 0.01 : 0.03;

/** The figures of one case in one round, by name. Times are in nanoseconds unless the name says otherwise. */
export type Figures = Readonly<Record<string, number>>;

/** Something that does `ops` operations when it is called. */
export interface Loop {
  readonly ops: number;
  /** What a call must return: the sum that shows that it did all operations. */
  readonly sink: number;
  readonly run: () => number;
}

export interface AsyncLoop {
  readonly ops: number;
  readonly sink: number;
  readonly run: () => Promise<number>;
}

/**
 * Nanoseconds for one operation in the fastest sample. That is its cost when nothing else disturbs it. A sample lasts tens
 * of milliseconds, so the work of the garbage collector is included.
 */
export function time({ ops, sink, run }: Loop): number {
  let calls = 0;
  let sum = 0;
  const bench = new Benchmark(
    'loop',
    () => {
      calls++;
      sum += run();
    },
    { maxTime: MAX_SECONDS, minTime: MIN_SECONDS },
  );
  bench.run();
  checkSink(sum, calls * sink);
  return fastest(bench) / ops;
}

/** The same for several loops in one process. They take turns, so that none gets the better moments. */
export function timeInTurns(loops: readonly Loop[], turns = 3): number[] {
  const best = loops.map(() => Number.POSITIVE_INFINITY);
  for (let turn = 0; turn < turns; turn++) {
    loops.forEach((loop, i) => {
      best[i] = Math.min(best[i] as number, time(loop));
    });
  }
  return best;
}

export function timeAsync({ ops, sink, run }: AsyncLoop): Promise<number> {
  return new Promise((resolve, reject) => {
    let calls = 0;
    let sum = 0;
    const bench = new Benchmark(
      'loop',
      (deferred: { resolve(): void }) => {
        calls++;
        run().then((value) => {
          sum += value;
          deferred.resolve();
        }, reject);
      },
      { defer: true, maxTime: MAX_SECONDS, minTime: MIN_SECONDS },
    );
    bench.on('complete', () => {
      try {
        checkSink(sum, calls * sink);
        resolve(fastest(bench) / ops);
      } catch (error) {
        reject(error);
      }
    });
    bench.run({ async: true });
  });
}

function checkSink(came: number, expected: number): void {
  if (came !== expected) throw new Error(`the loops should have summed to ${expected}, not to ${came}`);
}

function fastest(bench: Benchmark): number {
  if (bench.error !== undefined) throw bench.error;
  const { sample } = bench.stats;
  if (sample.length === 0) throw new Error('no sample was taken');
  return Math.min(...sample) * 1e9;
}

const LOOPS_IN_A_SLICE = 8;

/** ns an operation, of one short slice: for differences between subjects that are taken in turns. */
export function nsOfSlice({ ops, sink, run }: Loop): number {
  const start = performance.now();
  let sum = 0;
  for (let i = 0; i < LOOPS_IN_A_SLICE; i++) sum += run();
  const ms = performance.now() - start;
  if (sum !== sink * LOOPS_IN_A_SLICE) throw new Error(`the loops should have summed to ${sink}, not to ${sum}`);
  return (ms * 1e6) / (ops * LOOPS_IN_A_SLICE);
}

/** The upper one of the two in the middle. */
export function middleOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number;
}

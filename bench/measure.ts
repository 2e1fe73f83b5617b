// Measuring in the process that does the work. `benchmark` takes the samples; the sink is checked here, because it has
// none: what a loop computes is summed, and the sum has to be what that many operations give.

import Benchmark from 'benchmark';

export const QUICK = process.env['PEERGATE_BENCH_QUICK'] === '1';

const MAX_SECONDS = QUICK ? 0.25 : 0.8;
const MIN_SECONDS = QUICK ? 0.01 : 0.03;

/** Figures of one case in one round, by name. Times are nanoseconds unless the name says otherwise. */
export type Figures = Readonly<Record<string, number>>;

/** Something that does `ops` operations when it is called. */
export interface Loop {
  readonly ops: number;
  /** What a call gives back: the sum that shows that all was done. */
  readonly sink: number;
  readonly run: () => number;
}

export interface AsyncLoop {
  readonly ops: number;
  readonly sink: number;
  readonly run: () => Promise<number>;
}

/**
 * Nanoseconds an operation takes, in the fastest sample: what it costs when nobody disturbs. A sample lasts tens of
 * milliseconds, so what the garbage collector does for an operation is in it.
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

/** The same for several loops in one process, which take turns, so that none has the better moments. */
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

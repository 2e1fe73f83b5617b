// How late the event loop is: the mean delay of what had to wait for its turn.

import { after } from './timer.js';

/** Milliseconds of queueing. NaN, or an error, says that there is no reading. */
export type Signal = () => number;

/** A signal that is measured between its readings, until it is stopped. */
export interface Sampler {
  readonly read: Signal;
  readonly stop: () => void;
}

/** The part of Node's `perf_hooks` that is used. */
interface PerfHooks {
  monitorEventLoopDelay(options: { resolution: number }): {
    readonly count: number;
    readonly mean: number;
    enable(): void;
    disable(): void;
  };
}

const RESOLUTION_MS = 10;
const NS_PER_MS = 1e6;

/** With Node's own sampler where there is one, else with a timer. */
export function sampleEventLoop(): Sampler {
  return sampleNatively() ?? sampleByTimer();
}

/** Node's sampler is a timer, too, and what it measures includes that timer's period. */
function sampleNatively(): Sampler | undefined {
  try {
    const { process } = globalThis as { process?: { getBuiltinModule?(name: string): unknown } };
    const hooks = process?.getBuiltinModule?.('node:perf_hooks') as PerfHooks | undefined;
    if (hooks === undefined) return undefined;
    const delays = hooks.monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    delays.enable();
    // Of what was sampled so far. `reset()` would lose the next sample: all there is where the loop turns once a reading.
    let [sum, count] = [0, 0];
    return {
      read: () => {
        const [sumBefore, countBefore] = [sum, count];
        count = delays.count;
        sum = count === 0 ? 0 : delays.mean * count;
        return Math.max((sum - sumBefore) / (count - countBefore) / NS_PER_MS - RESOLUTION_MS, 0);
      },
      stop: () => delays.disable(),
    };
  } catch {
    // Some platforms have the module of that name, but not this function.
    return undefined;
  }
}

/**
 * How much later than due a timer's callbacks ran. A page in the background gets its timers once a second or less, whatever its
 * load is, so there is no reading then.
 */
export function sampleByTimer(): Sampler {
  let sum = 0;
  let count = 0;
  let cancel: () => void;
  const wait = () => {
    const due = performance.now() + RESOLUTION_MS;
    cancel = after(RESOLUTION_MS, () => {
      sum += Math.max(performance.now() - due, 0);
      count++;
      wait();
    });
  };
  wait();
  return {
    read: () => {
      const mean = isHidden() ? Number.NaN : sum / count;
      sum = 0;
      count = 0;
      return mean;
    },
    stop: () => cancel(),
  };
}

function isHidden(): boolean {
  return (globalThis as { document?: { hidden?: boolean } }).document?.hidden === true;
}

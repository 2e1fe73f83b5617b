// Measures how long single operations took, out of millions, and the worst of them. Time in which the operating system ran
// another process does not count. If the system says how long this thread waited for a processor, the worst time of each
// group is reduced by the wait of that group. Percentiles are not corrected.

import { readFileSync } from 'node:fs';
import { Histogram } from './histogram.js';

const GROUP = 1_000;

/** Nanoseconds for which the main thread was ready but did not run. Linux reports it; elsewhere it is 0. */
export function waitedNs(): number {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[1]);
  } catch {
    return 0;
  }
}

export class Pauses {
  readonly #all = new Histogram();
  #count = 0;
  #worstNs = 0;
  #groupWorstNs = 0;
  #waitedNs = waitedNs();

  record(ns: number): void {
    this.#all.record(ns);
    if (ns > this.#groupWorstNs) this.#groupWorstNs = ns;
    if (++this.#count % GROUP === 0) this.#endGroup();
  }

  #endGroup(): void {
    const waited = waitedNs();
    this.#worstNs = Math.max(this.#worstNs, this.#groupWorstNs - (waited - this.#waitedNs));
    this.#groupWorstNs = 0;
    this.#waitedNs = waited;
  }

  get worstNs(): number {
    this.#endGroup();
    return this.#worstNs;
  }

  percentile(share: number): number {
    return this.#all.percentile(share);
  }
}

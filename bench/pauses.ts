// How long single operations took, of millions of them, and the worst. The time for which the operating system let somebody
// else run is not the operation's: where it tells how long this thread had to wait for a processor, the worst of each group
// is shortened by the group's wait. The percentiles are as the clock saw them.

import { readFileSync } from 'node:fs';
import { Histogram } from './histogram.js';

const GROUP = 1_000;

/** Nanoseconds for which the main thread was ready to run and was not let. Linux tells; elsewhere it is 0. */
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

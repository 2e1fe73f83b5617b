// Counts durations by their logarithm, in 16 buckets for each octave. A percentile is right to 4 %; the maximum is exact.

const BUCKETS_AN_OCTAVE = 16;
const OCTAVES = 40;

export class Histogram {
  readonly #counts = new Float64Array(OCTAVES * BUCKETS_AN_OCTAVE);
  #count = 0;
  #max = 0;

  record(ns: number): void {
    const bucket = ns <= 1 ? 0 : Math.floor(Math.log2(ns) * BUCKETS_AN_OCTAVE);
    const at = Math.min(bucket, this.#counts.length - 1);
    this.#counts[at] = (this.#counts[at] as number) + 1;
    this.#count++;
    if (ns > this.#max) this.#max = ns;
  }

  get max(): number {
    return this.#max;
  }

  /** The duration that this share of the recorded ones does not exceed. */
  percentile(share: number): number {
    let left = share * this.#count;
    for (let i = 0; i < this.#counts.length; i++) {
      left -= this.#counts[i] as number;
      if (left <= 0) return Math.min(2 ** ((i + 1) / BUCKETS_AN_OCTAVE), this.#max);
    }
    return this.#max;
  }
}

// How much peers ask for, as a histogram in buckets of 5 % that forgets half of what it knows in a day.
//
// A peer that was rejected would have asked for more than it got: it is censored there. The product-limit estimator
// (E. L. Kaplan, P. Meier, "Nonparametric estimation from incomplete observations", JASA 53, 1958) takes it for a peer that asks
// for at least that, and for nothing else. So what was seen under lower limits neither counts as the demand nor is lost.

const BUCKET = Math.log(1.05);
/** The demand at which the first bucket begins: one request in three hours. */
const LEAST = 1e-4;
/** Up to 10⁶ requests a second, the highest limit there is. */
const BUCKETS = Math.ceil(Math.log(1e6 / LEAST) / BUCKET) + 1;
const HALF_LIFE_MS = 86_400_000;

export class Demand {
  readonly #asked = new Float64Array(BUCKETS);
  readonly #censored = new Float64Array(BUCKETS);

  /** What is left of it after so long. */
  aged(passedMs: number): Demand {
    const kept = 2 ** (-passedMs / HALF_LIFE_MS);
    const left = new Demand();
    for (let i = 0; i < BUCKETS; i++) {
      left.#asked[i] = (this.#asked[i] as number) * kept;
      left.#censored[i] = (this.#censored[i] as number) * kept;
    }
    return left;
  }

  /** Adds a peer that got so many requests a second; `isCensored`: it asked for more. */
  add(perSec: number, isCensored: boolean, weight: number): void {
    const bucket = Math.floor(Math.log(Math.max(perSec, LEAST) / LEAST) / BUCKET);
    const counts = isCensored ? this.#censored : this.#asked;
    const at = Math.min(bucket, BUCKETS - 1);
    counts[at] = (counts[at] as number) + weight;
  }

  /** Requests a second that this fraction of the peers stays below; undefined where all that is known is that it is more. */
  percentile(fraction: number): number | undefined {
    let left = 0;
    for (let i = 0; i < BUCKETS; i++) left += (this.#asked[i] as number) + (this.#censored[i] as number);
    // The fraction of the peers that ask for more than the buckets so far.
    let above = 1;
    for (let i = 0; i < BUCKETS && left > 0; i++) {
      const asked = this.#asked[i] as number;
      const next = above * (1 - asked / left);
      if (next <= 1 - fraction && above > next) {
        const within = (above - (1 - fraction)) / (above - next);
        return LEAST * Math.exp((i + within) * BUCKET);
      }
      above = next;
      left -= asked + (this.#censored[i] as number);
    }
    return undefined;
  }
}

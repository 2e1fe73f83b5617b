// A scenario: a closed loop of peers, limiter and server in virtual time, and what has to hold in it.

import type { Chart } from './chart.js';

/** A promise, what was measured, and whether it holds. */
export interface Criterion {
  readonly promise: string;
  readonly measured: string;
  readonly holds: boolean;
}

export interface Outcome {
  readonly criteria: readonly Criterion[];
  readonly chart: Chart;
  /** Figures that no criterion judges, for comparison. */
  readonly notes?: readonly string[];
}

export interface Scenario {
  /** The name that `--only` takes. */
  readonly name: string;
  readonly title: string;
  /** What is simulated. */
  readonly about: string;
  readonly run: () => Outcome | Promise<Outcome>;
  /** The file of its picture in docs/. Default: `adaptive-` and the name. */
  readonly picture?: string;
}

export function pictureOf({ name, picture = `adaptive-${name}.svg` }: Scenario): string {
  return picture;
}

export function criterion(promise: string, measured: string, holds: boolean): Criterion {
  return { promise, measured, holds };
}

/** A fraction as a reader wants it. */
export function percent(fraction: number, digits = 1): string {
  return `${(fraction * 100).toFixed(digits)} %`;
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

/** One point for each `everyMs` of a series: the sum of what was added in it, a second. */
export class Meter {
  readonly #everyMs: number;
  readonly #sums: number[] = [];

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  add(nowMs: number, amount = 1): void {
    const at = Math.floor(nowMs / this.#everyMs);
    while (this.#sums.length <= at) this.#sums.push(0);
    this.#sums[at] = (this.#sums[at] as number) + amount;
  }

  /** Points at the middle of each interval: seconds, and an amount a second. */
  perSec(untilMs: number): [x: number, y: number][] {
    return Array.from({ length: Math.ceil(untilMs / this.#everyMs) }, (_, i) => [
      ((i + 0.5) * this.#everyMs) / 1_000,
      ((this.#sums[i] ?? 0) * 1_000) / this.#everyMs,
    ]);
  }
}

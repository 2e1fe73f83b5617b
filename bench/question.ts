// A question that a user asks, as cases to be measured. Each case runs in its own process.

import type { Figures } from './measure.js';

export interface Case {
  /** What is measured, and how: a row and a column of the question's table. */
  readonly row: string;
  readonly column: string;
  /** Whether it needs the packages of bench/package.json. */
  readonly library?: boolean;
  /** Command-line flags for Node. */
  readonly flags?: readonly string[];
  readonly measure: () => Figures | Promise<Figures>;
}

export interface Question {
  /** The name that `--only` takes. */
  readonly name: string;
  readonly title: string;
  /** What you need to know to read the table. */
  readonly about: string;
  readonly cases: readonly Case[];
  /**
   * How it is shown. A grid shows one figure for each case, in the row and column that the case names, with the ratio to the
   * row `base` of the same column. A list has one row for each case, with all its figures.
   */
  readonly shown: { readonly as: 'grid'; readonly unit: string; readonly base: string } | { readonly as: 'list' };
}

/** The figure that the cases of a grid measure. */
export const FIGURE = 'ns';

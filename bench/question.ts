// A question a user asks, as cases to be measured, each in a process of its own.

import type { Figures } from './measure.js';

export interface Case {
  /** Who is measured, and under which circumstances: a line and a column of the question's table. */
  readonly row: string;
  readonly column: string;
  /** Needs the packages of bench/package.json. */
  readonly library?: boolean;
  /** For Node. */
  readonly flags?: readonly string[];
  readonly measure: () => Figures | Promise<Figures>;
}

export interface Question {
  /** For `--only`. */
  readonly name: string;
  readonly title: string;
  /** What a reader has to know to read the table. */
  readonly about: string;
  readonly cases: readonly Case[];
  /**
   * How it is shown. A grid has one figure a case, lines and columns as the cases say, and in each column the ratio to the
   * line named by `base`; a list has one line a case and all its figures.
   */
  readonly shown: { readonly as: 'grid'; readonly unit: string; readonly base: string } | { readonly as: 'list' };
}

/** What a grid's cases measure. */
export const FIGURE = 'ns';

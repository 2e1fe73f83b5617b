// Tables of results in Markdown: medians, the spread of the rounds, and ratios.

import { each, median, type Result } from './harness.js';
import { FIGURE, type Question } from './question.js';

export function table(question: Question, results: readonly Result[]): string {
  const { shown, title, about } = question;
  const lines = shown.as === 'grid' ? grid(results, shown.base, shown.unit) : list(results);
  return [`### ${title}`, '', about, '', ...lines, ''].join('\n');
}

const unique = (values: readonly string[]) => [...new Set(values)];

/** Half the distance between the smallest and the largest value, in percent of the median. */
function spread(all: readonly number[]): string {
  const values = all.filter((value) => !Number.isNaN(value));
  const middle = median(values);
  return values.length < 2 || middle === 0
    ? ''
    : ` ±${Math.round(((Math.max(...values) - Math.min(...values)) / 2 / middle) * 100)} %`;
}

export function shownNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en').replaceAll(',', ' ');
  return value.toPrecision(Math.abs(value) >= 1 ? 3 : 2);
}

function grid(results: readonly Result[], base: string, unit: string): string[] {
  const rows = unique(results.map(({ row }) => row));
  const columns = unique(results.map(({ column }) => column));
  const at = (row: string, column: string) => results.find((result) => result.row === row && result.column === column);
  const cell = (row: string, column: string) => {
    const result = at(row, column);
    if (result === undefined) return '';
    const values = each(result, FIGURE);
    const reference = at(base, column);
    const ratio =
      reference === undefined || row === base
        ? ''
        : `, × ${(median(values) / median(each(reference, FIGURE))).toFixed(2)}`;
    return `${shownNumber(median(values))}${spread(values)}${ratio}`;
  };
  return [
    `| ${unit} | ${columns.join(' | ')} |`,
    `|---|${columns.map(() => '---').join('|')}|`,
    ...rows.map((row) => `| ${row} | ${columns.map((column) => cell(row, column)).join(' | ')} |`),
  ];
}

function list(results: readonly Result[]): string[] {
  const figures = unique(results.flatMap(({ rounds }) => rounds.flatMap((round) => Object.keys(round))));
  const several = unique(results.map(({ column }) => column)).length > 1;
  return [
    `| | ${several ? '| ' : ''}${figures.join(' | ')} |`,
    `|---|${several ? '---|' : ''}${figures.map(() => '---').join('|')}|`,
    ...results.map((result) => {
      const cells = figures.map((figure) => {
        const values = each(result, figure);
        return values.every(Number.isNaN) ? '' : `${shownNumber(median(values))}${spread(values)}`;
      });
      return `| ${result.row} | ${several ? `${result.column} | ` : ''}${cells.join(' | ')} |`;
    }),
  ];
}

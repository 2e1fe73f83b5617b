// `npm test [part of a path …]`: runs every test/**/*.test.ts, or those that are named, each in a process of its own, and
// counts. uvu passes over a file that never calls `run()` and over an empty pattern in silence; here a file without
// tests fails, and so does a whole run with fewer tests than this project is known to have.

import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { buildCore } from './build/core.js';
import { buildDist } from './build/dist.js';
import { buildReference } from './build/reference.js';
import { filesBelow, root } from './build/stamp.js';

/** How many tests a whole run has at least. Raise it with the suite. */
const EXPECTED = 3160;

const FILE_TIMEOUT_MS = 10 * 60_000;

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** uvu's summary, read from the end of what a file printed; one failure where it is missing or does not add up. */
function outcomeOf(output: string, exitCode: number | null): Outcome {
  const count = (name: string) => {
    const lines = [...output.matchAll(new RegExp(`^\\s*${name}:\\s+(\\d+)\\s*$`, 'gm'))];
    return Number(lines.at(-1)?.[1] ?? 0);
  };
  const [total, passed, skipped] = [count('Total'), count('Passed'), count('Skipped')];
  const failed = total - passed; // uvu does not count the skipped ones in its total
  const sound = total + skipped > 0 && (exitCode === 0) === (failed === 0);
  return { passed, skipped, failed: sound ? failed : Math.max(failed, 1) };
}

/** What a file has to say apart from uvu's dots and summary: seeds, sizes, why a test was skipped. */
function remarks(output: string): string {
  return output
    .replace(/^\s*(Total|Passed|Skipped|Duration):? .*$/gm, '')
    .replace(/^.*?[•✘ ]*\s*\(\d+ \/ \d+\)\s*$/gm, '')
    .replace(BEHAVIOURS, '')
    .replace(/\n{2,}/g, '\n')
    .trim();
}

/** What the adapters' suites print about each adapter (test/adapters/behaviours.ts): the rows of the table below. */
const BEHAVIOURS = /^behaviours of (.+?): (\{.*\})$/gm;
const adapters = new Map<string, Record<string, string>>();

function noteBehaviours(output: string): void {
  for (const [, name = '', kept = '{}'] of output.matchAll(BEHAVIOURS)) adapters.set(name, JSON.parse(kept));
}

/** Adapters × behaviours. A reason stands where a framework cannot have a behaviour. */
function printBehaviours(): void {
  if (adapters.size === 0) return;
  const rows = [...adapters].sort(([one], [other]) => one.localeCompare(other));
  const behaviours = [...new Set(rows.flatMap(([, kept]) => Object.keys(kept)))];
  const footnotes: string[] = [];
  const mark = (text = '–') => {
    if (text.length <= 3) return text;
    if (!footnotes.includes(text)) footnotes.push(text);
    return `${footnotes.indexOf(text) + 1})`;
  };
  const width = Math.max(...behaviours.map(({ length }) => length)) + 2;
  const columns = rows.map(([name]) => Math.max(name.length, 4) + 2);
  const line = (first: string, cells: string[]) =>
    console.log((first.padEnd(width) + cells.map((cell, i) => cell.padEnd(columns[i] as number)).join('')).trimEnd());
  line(
    'adapters',
    rows.map(([name]) => name),
  );
  for (const behaviour of behaviours)
    line(
      behaviour,
      rows.map(([, kept]) => mark(kept[behaviour])),
    );
  for (const [i, footnote] of footnotes.entries()) console.log(`${i + 1}) ${footnote}`);
}

function runFile(file: string): Promise<Outcome> {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(process.execPath, ['--import', 'tsx', file], {
      cwd: root,
      env: { ...process.env, FORCE_COLOR: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: FILE_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    const take = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('close', (exitCode, signal) => {
      const outcome = outcomeOf(output, exitCode);
      noteBehaviours(output);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      const { passed, failed, skipped } = outcome;
      const ended = exitCode === 0 ? '' : `, ended with ${signal ?? exitCode}`;
      console.log(
        `${failed === 0 ? 'ok    ' : 'FAILED'} ${file}: ${passed} passed` +
          `${failed === 0 ? '' : `, ${failed} failed${ended}`}${skipped === 0 ? '' : `, ${skipped} skipped`} (${seconds} s)`,
      );
      const text = failed === 0 ? remarks(output) : output.trim();
      if (text !== '') console.log(text.replace(/^/gm, '         '));
      resolve(outcome);
    });
  });
}

const wanted = process.argv.slice(2);
const files = filesBelow('test').filter(
  (file) => file.endsWith('.test.ts') && (wanted.length === 0 || wanted.some((part) => file.includes(part))),
);

await buildCore();
if (files.some((file) => /package|threads|readme|examples/.test(file))) await buildDist();
if (files.some((file) => file.includes('package'))) await buildReference();

const outcomes: Outcome[] = [];
const queue = [...files];
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) outcomes.push(await runFile(file));
  }),
);

printBehaviours();

const sum = (part: keyof Outcome) => outcomes.reduce((total, outcome) => total + outcome[part], 0);
const [passed, skipped] = [sum('passed'), sum('skipped')];
let failed = sum('failed');
if (files.length === 0) {
  console.log(`no test file has ${wanted.join(' or ')} in its path`);
  failed++;
} else if (wanted.length === 0 && passed + failed + skipped < EXPECTED) {
  console.log(`expected at least ${EXPECTED} tests, but only ${passed + failed + skipped} ran`);
  failed++;
}
if (skipped > 0) {
  console.log(`${skipped} skipped${process.env['CI'] ? ', which counts as a failure here' : ''}`);
  if (process.env['CI']) failed += skipped;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

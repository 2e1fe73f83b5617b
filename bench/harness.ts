// Runs the cases, each in its own process, in several rounds. Each round starts with another case, so that no case always
// gets the warmest or the coolest machine. The median over the rounds counts; the report also says how far they are apart.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Figures } from './measure.js';
import type { Case, Question } from './question.js';

export interface RunOptions {
  readonly rounds: number;
  readonly quick: boolean;
  /** Path of the Node that runs the cases. */
  readonly engine: string;
  readonly progress: (done: number, total: number, what: string) => void;
  /** Called for a case that could not be measured. The other cases go on. */
  readonly failed: (error: Error) => void;
}

/** The figures of every round, by name. */
export interface Result {
  readonly question: string;
  readonly row: string;
  readonly column: string;
  readonly rounds: readonly Figures[];
}

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));
const LIMIT_MS = 10 * 60_000;

function measure(question: Question, index: number, { engine, quick }: RunOptions): Promise<Figures> {
  const { flags = [], row, column } = question.cases[index] as Case;
  return new Promise((resolve, reject) => {
    const child = spawn(engine, [...flags, '--import', 'tsx', CHILD, question.name, String(index)], {
      env: { ...process.env, PEERGATE_BENCH_QUICK: quick ? '1' : '' },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(JSON.parse(output.trim().split('\n').at(-1) as string) as Figures);
      else reject(new Error(`${question.name}: ${row}, ${column}: ended with ${signal ?? code}\n${errors}`));
    });
  });
}

export async function run(question: Question, options: RunOptions): Promise<Result[]> {
  const { cases, name } = question;
  const rounds = cases.map((): Figures[] => []);
  const total = cases.length * options.rounds;
  let done = 0;
  for (let round = 0; round < options.rounds; round++) {
    const first = Math.floor((round * cases.length) / options.rounds);
    for (let i = 0; i < cases.length; i++) {
      const index = (first + i) % cases.length;
      const { row, column } = cases[index] as Case;
      options.progress(done++, total, `${name}: ${row}, ${column}`);
      try {
        (rounds[index] as Figures[]).push(await measure(question, index, options));
      } catch (error) {
        options.failed(error as Error);
        (rounds[index] as Figures[]).push({});
      }
    }
  }
  return cases.map(({ row, column }, i) => ({ question: name, row, column, rounds: rounds[i] as Figures[] }));
}

/** The median of those values that are numbers; a case that failed has NaN. */
export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** The values of one figure, one for each round. */
export function each({ rounds }: Result, figure: string): number[] {
  return rounds.map((figures) => figures[figure] ?? Number.NaN);
}

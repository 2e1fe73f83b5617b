// `npm run bench`: what a decision costs. One process a case, several rounds in rotated order, medians; ratios are of this
// run, absolute figures of this machine. `--json` for the numbers alone, `--quick` for one round.

import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cases } from './cases.js';

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
});
const ROUNDS = values.quick ? 1 : 3;
const SIZES = [1_000, 100_000];

interface Result {
  readonly peers: number;
  readonly name: string;
  readonly ns: number;
  readonly worst: number;
}

function measure(peers: number, index: number): number {
  const file = fileURLToPath(new URL('./decision.ts', import.meta.url));
  const output = execFileSync(process.execPath, ['--import', 'tsx', file, String(peers), String(index)], {
    encoding: 'utf8',
  });
  return (JSON.parse(output) as { ns: number }).ns;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

const names = cases(1).map(({ name }) => name);
const results: Result[] = [];
for (const peers of SIZES) {
  const seen = names.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < names.length; i++) {
      const index = (i + round) % names.length;
      (seen[index] as number[]).push(measure(peers, index));
    }
  }
  names.forEach((name, index) => {
    const times = seen[index] as number[];
    results.push({ peers, name, ns: median(times), worst: Math.max(...times) });
  });
}

const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.version}`;
if (values.json) {
  console.log(JSON.stringify({ machine, results }));
} else {
  console.log(`npm run bench · ${machine} · median of ${ROUNDS}, ns a decision\n`);
  console.log('| one decision | 1 000 peers | 100 000 peers | ratio to the first |');
  console.log('|---|---|---|---|');
  const at = (peers: number, name: string) =>
    results.find((result) => result.peers === peers && result.name === name)?.ns ?? Number.NaN;
  const first = at(1_000, names[0] as string);
  for (const name of names) {
    const [small, large] = [at(1_000, name), at(100_000, name)];
    console.log(`| ${name} | ${small.toFixed(1)} | ${large.toFixed(1)} | ${(small / first).toFixed(2)} |`);
  }
}

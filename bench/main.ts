// `npm run bench`: what peergate costs, and what other libraries cost. Compare only ratios of one run; absolute figures hold for
// one machine.
//
//   --only NAME[,NAME]   asks these questions      --quick     runs one short round, to see that everything works
//   --json               prints only the figures   --gate      says which bars of bench/bars.json hold; exit code 1 if one fails
//   --rounds N           default 3                 --node N    measures with that version of Node, from the npm package `node`

import { parseArgs } from 'node:util';
import { verifyControls } from './controls/verify.js';
import { bars, judge } from './gate.js';
import { type Result, run } from './harness.js';
import { engineOf, hasLibraries, installLibraries } from './install.js';
import { machine } from './machine.js';
import { questions } from './questions/index.js';
import { table } from './report.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    gate: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    node: { type: 'string' },
  },
});

const names = values.only?.split(',') ?? questions.map(({ name }) => name);
const chosen = names.map((name) => {
  const found = questions.find((question) => question.name === name);
  if (found !== undefined) return found;
  throw new Error(`no question ${name}; there are ${questions.map((question) => question.name).join(', ')}`);
});
const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds: expected an integer of at least 1`);

const engine = engineOf(values.node);
if (!hasLibraries() && chosen.some(({ cases }) => cases.some(({ library }) => library))) installLibraries();
verifyControls();

const say = (text: string) => {
  if (!values.json) console.log(text);
};
const about = machine(engine);
say(
  `\`npm run bench${process.argv
    .slice(2)
    .map((arg) => ` ${arg}`)
    .join('')}\` · ${about} · median of ${rounds}\n`,
);

const results: Result[] = [];
for (const question of chosen) {
  const found = await run(question, { rounds, quick: values.quick, engine, progress, failed });
  results.push(...found);
  say(table(question, found));
}
const judgements = bars.map((bar) => judge(bar, results));
if (values.json) console.log(JSON.stringify({ machine: about, rounds, results, bars: judgements }));
if (values.gate) {
  const asked = judgements.filter(({ value }) => value !== undefined);
  say('| question | bar | measured | |\n|---|---|---|---|');
  for (const { question, bar, shown, holds } of asked)
    say(`| ${question} | ${bar} | ${shown} | ${holds ? 'holds' : 'FAILS'} |`);
  if (!asked.every(({ holds }) => holds)) process.exitCode = 1;
}

function failed(error: Error): void {
  console.error(error.message);
  process.exitCode = 1;
}

function progress(done: number, total: number, what: string): void {
  if (process.stderr.isTTY)
    process.stderr.write(`\r\x1b[K${done + 1}/${total} ${what}${done + 1 === total ? '\r\x1b[K' : ''}`);
}

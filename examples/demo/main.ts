// A JSON-RPC server under attack, with honest peers on it: quiet for three tenths of the time, then a peer that floods,
// one that makes the handler fail, and one that comes under a new name for every request. Exit code 0 if the limiter
// kept its promises, 1 if not, 2 for bad options. A slow machine makes a run longer and changes no verdict.

import { during } from '../../scripts/progress.js';
import { Client, type Done, EndedEarly, endAll, Server } from './crew.js';
import { hasEngine, NO_ENGINE, runNodes } from './nodes.js';
import { type DemoOptions, readOptions, USAGE } from './options.js';
import {
  type ClientCounts,
  EXIT_BAD_OPTION,
  FLOODER,
  HONEST,
  type Plan,
  planOf,
  type Role,
  type ServerReport,
} from './plan.js';
import { LEGEND, summaryLines, tableLines } from './table.js';
import { judge, type Summary } from './verdict.js';
import { phase } from './wait.js';

const TABLE_EVERY_MS = 1000;

function optionsOrExit(): DemoOptions {
  try {
    const options = readOptions(process.argv.slice(2));
    if (options !== 'help') return options;
    console.log(USAGE);
    process.exit(0);
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(EXIT_BAD_OPTION);
  }
}

/** Prints a table: over the last one in a terminal, in which a line must not wrap then, below it elsewhere. */
function printer(): (lines: readonly string[]) => void {
  const { isTTY, columns } = process.stdout;
  let printed = 0;
  return (lines) => {
    if (isTTY && printed > 0) process.stdout.write(`\x1b[${printed}A\x1b[J`);
    console.log(lines.map((line) => (isTTY ? line.slice(0, columns) : line)).join('\n'));
    printed = lines.length;
  };
}

/** Whether a limiter had to act: the flooder was over its limit, and the failing peer's circuit opened and closed. */
function isJudgeable({ peers, circuitClosed }: ServerReport): boolean {
  return (peers[FLOODER]?.rateLimited ?? 0) > 0 && circuitClosed > 0;
}

async function run(options: DemoOptions, plan: Plan): Promise<{ summary: Summary; report: ServerReport }> {
  const print = printer();
  const counts = new Map<string, ClientCounts>();
  const note = (seen: Done['counts']) => {
    for (const count of seen) counts.set(count.peer, count);
  };
  const [server, honest, attackers] = await during('starting a server and four clients', async () => {
    const server = await Server.start(plan);
    const starting = (role: Role) => Client.start(role, [server.url], plan, note);
    const [honest, ...attackers] = await Promise.all([
      starting('honest'),
      starting('flooder'),
      starting('failing'),
      starting('renamer'),
    ]);
    return [server, honest, attackers] as const;
  });
  const started = performance.now();
  let title = 'quiet';
  if (!options.json) console.log(`${LEGEND.join('\n')}\n`);
  const showing = setInterval(async () => {
    const report = await server.report().catch(() => undefined);
    if (report === undefined || options.json) return;
    print(tableLines(`${((performance.now() - started) / 1000).toFixed(0).padStart(3)} s, ${title}`, counts, report));
  }, TABLE_EVERY_MS);
  const countsOf = (what: 'sent' | 'answered') => HONEST.map((peer) => counts.get(peer)?.[what] ?? 0);

  try {
    honest.begin();
    await phase(plan.quietMs, () => countsOf('answered').every((count) => count > 0));
    // Samples carry the time of day of their process; both processes read the same one.
    const attackAtMs = performance.timeOrigin + performance.now();
    server.attackBegins();
    title = 'under attack';
    for (const attacker of attackers) attacker.begin();
    const before = countsOf('sent');
    await phase(plan.attackMs, async () => {
      if (!plan.isProtected) return true;
      const areServed = countsOf('answered').every((count, i) => count > (before[i] ?? 0));
      return areServed && isJudgeable(await server.report());
    });
    const [{ samples }] = await Promise.all([honest.stop(), ...attackers.map((attacker) => attacker.stop())]);
    for (const client of [honest, ...attackers]) note((await client.done).counts);
    const report = await server.report();
    const { sent = 0, rejected: told = 0 } = counts.get(FLOODER) ?? {};
    const summary = judge(plan, samples, attackAtMs, { sent, told }, report);
    if (!options.json) print(tableLines('at the end', counts, report));
    return { summary, report };
  } finally {
    clearInterval(showing);
    endAll();
  }
}

const options = optionsOrExit();
const plan = planOf(options);
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.once(signal, () => process.exit(code));
}
process.once('exit', endAll);

async function runAlone(): Promise<boolean> {
  const { summary, report } = await run(options, plan);
  if (options.json)
    console.log(JSON.stringify({ options, plan, summary, transitions: report.transitions, threads: report.threads }));
  else console.log(`\n${summaryLines(plan, summary, report).join('\n')}`);
  return summary.ok;
}

async function runTogether(): Promise<boolean> {
  if (!hasEngine()) {
    console.error(`--nodes: ${NO_ENGINE}`);
    process.exit(EXIT_BAD_OPTION);
  }
  const summary = await runNodes(plan, (lines) => {
    if (!options.json) console.log(lines.join('\n'));
  });
  if (options.json) console.log(JSON.stringify({ options, plan, summary }));
  return summary.ok;
}

const ok = await (options.nodes === 1 ? runAlone() : runTogether()).catch((error) => {
  // Its server has said why.
  if (error instanceof EndedEarly && error.code === EXIT_BAD_OPTION) process.exit(EXIT_BAD_OPTION);
  throw error;
});
process.exitCode = ok ? 0 : 1;

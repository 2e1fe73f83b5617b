// A JSON-RPC server under attack, with honest peers on it: quiet for three tenths of the time, then a peer that floods,
// one that makes the handler fail, and one that comes under a new name for every request. Exit code 0 if the limiter
// kept its promises, 1 if not, 2 for bad options.

import { Client, type Done, endAll, Server } from './crew.js';
import { type DemoOptions, readOptions, USAGE } from './options.js';
import { type ClientCounts, FLOODER, type Plan, planOf, type Role, type ServerReport } from './plan.js';
import { summaryLines, tableLines } from './table.js';
import { judge, type Summary } from './verdict.js';

const TABLE_EVERY_MS = 1000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function optionsOrExit(): DemoOptions {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

/** Prints a table: over the last one in a terminal, below it elsewhere. */
function printer(): (lines: readonly string[]) => void {
  let printed = 0;
  return (lines) => {
    if (process.stdout.isTTY && printed > 0) process.stdout.write(`\x1b[${printed}A\x1b[J`);
    console.log(lines.join('\n'));
    printed = lines.length;
  };
}

async function run(options: DemoOptions, plan: Plan): Promise<{ summary: Summary; report: ServerReport }> {
  const print = printer();
  const counts = new Map<string, ClientCounts>();
  const note = (seen: Done['counts']) => {
    for (const count of seen) counts.set(count.peer, count);
  };
  const server = await Server.start(plan);
  const starting = (role: Role) => Client.start(role, server.url, plan, note);
  const [honest, ...attackers] = await Promise.all([
    starting('honest'),
    starting('flooder'),
    starting('failing'),
    starting('renamer'),
  ]);
  const started = performance.now();
  let phase = 'quiet';
  const showing = setInterval(async () => {
    const report = await server.report().catch(() => undefined);
    if (report === undefined || options.json) return;
    print(tableLines(`${((performance.now() - started) / 1000).toFixed(0).padStart(3)} s, ${phase}`, counts, report));
  }, TABLE_EVERY_MS);

  try {
    honest.begin();
    await pause(plan.quietMs);
    // Samples carry the time of day of their process; both processes read the same one.
    const attackAtMs = performance.timeOrigin + performance.now();
    server.attackBegins();
    phase = 'under attack';
    for (const attacker of attackers) attacker.begin();
    await pause(plan.attackMs);
    const [{ samples }] = await Promise.all([honest.stop(), ...attackers.map((attacker) => attacker.stop())]);
    for (const client of [honest, ...attackers]) note((await client.done).counts);
    const report = await server.report();
    const summary = judge(plan, samples, attackAtMs, counts.get(FLOODER)?.sent ?? 0, report);
    if (!options.json) print(tableLines('at the end', counts, report));
    return { summary, report };
  } finally {
    clearInterval(showing);
    endAll();
  }
}

const options = optionsOrExit();
const plan = planOf(options);
process.once('SIGINT', () => {
  endAll();
  process.exit(130);
});
process.once('exit', endAll);

const { summary, report } = await run(options, plan);
if (options.json)
  console.log(JSON.stringify({ options, plan, summary, transitions: report.transitions, threads: report.threads }));
else console.log(`\n${summaryLines(plan, summary, report).join('\n')}`);
process.exitCode = summary.ok ? 0 : 1;

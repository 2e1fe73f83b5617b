// `--nodes N`: the demo's server in several processes, one limit for all of them, and a peer that floods each. Redis is killed on the way
// and comes back. Exit code 0 if the flooder was held to what is promised and no honest peer was refused.

import { Server as Engine, SERVERS, serverPaths } from '../../scripts/engine.js';
import { during } from '../../scripts/progress.js';
import { Client, Server } from './crew.js';
import type { DemoOptions } from './options.js';
import { EXIT_BAD_OPTION, FLOODER, type Plan, planOf, type ServerReport } from './plan.js';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** What all nodes together have given the flooder, at most so long ago. */
interface Look {
  readonly given: number;
  readonly atMs: number;
  readonly states: readonly string[];
}

async function look(servers: readonly Server[]): Promise<Look> {
  const reports: ServerReport[] = await Promise.all(servers.map((server) => server.report()));
  return {
    given: sum(reports.map(({ handled }) => handled[FLOODER] ?? 0)),
    atMs: performance.now(),
    states: reports.map(({ cluster }) => cluster?.state ?? ''),
  };
}

/** Runs it; the exit code. */
export async function runNodes(options: DemoOptions): Promise<number> {
  const { nodes, seconds } = options;
  if (serverPaths.length === 0) {
    console.error(`--nodes: expected ${SERVERS.join(' or ')} on the path: install the package redis-server`);
    return EXIT_BAD_OPTION;
  }
  const engine = await Engine.start();
  try {
    const plan: Plan = { ...planOf(options), cluster: { port: engine.port, nodes } };
    const credit = Math.max(1, Math.floor(plan.burst / (2 * nodes)));
    const rejected = new Map<string, number>();
    const note = (counts: readonly { peer: string; rejected: number }[]) => {
      for (const { peer, rejected: count } of counts) rejected.set(peer, count);
    };
    const [servers, clients] = await during(
      `starting ${nodes} servers, ${serverPaths[0]}, and their clients`,
      async () => {
        const servers = await Promise.all(Array.from({ length: nodes }, () => Server.start(plan)));
        const flooders = servers.map(({ url }) => Client.start('flooder', url, plan, () => {}));
        return [
          servers,
          await Promise.all([Client.start('honest', (servers[0] as Server).url, plan, note), ...flooders]),
        ] as const;
      },
    );
    for (const client of clients) client.begin();
    await pause(500);
    const first = await look(servers);
    const lines: string[] = [];
    const phase = async (what: string, ms: number, before: Look) => {
      await pause(ms);
      const now = await look(servers);
      const rate = ((now.given - before.given) * 1000) / (now.atMs - before.atMs);
      const line = `${what.padEnd(34)} ${rate.toFixed(1).padStart(8)}/s   limit ${plan.ratePerSec}/s   nodes: ${now.states.join(', ')}`;
      lines.push(line);
      if (!options.json) console.log(line);
      return { now, rate, seconds: (now.atMs - before.atMs) / 1000 };
    };
    const part = seconds * 250;
    const up = await phase('with Redis', part, first);
    const given = up.now.given;
    // Since the first request, so that the burst is in it; a look takes a moment.
    const most = plan.burst + (plan.ratePerSec * (up.now.atMs - first.atMs + 1500)) / 1000 + nodes * credit;
    await engine.kill();
    await pause(500);
    const down = await phase('Redis was killed: shares', part, await look(servers));
    await engine.start();
    await pause(1500);
    const back = await phase('Redis is back, and empty', part, await look(servers));
    // A window of a flood may hold the credits as well.
    const mostAfter = 1.1 * plan.ratePerSec + (nodes * credit) / back.seconds;
    note((await (clients[0] as Client).stop()).counts);
    await Promise.all(clients.slice(1).map((client) => client.stop()));
    const refused = sum([...rejected.values()]);
    const verdicts = [
      [
        `together they gave the flooder ${given} with Redis, at most ${most.toFixed(0)} (burst + rate · Δ + nodes · credit)`,
        given <= most,
      ],
      [
        `while it was down ${down.rate.toFixed(0)}/s, at most ${(1.1 * plan.ratePerSec).toFixed(0)}/s`,
        down.rate <= 1.1 * plan.ratePerSec,
      ],
      [`afterwards ${back.rate.toFixed(0)}/s, at most ${mostAfter.toFixed(0)}/s`, back.rate <= mostAfter],
      [`${refused} requests of eight honest peers were refused`, refused === 0],
    ] as const;
    const ok = verdicts.every(([, holds]) => holds);
    if (options.json) console.log(JSON.stringify({ options, plan, lines, verdicts, ok }));
    else console.log(`\n${verdicts.map(([what, holds]) => `${holds ? 'kept  ' : 'BROKEN'} ${what}`).join('\n')}`);
    return ok ? 0 : 1;
  } finally {
    await engine.end();
  }
}

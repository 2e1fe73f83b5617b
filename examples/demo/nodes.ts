// Several servers with one limit: a peer floods all of them, honest peers use all of them, and Redis is killed and comes back.

import { Server as Engine, serverPaths } from '../../scripts/engine.js';
import { during } from '../../scripts/progress.js';
import { Client, type Done, endAll, Server } from './crew.js';
import { nodesHeader, nodesLegend, nodesSummaryLines, phaseLine } from './nodes-table.js';
import { judgeNodes, type Mark, type NodesSummary, PHASES, phaseOf } from './nodes-verdict.js';
import { type ClientCounts, FLOODER, type Plan, type ServerReport } from './plan.js';
import { phase } from './wait.js';

export const NO_ENGINE =
  'expected redis-server or valkey-server on the path: install the package redis-server (`apt install redis-server`, `brew install redis`)';

export const hasEngine = (): boolean => serverPaths.length > 0;

/** @param say Prints lines as soon as they are known. */
export async function runNodes(plan: Plan, say: (lines: readonly string[]) => void): Promise<NodesSummary> {
  const counts = new Map<string, ClientCounts>();
  const note = (seen: Done['counts']) => {
    for (const count of seen) counts.set(count.peer, count);
  };
  const [engine, servers, honest, flooder] = await during(
    `starting Redis, ${plan.nodes} servers and clients`,
    async () => {
      const engine = await Engine.start();
      const servers = await Promise.all(Array.from({ length: plan.nodes }, () => Server.start(plan, engine.port)));
      const urls = servers.map(({ url }) => url);
      const [honest, flooder] = await Promise.all([
        Client.start('honest', urls, plan, note),
        Client.start('flooder', urls, plan, note),
      ]);
      return [engine, servers, honest, flooder] as const;
    },
  );
  const mark = async (): Promise<Mark> => {
    const askedMs = performance.now();
    const reports = await Promise.all(servers.map((server) => server.report()));
    return { askedMs, answeredMs: performance.now(), reports };
  };
  const marks: Mark[] = [];
  const isFlooded = ({ peers }: ServerReport, i: number) =>
    (peers[FLOODER]?.rateLimited ?? 0) > (marks.at(-1)?.reports[i]?.peers[FLOODER]?.rateLimited ?? 0);
  /** Lasts until all nodes are in this state, and each has rejected something. */
  const runPhase = async (state: 'up' | 'down') => {
    await phase((plan.quietMs + plan.attackMs) / PHASES.length, async () => {
      const { reports } = await mark();
      return reports.every((report, i) => report.sync?.state === state && isFlooded(report, i));
    });
    const from = marks.at(-1) as Mark;
    marks.push(await mark());
    say([phaseLine(phaseOf(PHASES[marks.length - 2] as string, plan, from, marks.at(-1) as Mark))]);
  };

  try {
    say([...nodesLegend(plan), '', nodesHeader(plan)]);
    honest.begin();
    marks.push(await mark());
    flooder.begin();
    await runPhase('up');
    await engine.kill();
    await runPhase('down');
    await engine.start();
    await runPhase('up');
    const [{ samples }] = await Promise.all([honest.stop(), flooder.stop()]);
    const summary = judgeNodes(plan, marks, samples.filter(({ latencyMs }) => latencyMs === null).length);
    say(nodesSummaryLines(plan, summary));
    return summary;
  } finally {
    endAll();
    await engine.end();
  }
}

// The live table, and the summary, as lines of text.

import {
  CIRCUIT_OPEN_MS,
  type ClientCounts,
  FAILING,
  FLOODER,
  HONEST,
  MAX_PEERS,
  type Plan,
  RENAMER,
  type ServerReport,
} from './plan.js';
import type { Latency, Summary } from './verdict.js';

const COLUMNS = ['peer', 'sent', 'answered', 'rate-limited', 'circuit-rejected', 'state', 'tokens'];
const WIDTHS = [10, 9, 9, 13, 17, 10, 7];

const row = (cells: readonly (string | number)[]) =>
  cells
    .map((cell, i) => (i === 0 ? String(cell).padEnd(WIDTHS[i] ?? 0) : String(cell).padStart(WIDTHS[i] ?? 0)))
    .join(' ');

export function tableLines(title: string, counts: ReadonlyMap<string, ClientCounts>, report: ServerReport): string[] {
  const lines = [HONEST, FLOODER, FAILING].flat().map((peer) => {
    const { sent = 0, answered = 0 } = counts.get(peer) ?? {};
    const seen = report.peers[peer];
    return row([
      peer,
      sent,
      answered,
      seen?.rateLimited ?? 0,
      seen?.circuitRejected ?? 0,
      seen?.state ?? '–',
      seen?.tokens ?? '–',
    ]);
  });
  const renamed = counts.get(RENAMER);
  const names = Object.entries(report.peers).filter(([peer]) => peer.startsWith(RENAMER));
  const limited = names.reduce((sum, [, { rateLimited }]) => sum + rateLimited, 0);
  lines.push(row([RENAMER, renamed?.sent ?? 0, renamed?.answered ?? 0, limited, 0, `${names.length} rows`, '–']));
  return [
    `${title}; ${report.peerCount} of ${MAX_PEERS} rows, ${report.tableFull} checks found none`,
    row(COLUMNS),
    ...lines,
  ];
}

const ms = (value: number | null) => (value === null ? 'none' : `${value.toFixed(2)} ms`);

function latencyLine(name: string, { sent, answered, rejected, successRate, p50Ms, p99Ms }: Latency): string {
  const share = `${(successRate * 100).toFixed(1)} %`;
  return `  ${name.padEnd(13)} ${answered} of ${sent} answered (${share}), ${rejected} rejected, p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}`;
}

export function summaryLines(
  plan: Plan,
  { quiet, attack, flooder, promises }: Summary,
  report: ServerReport,
): string[] {
  const lines = [
    plan.isProtected ? 'With the limiter:' : 'Without a limiter (it promises nothing):',
    `${HONEST.length} honest peers, ${plan.honestPerSec} requests a second each`,
    latencyLine('quiet', quiet),
    latencyLine('under attack', attack),
    `The flooder sent ${flooder.sent} requests; ${flooder.admitted} were worked on, ${flooder.admittedPerSec.toFixed(0)} a second` +
      (plan.isProtected ? ` (its limit: ${flooder.ratePerSec} a second after a burst of ${plan.burst})` : ''),
  ];
  if (plan.workers > 1) {
    const each = report.threads.map(({ connections, flooding }) => `${connections} (${flooding} of the flooder)`);
    lines.push(`${plan.workers} threads behind one port, one table; connections of each: ${each.join(', ')}`);
  }
  if (!plan.isProtected) return lines;
  lines.push(
    `The failing peer’s circuit, which opens for ${CIRCUIT_OPEN_MS / 1000} s here instead of the preset’s time:`,
  );
  for (const { to, atMs } of report.transitions) lines.push(`  ${(atMs / 1000).toFixed(2).padStart(6)} s  ${to}`);
  lines.push('Promised:');
  for (const { promise, held, detail } of promises) lines.push(`  ${held ? 'held  ' : 'BROKEN'} ${promise}: ${detail}`);
  return lines;
}

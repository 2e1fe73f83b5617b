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
import type { Flood, Latency, Summary } from './verdict.js';

const COLUMNS = ['peer', 'sent', 'handled', 'rate-limited', 'circuit-rejected', 'told', 'circuit', 'tokens'];
const WIDTHS = [10, 9, 9, 13, 17, 6, 10, 7];

/** What the columns mean, once before the first table. */
export const LEGEND = [
  'sent: handed to a socket by the client. handled: came to the server’s method.',
  'rate-limited, circuit-rejected: refused by the limiter. told: those refusals that were answered with an error.',
  'What was sent and is in no other column has not been read by the server yet.',
  `${RENAMER}: all names that one client takes, a new one for each request.`,
];

const row = (cells: readonly (string | number)[]) =>
  cells
    .map((cell, i) => (i === 0 ? String(cell).padEnd(WIDTHS[i] ?? 0) : String(cell).padStart(WIDTHS[i] ?? 0)))
    .join(' ');

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

export function tableLines(title: string, counts: ReadonlyMap<string, ClientCounts>, report: ServerReport): string[] {
  const lines = [HONEST, FLOODER, FAILING].flat().map((peer) => {
    const { sent = 0, rejected = 0 } = counts.get(peer) ?? {};
    const seen = report.peers[peer];
    return row([
      ...[peer, sent, report.handled[peer] ?? 0, seen?.rateLimited ?? 0, seen?.circuitRejected ?? 0, rejected],
      ...[seen?.state ?? '–', seen?.tokens ?? '–'],
    ]);
  });
  const { sent = 0, rejected = 0 } = counts.get(RENAMER) ?? {};
  const isRenamed = ([peer]: readonly [string, unknown]) => peer.startsWith(RENAMER);
  const handled = sum(
    Object.entries(report.handled)
      .filter(isRenamed)
      .map(([, count]) => count),
  );
  const rows = Object.entries(report.peers).filter(isRenamed).length;
  // Most of its refusals are of names without a row, which count nowhere but with the client.
  lines.push(row([RENAMER, sent, handled, rejected, 0, rejected, '–', '–']));
  return [title, ...tableUse(rows, report), row(COLUMNS), ...lines];
}

/** Nothing to say without a limiter. */
function tableUse(renamed: number, { peerCount, tableFull }: ServerReport): string[] {
  if (peerCount === 0) return [];
  return [
    `The limiter’s table: ${peerCount} of ${MAX_PEERS} rows in use, ${renamed} by names of the ${RENAMER}`,
    `  ${tableFull} of its requests found no free row; all of these share one bucket`,
  ];
}

const ms = (value: number | null) => (value === null ? 'none' : `${value.toFixed(2)} ms`);

function latencyLine(name: string, { sent, answered, rejected, successRate, p50Ms, p99Ms }: Latency): string {
  const share = `${(successRate * 100).toFixed(1)} %`;
  return `  ${name.padEnd(13)} ${answered} of ${sent} requests handled and answered (${share}), ${rejected} rejected; p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}`;
}

function floodLines(plan: Plan, { sent, admitted, admittedPerSec, rejected, told, unread }: Flood): string[] {
  const limit = `its limit is ${plan.ratePerSec} a second after a burst of ${plan.burst}`;
  return [
    `The flooder sent ${sent} requests:`,
    `  ${admitted} were handled, ${admittedPerSec.toFixed(0)} a second${plan.isProtected ? `; ${limit}` : ''}`,
    ...(plan.isProtected
      ? [`  ${rejected} were rejected, ${told} of them with an answer; the others were dropped`]
      : []),
    `  ${unread} were still in the sockets’ buffers at the end: the server ` +
      (plan.isProtected ? 'reads a flooder only now and then' : 'did not get to them'),
  ];
}

export function summaryLines(
  plan: Plan,
  { quiet, attack, latency, flooder, promises }: Summary,
  report: ServerReport,
): string[] {
  const lines = [
    plan.isProtected ? 'With the limiter:' : 'Without a limiter (it promises nothing):',
    `${HONEST.length} honest peers, ${plan.honestPerSec} requests a second each`,
    latencyLine('quiet', quiet),
    latencyLine('under attack', attack),
    `  ${latency}`,
    ...floodLines(plan, flooder),
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

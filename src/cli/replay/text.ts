// The report for a terminal.

import type { Report } from './report.js';
import { counted, duration, fileName, grouped, harmless, moment, percent } from './words.js';

const BLOCKS = ' ▁▂▃▄▅▆▇█';
/** More peers are in the other reports. */
const MOST_PEERS_SHOWN = 10;

export function textOf(report: Report): string {
  const parts = [source(report)];
  if (report.requests > 0) parts.push(verdict(report), timeline(report), peers(report), suggestion(report));
  return `${parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function source({ files, lines, requests, peers, from, to, skipped, broken }: Report): string[] {
  const what = files.map(fileName).join(', ');
  const said = [`${what}: ${counted(requests, 'request')} of ${counted(peers, 'peer')} in ${counted(lines, 'line')}`];
  if (from !== null && to !== null) said.push(`${moment(from)} to ${moment(to)} UTC`);
  for (const { file, reason } of broken) said.push(`${fileName(file)} could not be unpacked to its end: ${reason}`);
  if (skipped.lines === 0) return said;
  said.push(`${counted(skipped.lines, 'line')} skipped:`);
  for (const [reason, count] of Object.entries(skipped.reasons))
    said.push(`  ${grouped(count)} ${harmless(reason, 80)}`);
  for (const { file, line, reason, text } of skipped.first) {
    said.push(`  ${fileName(file)}:${line}: ${harmless(reason, 80)}${text === '' ? '' : `: ${harmless(text)}`}`);
  }
  return said;
}

function verdict({ limits, limited, requests, peers }: Report): string[] {
  return [
    `${rateAndBurst(limits)} would have limited`,
    `  ${grouped(limited.requests)} of ${counted(requests, 'request')} (${percent(limited.requestShare)})`,
    `  ${grouped(limited.peers)} of ${counted(peers, 'peer')} (${percent(limited.peerShare)})`,
  ];
}

function timeline({ timeline: { intervals, intervalMs } }: Report): string[] {
  const row = (of: 'requests' | 'limited') => {
    const counts = intervals.map((interval) => interval[of]);
    const most = Math.max(...counts);
    const bars = counts.map((count) => BLOCKS[Math.ceil((count / Math.max(most, 1)) * 8)]).join('');
    return `  ${of.padEnd(8)} |${bars}| ${grouped(most)} at most`;
  };
  const start = moment(intervals[0]?.at as string);
  return [`When (${duration(intervalMs)} a column, from ${start}):`, row('requests'), row('limited')];
}

function peers({ limited: { top, peers } }: Report): string[] {
  if (top.length === 0) return [];
  const shown = top.slice(0, MOST_PEERS_SHOWN);
  const names = shown.map(({ peer }) => harmless(peer));
  const width = Math.max(...names.map((name) => name.length), 4);
  const head = `${'Peer'.padEnd(width)} ${'requests'.padStart(10)} ${'limited'.padStart(10)}  first and last limited`;
  const rows = shown.map(({ requests, limited, first, last }, i) =>
    [
      `${names[i]?.padEnd(width)} ${grouped(requests).padStart(10)} ${grouped(limited).padStart(10)}`,
      `  ${moment(first)}  ${moment(last)}`,
    ].join(''),
  );
  const more = peers - shown.length;
  return [head, ...rows, ...(more > 0 ? [`and ${counted(more, 'more peer')}`] : [])];
}

function suggestion({ suggestion }: Report): string[] {
  if (suggestion === null) return [];
  const { pairs, peersLimited, peersSpared, sparePercent, share } = suggestion;
  return [
    `To limit fewer than ${sparePercent} % of the peers, which is ${grouped(peersSpared)} at most:`,
    `  ${rateAndBurst(suggestion)} would have limited ${counted(peersLimited, 'peer')} and ${percent(share)} of the requests`,
    '  Rates, and the bursts that go with them:',
    `  ${pairs.map(({ ratePerSec, burst }) => `${grouped(ratePerSec)}/s ${grouped(burst)}`).join(', ')}`,
  ];
}

function rateAndBurst({ ratePerSec, burst }: { ratePerSec: number; burst: number }): string {
  return `${grouped(ratePerSec)} a second with a burst of ${grouped(burst)}`;
}

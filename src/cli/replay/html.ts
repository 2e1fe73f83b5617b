// The report as one HTML file. It loads nothing and runs nothing, and a policy in it forbids both. Whatever came from the log is
// escaped: a client chooses much of what is in an access log.

import type { Report } from './report.js';
import { counted, duration, fileName, grouped, harmless, moment, percent } from './words.js';

const STYLE = `
:root { color-scheme: light dark; --page: #fff; --ink: #1f2328; --faint: #59636e; --grid: #d1d9e0; --all: #b6c2cf; --limited: #cf222e }
@media (prefers-color-scheme: dark) { :root { --page: #0d1117; --ink: #f0f6fc; --faint: #9198a1; --grid: #2a313a; --all: #4b5563; --limited: #f85149 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
table { border-collapse: collapse } th, td { padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--grid); text-align: left; overflow-wrap: anywhere }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
svg { width: 100%; height: auto } svg text { font-size: 11px; fill: var(--faint) }
.all { fill: var(--all) } .limited { fill: var(--limited) } .grid { stroke: var(--grid) }
.faint { color: var(--faint) }`;

const [WIDTH, HEIGHT, TOP, LEFT, BOTTOM] = [900, 220, 10, 60, 24];

export function htmlOf(report: Report): string {
  const { limits, limited, requests, peers, from, to } = report;
  const title = `What ${grouped(limits.ratePerSec)} a second with a burst of ${grouped(limits.burst)} would have limited`;
  const span = from === null || to === null ? '' : `<p class="faint">${moment(from)} to ${moment(to)} UTC</p>`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${STYLE}
</style>
<h1>${title}</h1>
${span}
<p>${grouped(limited.requests)} of ${counted(requests, 'request')} (${percent(limited.requestShare)}),
${grouped(limited.peers)} of ${counted(peers, 'peer')} (${percent(limited.peerShare)}).</p>
${requests === 0 ? '' : `${timeline(report)}${limitedPeers(report)}${suggestion(report)}`}
${source(report)}
</html>
`;
}

function timeline({ timeline: { intervals, intervalMs } }: Report): string {
  const most = Math.max(...intervals.map(({ requests }) => requests), 1);
  const step = (WIDTH - LEFT) / intervals.length;
  const bar = (i: number, count: number, kind: string) => {
    const height = (count / most) * (HEIGHT - TOP - BOTTOM);
    const [x, y] = [LEFT + i * step, HEIGHT - BOTTOM - height].map((value) => value.toFixed(1));
    return count === 0
      ? ''
      : `<rect class="${kind}" x="${x}" y="${y}" width="${(step * 0.9).toFixed(1)}" height="${height.toFixed(1)}"/>`;
  };
  const bars = intervals.map(({ at, requests, limited }, i) => {
    const said = `${moment(at)}: ${counted(requests, 'request')}, ${grouped(limited)} limited`;
    return `<g><title>${said}</title>${bar(i, requests, 'all')}${bar(i, limited, 'limited')}</g>`;
  });
  const [first = '', last = ''] = [intervals[0]?.at, intervals.at(-1)?.at].map((at) => moment(at as string));
  return `<h2>When</h2>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Requests and limited requests over time">
<line class="grid" x1="${LEFT}" x2="${WIDTH}" y1="${TOP}" y2="${TOP}"/><line class="grid" x1="${LEFT}" x2="${WIDTH}" y1="${HEIGHT - BOTTOM}" y2="${HEIGHT - BOTTOM}"/>
<text x="${LEFT - 6}" y="${TOP + 4}" text-anchor="end">${grouped(most)}</text><text x="${LEFT - 6}" y="${HEIGHT - BOTTOM + 4}" text-anchor="end">0</text>
${bars.join('\n')}
<text x="${LEFT}" y="${HEIGHT - 6}">${first}</text>${intervals.length < 2 ? '' : `<text x="${WIDTH}" y="${HEIGHT - 6}" text-anchor="end">${last}</text>`}
</svg>
<p class="faint">A bar is ${duration(intervalMs)}; red is what would have been limited.</p>
`;
}

function limitedPeers({ limited: { top, peers } }: Report): string {
  if (top.length === 0) return '';
  const rows = top.map(
    ({ peer, requests, limited, first, last }) =>
      `<tr><td>${escaped(peer, 100)}<td class="n">${grouped(requests)}<td class="n">${grouped(limited)}<td class="n">${moment(first)}<td class="n">${moment(last)}`,
  );
  const more = peers > top.length ? `<p class="faint">and ${counted(peers - top.length, 'more peer')}</p>` : '';
  return `<h2>Who</h2>
<table><tr><th>Peer<th class="n">Requests<th class="n">Limited<th class="n">First limited<th class="n">Last limited
${rows.join('\n')}
</table>${more}
`;
}

function suggestion({ suggestion }: Report): string {
  if (suggestion === null) return '';
  const { ratePerSec, burst, peersLimited, peersSpared, sparePercent, share, pairs } = suggestion;
  const rows = pairs.map((pair) => `<tr><td class="n">${grouped(pair.ratePerSec)}<td class="n">${grouped(pair.burst)}`);
  return `<h2>To limit fewer than ${sparePercent} % of the peers</h2>
<p>${grouped(ratePerSec)} a second with a burst of ${grouped(burst)} would have limited ${counted(peersLimited, 'peer')}
(${grouped(peersSpared)} at most) and ${percent(share)} of the requests. Rates, and the bursts that go with them:</p>
<table><tr><th class="n">Rate<th class="n">Burst
${rows.join('\n')}
</table>
`;
}

function source({ files, lines, skipped, broken }: Report): string {
  const reasons = Object.entries(skipped.reasons).map(
    ([reason, count]) => `<li>${grouped(count)} ${escaped(reason, 80)}`,
  );
  const first = skipped.first.map(
    ({ file, line, reason, text }) =>
      `<li>${escaped(fileName(file), 200)}:${line}: ${escaped(reason, 80)}: <code>${escaped(text)}</code>`,
  );
  const cut = broken.map(
    ({ file, reason }) =>
      `<li>${escaped(fileName(file), 200)} could not be unpacked to its end: ${escaped(reason, 80)}`,
  );
  return `<h2>The log</h2>
<p>${files.map((file) => escaped(fileName(file), 200)).join(', ')}: ${counted(lines, 'line')}, ${grouped(skipped.lines)} skipped.</p>
<ul>
${[...cut, ...reasons, ...first].join('\n')}
</ul>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string, most?: number): string {
  return harmless(text, most).replace(/[&<>"']/g, (char) => ENTITIES[char] as string);
}

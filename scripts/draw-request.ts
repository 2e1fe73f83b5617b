// Draws docs/request.svg, what happens to a request: `npm run pictures`. The picture has a background of its own and follows
// the reader's light or dark scheme, so that it can be read on any page.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, writeWhole } from './build/stamp.js';

export const PICTURE = 'docs/request.svg';

const [WIDTH, HEIGHT] = [960, 500];

/** Colours: of the page, text, quiet text, lines; then of what is neutral, of what allows and of what rejects. */
export const STYLE = `
  svg { --page: #ffffff; --ink: #1f2328; --quiet: #59636e; --line: #818b98; --box: #f6f8fa; --yes: #1a7f37; --yes-box: #dafbe1; --no: #cf222e; --no-box: #ffebe9 }
  @media (prefers-color-scheme: dark) {
    svg { --page: #0d1117; --ink: #f0f6fc; --quiet: #9198a1; --line: #656c76; --box: #151b23; --yes: #3fb950; --yes-box: #12261e; --no: #f85149; --no-box: #25171c }
  }
  text { font: 13px system-ui, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif; fill: var(--quiet) }
  .title { font-size: 15px; font-weight: 600; fill: var(--ink) }
  .code { font: 12.5px ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace }
  .middle { text-anchor: middle }
  .end { text-anchor: end }
  .box { fill: var(--box); stroke: var(--line); stroke-width: 1.25 }
  .yes { fill: var(--yes-box); stroke: var(--yes) }
  .no { fill: var(--no-box); stroke: var(--no) }
  .arrow { fill: none; stroke: var(--line); stroke-width: 1.75 }
  .arrow.yes { stroke: var(--yes); fill: none }
  .arrow.no { stroke: var(--no); fill: none }
  text.yes { fill: var(--yes); stroke: none }
  text.no { fill: var(--no); stroke: none }
  .head { fill: var(--line) }
  .head.yes { fill: var(--yes); stroke: none }
  .head.no { fill: var(--no); stroke: none }
`;

type Tone = '' | 'yes' | 'no';
type Point = readonly [x: number, y: number];

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

export function text(x: number, y: number, words: string, style = ''): string {
  return `<text x="${x}" y="${y}"${style === '' ? '' : ` class="${style}"`}>${escaped(words)}</text>`;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A box with a title and lines below it; a line in backquotes is code. */
export function box({ x, y, width, height }: Box, title: string, lines: readonly string[], tone: Tone = ''): string {
  const middle = x + width / 2;
  const top = y + height / 2 - (lines.length * 19) / 2 + 5;
  return [
    `<rect class="box ${tone}" x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>`,
    text(middle, top, title, 'title middle'),
    ...lines.map((line, i) => {
      const isCode = line.startsWith('`');
      return text(middle, top + 20 + i * 19, line.replaceAll('`', ''), isCode ? 'code middle' : 'middle');
    }),
  ].join('\n');
}

/** Straight lines through the points, with a head at the last one. */
export function arrow(points: readonly Point[], tone: Tone = ''): string {
  const [from, to] = points.slice(-2) as [Point, Point];
  const angle = (Math.atan2(to[1] - from[1], to[0] - from[0]) * 180) / Math.PI;
  const path = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`).join(' ');
  return [
    `<path class="arrow ${tone}" d="${path}"/>`,
    `<path class="head ${tone}" d="M1 0 L-9 -5 L-9 5 Z" transform="translate(${to[0]} ${to[1]}) rotate(${angle})"/>`,
  ].join('\n');
}

const ROW = 40;
const TALL = 104;
const request: Box = { x: 16, y: ROW, width: 146, height: TALL };
const table: Box = { x: 196, y: ROW, width: 156, height: TALL };
const breaker: Box = { x: 394, y: ROW, width: 156, height: TALL };
const bucket: Box = { x: 592, y: ROW, width: 156, height: TALL };
const handler: Box = { x: 804, y: ROW, width: 140, height: TALL };
const rejected: Box = { x: 196, y: 248, width: 552, height: 70 };
const [CENTRE, BELOW] = [ROW + TALL / 2, ROW + TALL];

const middleOf = ({ x, width }: Box) => x + width / 2;
const endOf = ({ x, width }: Box) => x + width;
const across = (from: Box, to: Box, tone: Tone = '') =>
  arrow(
    [
      [endOf(from), CENTRE],
      [to.x, CENTRE],
    ],
    tone,
  );

/** A way down to the rejection, with the reason beside it. */
function refusal(from: Box, conditions: readonly string[], reason: string): string {
  const x = middleOf(from);
  const reasonAt = BELOW + 66;
  return [
    arrow(
      [
        [x, BELOW],
        [x, rejected.y],
      ],
      'no',
    ),
    ...conditions.map((words, i) => text(x + 10, reasonAt - 20 - (conditions.length - 1 - i) * 18, words)),
    text(x + 10, reasonAt, reason, 'code no'),
  ].join('\n');
}

/** The states of a circuit, and what leads from one to the next. */
function circuit(): string {
  const y = 404;
  const state = (x: number) => ({ x, y, width: 112, height: 48 });
  const [closed, open, halfOpen] = [state(196), state(440), state(684)];
  const centre = y + 24;
  const back = y + 74;
  return [
    text(16, y + 20, 'The circuit', 'title'),
    text(16, y + 40, 'of each peer'),
    box(closed, 'closed', [], 'yes'),
    box(open, 'open', [], 'no'),
    box(halfOpen, 'half-open', []),
    arrow([
      [endOf(closed), centre],
      [open.x, centre],
    ]),
    text((endOf(closed) + open.x) / 2, centre - 10, 'failures in a row', 'middle'),
    arrow([
      [endOf(open), centre],
      [halfOpen.x, centre],
    ]),
    text((endOf(open) + halfOpen.x) / 2, centre - 10, 'after its timeout', 'middle'),
    arrow([
      [middleOf(halfOpen) - 24, y],
      [middleOf(halfOpen) - 24, y - 26],
      [middleOf(open), y - 26],
      [middleOf(open), y],
    ]),
    text((middleOf(open) + middleOf(halfOpen)) / 2 - 12, y - 34, 'the probe fails, or is not answered', 'middle'),
    arrow([
      [middleOf(halfOpen), y + 48],
      [middleOf(halfOpen), back],
      [middleOf(closed), back],
      [middleOf(closed), y + 48],
    ]),
    text(middleOf(open), back - 8, 'the probe succeeds', 'middle'),
  ].join('\n');
}

export function drawRequest(): string {
  const parts = [
    box(request, 'Request', ['peer ID or handle,', 'cost in tokens']),
    across(request, table),
    box(table, 'Table', ['finds the peer’s row', 'or claims one']),
    across(table, breaker),
    box(breaker, 'Circuit breaker', ['is it closed, or may', 'this one be a probe?']),
    across(breaker, bucket),
    box(bucket, 'Token bucket', ['are there as many', 'tokens as it costs?']),
    across(bucket, handler, 'yes'),
    text((endOf(bucket) + handler.x) / 2, CENTRE - 10, 'permit', 'code yes middle'),
    box(handler, 'Your handler', ['runs the request'], 'yes'),
    refusal(table, ['no row is free, and', 'onFull is ‘reject’'], 'table_full'),
    refusal(breaker, ['it is open, or its', 'probes are out'], 'circuit_open'),
    refusal(bucket, ['there are too few'], 'rate_limited'),
    box(rejected, 'Rejected', ['a reason and the time to wait; nothing was taken, nothing has changed'], 'no'),
    arrow([
      [middleOf(handler), ROW],
      [middleOf(handler), 18],
      [middleOf(breaker), 18],
      [middleOf(breaker), ROW],
    ]),
    text(middleOf(bucket), 12, 'outcome, with the permit: success, failure or ignored', 'middle'),
    circuit(),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -16 ${WIDTH} ${HEIGHT + 16}" role="img" aria-labelledby="title description">
<title id="title">What happens to a request</title>
<desc id="description">The table finds the peer's row. The circuit breaker is asked first, then the token bucket. A request that passes gets a permit and goes to your handler, whose outcome goes back to the breaker. A rejection has a reason and a time to wait.</desc>
<style>${STYLE}</style>
<rect x="0" y="-16" width="${WIDTH}" height="${HEIGHT + 16}" rx="12" style="fill: var(--page)"/>
${parts.join('\n')}
</svg>
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeWhole(join(root, PICTURE), drawRequest());

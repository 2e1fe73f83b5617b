// A picture of lines over time, as SVG. It has a background of its own and follows the reader's light or dark scheme.

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Only where it is not the reader's business, but for comparison. */
  readonly quiet?: boolean;
}

export interface Chart {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly lines: readonly Line[];
  /** Horizontal lines that say what a value means. */
  readonly marks?: readonly { readonly y: number; readonly name: string }[];
  /** A time in which something is different, shaded. */
  readonly shaded?: { readonly from: number; readonly to: number; readonly name: string };
  /** Powers of ten instead of equal steps. */
  readonly logarithmic?: boolean;
  readonly highest?: number;
}

const [WIDTH, HEIGHT] = [760, 380];
const [LEFT, TOP, RIGHT, BOTTOM] = [72, 66, 16, 50];
const [PLOT_WIDTH, PLOT_HEIGHT] = [WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM];

const STYLE = `
  svg { --page: #ffffff; --ink: #1f2328; --faint: #59636e; --grid: #d1d9e0; --shade: #fff1e5; --mark: #9a6700; --line-1: #0969da; --line-2: #cf222e; --line-3: #1a7f37; --line-4: #8250df; --quiet: #818b98 }
  @media (prefers-color-scheme: dark) {
    svg { --page: #0d1117; --ink: #f0f6fc; --faint: #9198a1; --grid: #2a313a; --shade: #2e2111; --mark: #d29922; --line-1: #4493f8; --line-2: #f85149; --line-3: #3fb950; --line-4: #ab7df8; --quiet: #656c76 }
  }
  text { font: 12px system-ui, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif; fill: var(--faint) }
  .title { font-size: 15px; font-weight: 600; fill: var(--ink) }
  .end { text-anchor: end }
  .middle { text-anchor: middle }
  .grid { stroke: var(--grid) }
  .mark { stroke: var(--mark); stroke-dasharray: 5 4 }
  text.mark { fill: var(--mark); stroke: none }
  path { fill: none; stroke-width: 1.75; stroke-linejoin: round }`;

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const text = (x: number, y: number, words: string, style = '') =>
  `<text x="${round(x)}" y="${round(y)}"${style === '' ? '' : ` class="${style}"`}>${escaped(words)}</text>`;
const round = (value: number) => String(Math.round(value * 10) / 10);

/** Steps of 1, 2 or 5 times a power of ten, about five of them. */
function stepOf(span: number): number {
  const rough = span / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.99) ?? 10);
}

function shown(value: number): string {
  const text = String(Number(value.toPrecision(6)));
  return Number.isInteger(value) ? text.replace(/\B(?=(\d{3})+$)/g, '\u202f') : text;
}

interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

function linear(least: number, most: number): Scale {
  const step = stepOf(most - least);
  const first = Math.ceil(least / step - 1e-9);
  const count = Math.floor((most - least) / step + 1e-9);
  return {
    at: (value) => (value - least) / (most - least),
    ticks: Array.from({ length: count + 1 }, (_, i) => (first + i) * step).filter((tick) => tick <= most * (1 + 1e-9)),
  };
}

function logarithmic(values: readonly number[]): Scale {
  const least = Math.floor(Math.log10(Math.min(...values)));
  const most = Math.ceil(Math.log10(Math.max(...values)));
  return {
    at: (value) => (Math.log10(Math.max(value, 10 ** least)) - least) / (most - least),
    ticks: Array.from({ length: most - least + 1 }, (_, i) => 10 ** (least + i)),
  };
}

/** Of each group of points that share a pixel the first, the lowest, the highest and the last. */
function thinned(points: readonly (readonly [x: number, y: number])[]): (readonly [number, number])[] {
  const kept: (readonly [number, number])[] = [];
  for (let i = 0; i < points.length; ) {
    const pixel = Math.round((points[i] as readonly [number, number])[0]);
    let end = i;
    while (end < points.length && Math.round((points[end] as readonly [number, number])[0]) === pixel) end++;
    const group = points.slice(i, end);
    const heights = group.map(([, y]) => y);
    const chosen = new Set([
      0,
      heights.indexOf(Math.min(...heights)),
      heights.indexOf(Math.max(...heights)),
      end - i - 1,
    ]);
    for (const at of [...chosen].sort((a, b) => a - b)) kept.push(group[at] as readonly [number, number]);
    i = end;
  }
  return kept;
}

export function draw(chart: Chart): string {
  const all = chart.lines.flatMap(({ points }) => points);
  const xs = all.map(([x]) => x);
  const ys = [...all.map(([, y]) => y), ...(chart.marks ?? []).map(({ y }) => y)];
  const x = linear(0, Math.max(...xs));
  const lowest = Math.min(0, ...ys);
  const y = chart.logarithmic
    ? logarithmic(ys.filter((value) => value > 0))
    : linear(lowest, chart.highest ?? Math.max(...ys) * 1.05);
  const [px, py] = [
    (value: number) => LEFT + x.at(value) * PLOT_WIDTH,
    (value: number) => TOP + (1 - Math.min(Math.max(y.at(value), 0), 1)) * PLOT_HEIGHT,
  ];
  let colours = 0;
  let legendAt = LEFT;
  const lines = chart.lines.flatMap(({ name, points, quiet }) => {
    const colour = quiet ? 'var(--quiet)' : `var(--line-${++colours})`;
    const path = thinned(points.map(([a, b]) => [px(a), py(b)] as const));
    const d = path.map(([a, b], i) => `${i === 0 ? 'M' : 'L'}${round(a)} ${round(b)}`).join('');
    const legend = [
      `<path d="M${round(legendAt)} 46h18" style="stroke: ${colour}; stroke-width: 3"/>`,
      text(legendAt + 24, 50, name),
    ];
    legendAt += 40 + name.length * 6.6;
    return [`<path d="${d}" style="stroke: ${colour}"/>`, ...legend];
  });
  const { shaded } = chart;
  const parts = [
    text(LEFT, 26, chart.title, 'title'),
    ...(shaded === undefined
      ? []
      : [
          `<rect x="${round(px(shaded.from))}" y="${TOP}" width="${round(px(shaded.to) - px(shaded.from))}" height="${PLOT_HEIGHT}" style="fill: var(--shade)"/>`,
          text(px(shaded.from) + 6, TOP + 14, shaded.name),
        ]),
    ...y.ticks.flatMap((tick) => [
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(py(tick))}" y2="${round(py(tick))}"/>`,
      text(LEFT - 8, py(tick) + 4, shown(tick), 'end'),
    ]),
    ...x.ticks.map((tick) => text(px(tick), HEIGHT - BOTTOM + 18, shown(tick), 'middle')),
    text(LEFT + PLOT_WIDTH / 2, HEIGHT - 10, chart.x, 'middle'),
    `<text class="middle" transform="translate(16 ${TOP + PLOT_HEIGHT / 2}) rotate(-90)">${escaped(chart.y)}</text>`,
    ...lines,
    ...(chart.marks ?? []).flatMap((mark) => [
      `<line class="mark" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${round(py(mark.y))}" y2="${round(py(mark.y))}"/>`,
      text(WIDTH - RIGHT - 4, py(mark.y) - 5, mark.name, 'mark end'),
    ]),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title">
<title id="title">${escaped(chart.title)}</title>
<style>${STYLE}</style>
<rect width="${WIDTH}" height="${HEIGHT}" rx="12" style="fill: var(--page)"/>
${parts.join('\n')}
</svg>
`;
}

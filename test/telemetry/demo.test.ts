/**
 * `npm run demo -- --metrics`, as a user runs it: it serves while it attacks itself, and Prometheus draws the flood.
 * `PEERGATE_GRAPH=docs/prometheus.png` lets it run longer and keeps a picture of Prometheus' own graph.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { testOfPage } from '../package/page.js';
import { ask, startPrometheus, testOfPrometheus, until } from './server.js';

const all = suite('the demo with --metrics');
const root = fileURLToPath(new URL('../..', import.meta.url));
const kept = process.env['PEERGATE_GRAPH'];
const candidates = process.env['CHROMIUM']?.split(':') ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser'];

/** Starts the demo as a user does; `url` is where it says that its metrics are. */
function startDemo(seconds: number, port = 0) {
  const args = ['run', '--silent', 'demo', '--', '--seconds', String(seconds), '--metrics', String(port), '--json'];
  const demo = spawn('npm', args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let [output, errors] = ['', ''];
  demo.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  const url = new Promise<string>((resolve, reject) => {
    demo.stderr.on('data', (chunk: Buffer) => {
      errors += chunk;
      const [, found] = /^metrics: (http:.*)\/$/m.exec(errors) ?? [];
      if (found !== undefined) resolve(found);
    });
    demo.once('exit', () => reject(new Error(errors)));
  });
  url.catch(() => {});
  const ended = once(demo, 'exit').then(([code]) => ({ code: code as number | null, output, errors }));
  return { url, ended };
}

/** The values of a counter in the format of Prometheus, by one label. */
function valuesOf(text: string, metric: string, label: string): Record<string, number> {
  const lines = [...text.matchAll(new RegExp(`^${metric}\\{(.*)\\} (\\d+)$`, 'gm'))];
  return Object.fromEntries(
    lines.map(([, labels = '', value]) => [new RegExp(`${label}="([^"]*)"`).exec(labels)?.[1], Number(value)]),
  );
}

all('it serves /metrics and the page while it runs, its numbers grow, and it ends with 0', async () => {
  const { url: whenUp, ended } = startDemo(5);
  const url = await whenUp;
  const page = await fetch(url);
  assert.is(page.status, 200);
  assert.match(await page.text(), /<script type="module" src="\/page.js">/);
  for (const file of ['page.js', 'uplot.js', 'uplot.css', 'state'])
    assert.is((await fetch(`${url}/${file}`)).status, 200, file);
  const scrape = async () =>
    valuesOf(await (await fetch(`${url}/metrics`)).text(), 'peergate_decisions_total', 'decision');
  const first = await scrape();
  assert.equal(Object.keys(first), ['allowed', 'rate_limited', 'circuit_open', 'table_full']);
  const flooded = await until(scrape, ({ rate_limited = 0 }) => rate_limited > 0);
  assert.ok((flooded['allowed'] as number) > (first['allowed'] as number));
  assert.ok((flooded['rate_limited'] as number) > 0);
  const { code, output, errors } = await ended;
  assert.is(code, 0, errors);
  assert.is(JSON.parse(output).summary.ok, true);
  assert.is(await fetch(url).then(String, () => 'gone'), 'gone');
});

all('a port that is taken ends it with 2 and says so, in one line', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { code, output, errors } = await startDemo(5, port).ended;
  server.close();
  assert.is(code, 2);
  assert.is(output, '');
  assert.match(errors, new RegExp(`^--metrics: cannot listen on 127\\.0\\.0\\.1:${port}: .*EADDRINUSE`, 'm'));
  assert.not.match(errors, /^ +at /m);
});

const test = testOfPrometheus(all) === all ? testOfPage(all) : all.skip;

test('a Prometheus that scrapes it draws the flood in its own graph', async () => {
  const { url: whenUp, ended } = startDemo(kept === undefined ? 8 : 40);
  const url = await whenUp;
  const prometheus = await startPrometheus(Number(new URL(url).port));
  const browser = await chromium.launch({
    executablePath: candidates.find((path) => existsSync(path)) as string,
    args: ['--no-sandbox'],
  });
  try {
    const rates = 'sum by (decision) (rate(peergate_decisions_total{limiter="demo"}[2s]))';
    const query = (expression: string) => ask(`${prometheus.url}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const flood = await until(
      () => query(`${rates} > 0`),
      (answer) => answer?.data.result.some(({ metric }) => metric['decision'] === 'rate_limited') ?? false,
    );
    const perSec = flood?.data.result.map(
      ({ metric, value }) => `${metric['decision']} ${Number(value[1]).toFixed(0)}`,
    );
    console.log(`a second, as Prometheus has it: ${perSec?.join(', ')}`);
    assert.ok(perSec?.some((text) => text.startsWith('rate_limited')));
    if (kept !== undefined) await new Promise((resolve) => setTimeout(resolve, 20_000));
    const page = await browser.newPage({ viewport: { width: 1040, height: 880 } });
    const graph = new URLSearchParams({
      ...{ 'g0.expr': rates, 'g0.tab': '0', 'g0.stacked': '0' },
      ...{ 'g0.range_input': kept === undefined ? '15s' : '40s', 'g0.step_input': '1' },
    });
    // The interface that the package ships is the classic one.
    await page.goto(`${prometheus.url}/classic/graph?${graph}`);
    // Attached is enough: a line of one point has no width.
    await page.waitForSelector('.rickshaw_graph svg path', { state: 'attached' });
    assert.match((await page.locator('.legend').allTextContents()).join(), /decision="rate_limited"/);
    const path = kept ?? join(tmpdir(), `peergate-graph-${process.pid}.png`);
    const picture = await page.screenshot({ path });
    assert.ok(picture.length > 10_000, 'there is something on it');
    const { code, errors } = await ended;
    assert.is(code, 0, errors);
  } finally {
    await browser.close();
    await prometheus.end();
    await ended;
  }
});

all.run();

/** A real Prometheus: it scrapes, evaluates the shipped alerts, and answers what the dashboard asks. */

import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Registry } from 'prom-client';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RateLimiter, RpcGuard } from '../../src/index.js';
import { registerPrometheus } from '../../src/telemetry/prometheus.js';
import { openCircuit } from '../support.js';
import { ask, startPrometheus, testOfPrometheus, until } from './server.js';

const all = suite('prometheus');
const root = fileURLToPath(new URL('../..', import.meta.url));
const rules = join(root, 'dashboards/alerts.yml');

const test = testOfPrometheus(all);

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}

const { panels } = JSON.parse(readFileSync(join(root, 'dashboards/grafana.json'), 'utf8')) as { panels: Panel[] };
const expressions = panels.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ title, expr })));

/** A limiter in the middle of a flood, whose table is full and whose own fault it was. */
async function floodedLimiter(): Promise<RateLimiter> {
  const limits = { maxRequestsPerSec: 0.001, burstSize: 10, circuitBreakerThreshold: 2, onFull: 'reject' } as const;
  const limiter = new RateLimiter({ maxPeers: 4, ...limits });
  for (const id of ['a', 'b', 'c', 'd']) limiter.peer(id);
  openCircuit(limiter, 'd', performance.now());
  await new RpcGuard(limiter).run('d', () => 1).catch(() => {});
  return limiter;
}

function flood(limiter: RateLimiter): void {
  for (let i = 0; i < 100; i++) {
    limiter.check('a');
    limiter.check(`minted ${i}`);
  }
}

async function serve(registry: Registry): Promise<Server> {
  const server = createServer(async (_, response) => {
    response.setHeader('content-type', registry.contentType).end(await registry.metrics());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

test('a scrape in a flood: the numbers arrive, the alerts go off, and the dashboard gets what it asks for', async () => {
  const limiter = await floodedLimiter();
  const registry = new Registry();
  registerPrometheus(limiter, registry, { name: 'rpc' });
  const server = await serve(registry);
  const { url, end } = await startPrometheus((server.address() as AddressInfo).port, rules);
  const flooding = setInterval(() => flood(limiter), 50);
  try {
    const query = (expression: string) => ask(`${url}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const open = await until(
      () => query('peergate_peers{limiter="rpc",state="open"}'),
      (answer) => answer?.data.result[0]?.value[1] === '1',
    );
    assert.is(open?.data.result[0]?.value[1], '1');
    const alerts = await until(
      async () => (await ask(`${url}/api/v1/alerts`))?.data.alerts ?? [],
      (found) => found.length >= 4,
    );
    const states = Object.fromEntries(alerts.map(({ labels, state }) => [labels['alertname'], state]));
    console.log(`alerts: ${JSON.stringify(states)}`);
    assert.equal(states, {
      PeergateTableFull: 'firing',
      PeergateTableNearlyFull: 'pending',
      PeergateCircuitsOpen: 'pending',
      PeergateRejectionRatio: 'pending',
    });
    for (const { title, expr } of expressions) {
      const asked = expr.replaceAll('$limiter', 'rpc').replaceAll('$__rate_interval', '1m');
      const answer = await query(asked);
      assert.ok((answer?.data.result.length ?? 0) > 0, `${title}: nothing for ${asked}`);
    }
  } finally {
    clearInterval(flooding);
    await end();
    server.closeAllConnections();
    server.close();
    limiter.close();
  }
});

test('promtool finds nothing wrong with the metrics, and the shipped alerts go off when they should and not otherwise', async () => {
  const limiter = await floodedLimiter();
  const registry = new Registry();
  registerPrometheus(limiter, registry);
  const checked = spawnSync('promtool', ['check', 'metrics'], { input: await registry.metrics(), encoding: 'utf8' });
  assert.is(checked.status, 0, checked.stdout + checked.stderr);
  const tested = execFileSync('promtool', ['test', 'rules', join(root, 'test/telemetry/alerts.rules.yml')], {
    encoding: 'utf8',
  });
  assert.match(tested, /SUCCESS/);
  limiter.close();
});

all('no panel and no alert asks for a metric or a label that does not exist, and every metric is shown', async () => {
  const limiter = await floodedLimiter();
  const registry = new Registry();
  registerPrometheus(limiter, registry);
  const labels = new Map<string, Set<string>>();
  for (const { name, values = [] } of (await registry.getMetricsAsJSON()) as never as {
    name: string;
    values?: { labels: object }[];
  }[]) {
    labels.set(name, new Set(values.flatMap((value) => Object.keys(value.labels))));
  }
  const alerts = [...readFileSync(rules, 'utf8').matchAll(/expr: ([\s\S]*?)\n {8}\w/g)].map(([, expr = '']) => expr);
  assert.is(alerts.length, 5);
  const shown = new Set<string>();
  for (const expr of [...alerts, ...expressions.map((one) => one.expr)]) {
    const selectors = [...expr.matchAll(/(peergate_\w+)(?:\{([^}]*)\})?/g)];
    assert.ok(selectors.length > 0, expr);
    for (const [, name = '', inner = ''] of selectors) {
      assert.ok(labels.has(name), `${name} in ${expr}`);
      for (const [, label = ''] of inner.matchAll(/(\w+)=?[=~!]/g))
        assert.ok(labels.get(name)?.has(label), `${label} of ${name}`);
    }
    if (!alerts.includes(expr)) for (const [, name = ''] of selectors) shown.add(name);
  }
  assert.equal([...shown].sort(), [...labels.keys()].sort());
  limiter.close();
});

all.run();

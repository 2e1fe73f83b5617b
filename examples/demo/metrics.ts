// What a limiter does, over HTTP: `/metrics` for Prometheus, and a page with live plots, which asks `/state` twice a second.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import { Registry } from 'prom-client';
import type { RateLimiter } from '../../src/index.js';
import { registerPrometheus } from '../../src/telemetry/prometheus.js';

const TOP = 8;
const plots = createRequire(import.meta.url).resolve('uplot/package.json');

const page = (name: string) => readFileSync(new URL(`./page/${name}`, import.meta.url), 'utf8');
const ofPlots = (name: string) => readFileSync(plots.replace(/package\.json$/, `dist/${name}`), 'utf8');

/** Serves on loopback; port 0 is any that is free. */
export async function serveMetrics(limiter: RateLimiter, port: number): Promise<Server> {
  const registry = new Registry();
  registerPrometheus(limiter, registry, { name: 'demo' });
  const state = async () => ({
    at: performance.now(),
    decisions: limiter.decisions(),
    circuits: await limiter.countCircuits(),
    top: limiter.top(TOP, 'rateLimited').map(({ id, ...counts }) => ({ id: String(id), ...counts })),
  });
  const routes: Record<string, () => Promise<readonly [type: string, body: string]>> = {
    '/': async () => ['text/html; charset=utf-8', page('index.html')],
    '/page.js': async () => ['text/javascript', page('page.js')],
    '/uplot.js': async () => ['text/javascript', ofPlots('uPlot.esm.js')],
    '/uplot.css': async () => ['text/css', ofPlots('uPlot.min.css')],
    '/metrics': async () => [registry.contentType, await registry.metrics()],
    '/state': async () => ['application/json', JSON.stringify(await state())],
  };
  const server = createServer(async ({ url = '/' }, response) => {
    const answer = await routes[url]?.().catch((error: Error) => ['text/plain', error.message, 500] as const);
    const [type, body, status = 200] = answer ?? (['text/plain', 'not found', 404] as const);
    response.writeHead(status, { 'content-type': type }).end(body);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

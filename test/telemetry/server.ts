// A real Prometheus on loopback, of Debian's package `prometheus`.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'uvu';

/** What defines a test that needs Prometheus: it is skipped, with the reason, where there is none. */
export function testOfPrometheus(suite: Test): Test | Test['skip'] {
  if (['prometheus', 'promtool'].every((tool) => spawnSync(tool, ['--version']).status === 0)) return suite;
  console.log('skipped, because there is no prometheus and promtool on the path: install the package `prometheus`');
  return suite.skip;
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts a Prometheus that scrapes this port five times a second. */
export async function startPrometheus(
  scraped: number,
  ...rules: string[]
): Promise<{ readonly url: string; readonly end: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
  const config = {
    global: { scrape_interval: '200ms', scrape_timeout: '200ms', evaluation_interval: '200ms' },
    rule_files: rules,
    scrape_configs: [{ job_name: 'test', static_configs: [{ targets: [`127.0.0.1:${scraped}`] }] }],
  };
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(config)); // JSON is YAML
  const port = await freePort();
  const prometheus = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'config.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  const end = async () => {
    const ended = once(prometheus, 'exit');
    prometheus.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return { url: `http://127.0.0.1:${port}`, end };
}

type Answer = {
  data: {
    result: { metric: Record<string, string>; value: [number, string] }[];
    alerts: { labels: Record<string, string>; state: string }[];
  };
};

export async function ask(url: string): Promise<Answer | undefined> {
  const response = await fetch(url).catch(() => undefined);
  return response?.ok ? ((await response.json()) as Answer) : undefined;
}

/** Asks until the answer is as it should be; what it was last. Longer than that nothing takes but a machine that stands still. */
export async function until<T>(read: () => Promise<T>, isGood: (value: T) => boolean): Promise<T> {
  const end = performance.now() + 60_000;
  while (true) {
    const value = await read();
    if (isGood(value) || performance.now() > end) return value;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

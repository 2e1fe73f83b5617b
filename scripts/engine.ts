// Engines for tests, benchmarks and the demo: servers on free ports of loopback, in temporary folders, ended by their process ids.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

export const SERVERS = ['valkey-server', 'redis-server'];

function find(name: string): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/** The servers that this machine has. */
export const serverPaths = SERVERS.map(find).filter((path) => path !== undefined);

const STARTS = 100;
const PAUSE_MS = 50;

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A port that nobody had a moment ago, low enough that a cluster's bus, 10 000 above it, has one too. */
export async function freePort(): Promise<number> {
  while (true) {
    const server = createServer();
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    );
    await new Promise((resolve) => server.close(resolve));
    if (port < 55_000) return port;
    const low = 20_000 + Math.floor(Math.random() * 30_000);
    if (await isFree(low)) return low;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

const running = new Set<Server>();
process.once('exit', () => {
  for (const server of running) server.endNow();
});

/** A server that can be killed, started again on its port, stopped and woken. It does not outlive this process unless that is killed. */
export class Server {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'peergate-engine-'));
  readonly #path: string;
  readonly #options: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(path: string, port: number, options: readonly string[]) {
    this.#path = path;
    this.port = port;
    this.#options = options;
    running.add(this);
  }

  static async start(options: readonly string[] = [], path = serverPaths[0]): Promise<Server> {
    if (path === undefined)
      throw new Error(`expected ${SERVERS.join(' or ')} on the path: install the package redis-server`);
    const server = new Server(path, await freePort(), options);
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    const common = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', this.#folder];
    this.#process = spawn(this.#path, ['--port', String(this.port), ...common, ...this.#options], { stdio: 'ignore' });
    for (let i = 0; i < STARTS; i++) {
      if (this.#process.exitCode !== null) throw new Error(`${this.#path} ended with ${this.#process.exitCode}`);
      if (await answers(this.port)) return;
      await pause(PAUSE_MS);
    }
    throw new Error(`${this.#path} does not answer on port ${this.port}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** Kills it, and waits until it is gone. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async end(): Promise<void> {
    await this.kill();
    this.endNow();
  }

  /** Without waiting until it is gone. */
  endNow(): void {
    running.delete(this);
    this.#process?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (data) => {
      resolve(!data.toString().startsWith('-LOADING'));
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}

/** Three servers as one cluster. */
export async function startCluster(): Promise<Server[]> {
  const own = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
  const servers = [await Server.start(own), await Server.start(own), await Server.start(own)];
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  execFileSync('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes'], { stdio: 'ignore' });
  for (let i = 0; i < STARTS; i++) {
    const states = addresses.map((address) =>
      execFileSync('redis-cli', ['-p', address.split(':')[1] as string, 'cluster', 'info']).toString(),
    );
    if (states.every((state) => state.includes('cluster_state:ok'))) return servers;
    await pause(PAUSE_MS);
  }
  throw new Error('the cluster does not get ready');
}

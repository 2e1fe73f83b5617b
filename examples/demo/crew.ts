// The demo's processes: started, spoken to, and ended together, however the run ends.

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromClient, FromServer, Plan, Role, ServerReport, ToClient, ToServer } from './plan.js';
import { openPort } from './port.js';

const children = new Set<ChildProcess>();

/** A process of the demo ended while another one waited for it. */
export class EndedEarly extends Error {
  readonly code: number | null;

  constructor(code: number | null) {
    super(`a process of the demo ended early, with ${code}`);
    this.code = code;
  }
}

/** @param descriptors What the process gets copies of. */
function start(file: string, args: readonly string[], descriptors: readonly number[] = []): ChildProcess {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...descriptors],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

export function endAll(): void {
  for (const child of children) child.kill('SIGKILL');
}

/** The next message that `pick` finds something in; fails if the process ends before. */
function heard<M, T>(child: ChildProcess, pick: (message: M) => T | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: M) => {
      const found = pick(message);
      if (found === undefined) return;
      child.off('message', onMessage as (message: unknown) => void);
      child.off('exit', onExit);
      resolve(found);
    };
    const onExit = (code: number | null) => reject(new EndedEarly(code));
    child.on('message', onMessage as (message: unknown) => void);
    child.once('exit', onExit);
  });
}

export class Server {
  readonly #child: ChildProcess;
  readonly url: string;
  #reporting: Promise<unknown> = Promise.resolve();

  /** @param enginePort Where nodes agree with each other. */
  static async start(plan: Plan, enginePort?: number): Promise<Server> {
    const shared = plan.workers === 1 ? undefined : await openPort();
    const copies = shared === undefined ? [] : Array.from({ length: plan.workers }, () => shared.descriptor);
    const child = start('./server.ts', [JSON.stringify(plan), String(enginePort ?? '')], copies);
    shared?.close();
    const port = await heard(child, (message: FromServer) => ('port' in message ? message.port : undefined));
    return new Server(child, `ws://127.0.0.1:${port}`);
  }

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  attackBegins(): void {
    this.#child.send({ ask: 'attack' } satisfies ToServer);
  }

  /** Reports are asked for one after the other, so that each is of the time when it was asked for, or later. */
  report(): Promise<ServerReport> {
    const next = this.#reporting.then(() => {
      const report = heard(this.#child, (message: FromServer) => ('report' in message ? message.report : undefined));
      this.#child.send({ ask: 'report' } satisfies ToServer);
      return report;
    });
    this.#reporting = next.catch(() => {});
    return next;
  }
}

export type Done = Extract<FromClient, { done: unknown }>['done'];

export class Client {
  readonly #child: ChildProcess;
  readonly done: Promise<Done>;

  /** A process that is up and waits to begin, so that nobody's start is measured as somebody's latency. */
  static async start(
    role: Role,
    urls: readonly string[],
    plan: Plan,
    onCounts: (counts: Done['counts']) => void,
  ): Promise<Client> {
    const child = start('./client.ts', [role, JSON.stringify(urls), JSON.stringify(plan)]);
    const client = new Client(child, onCounts);
    await heard(child, (message: FromClient) => ('ready' in message ? true : undefined));
    return client;
  }

  private constructor(child: ChildProcess, onCounts: (counts: Done['counts']) => void) {
    this.#child = child;
    child.on('message', (message: FromClient) => {
      if ('counts' in message) onCounts(message.counts);
    });
    this.done = heard(child, (message: FromClient) => ('done' in message ? message.done : undefined));
    this.done.catch(() => {});
  }

  begin(): void {
    this.#child.send({ ask: 'begin' } satisfies ToClient);
  }

  stop(): Promise<Done> {
    if (this.#child.connected) this.#child.send({ ask: 'stop' } satisfies ToClient);
    return this.done;
  }
}

/** Several nodes, each in a process of its own. */

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Command, Flood, Limits } from './node.js';

const FILE = fileURLToPath(new URL('node.ts', import.meta.url));

/** A command without its answer's type. */
type Order = Command;

export class Crew {
  readonly #nodes: readonly ChildProcess[];

  constructor(size: number) {
    this.#nodes = Array.from({ length: size }, () => fork(FILE, { execArgv: ['--import', 'tsx'] }));
  }

  async join(port: number, limits: Limits, options = {}): Promise<void> {
    await this.#all({ do: 'join', port, limits, options: { nodes: this.#nodes.length, ...options } });
  }

  async flood(peer: string, ms: number, honest?: { readonly peer: string; readonly perSec: number }): Promise<Flood[]> {
    return (await this.#all({ do: 'flood', peer, ms, ...(honest && { honest }) })) as Flood[];
  }

  async leave(): Promise<void> {
    await this.#all({ do: 'leave' });
  }

  async end(): Promise<void> {
    await this.#all({ do: 'end' });
  }

  #all(order: Order): Promise<unknown[]> {
    return Promise.all(
      this.#nodes.map(
        (node) =>
          new Promise((resolve, reject) => {
            const gone = (code: number | null) => reject(new Error(`a node ended with ${code}`));
            node.once('exit', gone);
            node.once('message', ({ came }: { came: unknown }) => {
              node.off('exit', gone);
              resolve(came);
            });
            node.send(order);
          }),
      ),
    );
  }
}

/** Tokens of all nodes together, and over which time. */
export function together(floods: readonly Flood[]): { readonly tokens: number; readonly seconds: number } {
  const tokens = floods.flatMap(({ slices }) => slices).reduce((sum, each) => sum + each, 0);
  const from = Math.min(...floods.map((flood) => flood.from));
  const until = Math.max(...floods.map((flood) => flood.until));
  return { tokens, seconds: (until - from) / 1000 };
}

/** Tokens of all nodes from `fromMs` to before `untilMs` on the wall clock, in whole slices, and how long those are. */
export function between(
  floods: readonly Flood[],
  fromMs: number,
  untilMs: number,
): { tokens: number; seconds: number } {
  let tokens = 0;
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const { from, slices } of floods) {
    for (const [i, each] of slices.entries()) {
      const [start, end] = [from + i * 100, from + (i + 1) * 100];
      if (start < fromMs || end > untilMs) continue;
      tokens += each;
      first = Math.min(first, start);
      last = Math.max(last, end);
    }
  }
  return { tokens, seconds: (last - first) / 1000 };
}

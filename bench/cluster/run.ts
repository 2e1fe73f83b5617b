// Decisions over one server, all subjects in one process, in turns; and what peergate sends to the engine meanwhile.

import { Server } from '../../scripts/engine.js';
import { type Figures, QUICK } from '../measure.js';
import { type Decide, flexible, gcra, peergate } from './subjects.js';

const PEERS = 1_000;
const TURNS = QUICK ? 2 : 10;
const TURN_MS = 100;

interface Turn {
  readonly perSec: number;
  readonly waitsMs: readonly number[];
}

/** So many callers, each of which asks again as soon as it has its answer. */
async function turn(decide: Decide, callers: number): Promise<Turn> {
  const waitsMs: number[] = [];
  const start = performance.now();
  let decisions = 0;
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      for (let i = caller; performance.now() - start < TURN_MS; i += callers) {
        // What is decided at once would be over before the clock ticks: a hundred at a time.
        const before = performance.now();
        const first = decide(`peer ${i % PEERS}`);
        if (typeof first === 'boolean') {
          for (let k = 1; k < 100; k++) decide(`peer ${(i + k) % PEERS}`);
          waitsMs.push((performance.now() - before) / 100);
          decisions += 100;
          if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
        } else {
          await first;
          waitsMs.push(performance.now() - before);
          decisions++;
        }
      }
    }),
  );
  return { perSec: (decisions * 1_000) / (performance.now() - start), waitsMs };
}

const middle = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number;

/** Decisions a second and the median wait of each subject. */
export async function decisions(callers: number): Promise<Figures> {
  const server = await Server.start();
  const subjects = [await peergate(server.port), await gcra(server.port), await flexible(server.port)];
  try {
    const turns = subjects.map((): Turn[] => []);
    for (const { decide } of subjects) await turn(decide, callers);
    for (let i = 0; i < TURNS; i++) {
      for (const [k, { decide }] of subjects.entries()) turns[k]?.push(await turn(decide, callers));
    }
    const figures: Record<string, number> = {};
    for (const [k, { name }] of subjects.entries()) {
      const own = turns[k] as Turn[];
      figures[`${name}, thousand a second`] = middle(own.map(({ perSec }) => perSec)) / 1_000;
      figures[`${name}, p50 in µs`] = middle(own.flatMap(({ waitsMs }) => waitsMs)) * 1_000;
    }
    return figures;
  } finally {
    for (const { end } of subjects) await end();
    await server.end();
  }
}

/** What a node sends a second while so many peers ask ten times a second each. */
export async function commands(peers: number): Promise<Figures> {
  const server = await Server.start();
  const subject = await peergate(server.port);
  const ms = QUICK ? 1_000 : 5_000;
  try {
    for (let i = 0; i < peers; i++) subject.decide(`peer ${i}`);
    await subject.sync.flush();
    const before = subject.sync.stats();
    const start = performance.now();
    const cpu = process.cpuUsage();
    let asked = 0;
    while (performance.now() - start < ms) {
      const due = ((performance.now() - start) / 1_000) * peers * 10;
      for (; asked < due; asked++) subject.decide(`peer ${asked % peers}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const seconds = (performance.now() - start) / 1_000;
    const after = subject.sync.stats();
    const { user, system } = process.cpuUsage(cpu);
    return {
      'requests a second': asked / seconds,
      'commands a second': (after.exchanges - before.exchanges) / seconds,
      'keys a second': (after.keys - before.keys) / seconds,
      'CPU of the node, %': (user + system) / 10_000 / seconds,
    };
  } finally {
    await subject.end();
    await server.end();
  }
}

// Decisions over one server, all subjects in one process, in turns; and what peergate sends to the server meanwhile.

import { Server } from '../../scripts/engine.js';
import { type Figures, QUICK } from '../measure.js';
import { type Decide, flexible, gcra, peergate, Sent } from './subjects.js';

export const GCRA_RATIO = 'peergate ÷ Lua GCRA';
export const FLEXIBLE_RATIO = 'peergate ÷ rate-limiter-flexible';

const PEERS = 1_000;
const TURNS = QUICK ? 2 : 20;
const TURN_MS = 100;
/** What is decided at once would be over before the clock ticks. */
const AT_ONCE = 100;

interface Turn {
  readonly perSec: number;
  readonly waitsMs: readonly number[];
  readonly commands: number;
  readonly decisions: number;
}

/** So many callers, each of which asks again as soon as it has its answer. */
async function turn(decide: Decide, callers: number, sent: Sent): Promise<Turn> {
  const waitsMs: number[] = [];
  await sent.reset();
  const start = performance.now();
  let decisions = 0;
  let refused = 0;
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      for (let i = caller; performance.now() - start < TURN_MS; i += callers) {
        const before = performance.now();
        const first = decide(`peer ${i % PEERS}`);
        if (typeof first === 'boolean') {
          refused += Number(!first);
          for (let k = 1; k < AT_ONCE; k++) refused += Number(!decide(`peer ${(i + k * callers) % PEERS}`));
          waitsMs.push((performance.now() - before) / AT_ONCE);
          decisions += AT_ONCE;
          // Payments are made between decisions.
          await new Promise((resolve) => setImmediate(resolve));
        } else {
          refused += Number(!(await first));
          waitsMs.push(performance.now() - before);
          decisions++;
        }
      }
    }),
  );
  const perSec = (decisions * 1_000) / (performance.now() - start);
  if (refused > 0) throw new Error(`${refused} of ${decisions} decisions were not as expected`);
  return { perSec, waitsMs, decisions, commands: await sent.scripts() };
}

const middle = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] as number;
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/** Decisions a second and the median wait of each subject. Ratios are taken within a turn; their medians count. */
export async function decisions(callers: number): Promise<Figures> {
  const server = await Server.start();
  const sent = await Sent.to(server.port);
  const subjects = {
    peergate: await peergate(server.port),
    'Lua GCRA': await gcra(server.port),
    'rate-limiter-flexible': await flexible(server.port),
  };
  const names = Object.keys(subjects) as (keyof typeof subjects)[];
  try {
    const turns: Record<keyof typeof subjects, Turn>[] = [];
    for (let i = -1; i < TURNS; i++) {
      const own: Partial<Record<keyof typeof subjects, Turn>> = {};
      for (const [k] of names.entries()) {
        const name = names[(k + i + 1) % names.length] as keyof typeof subjects;
        own[name] = await turn(subjects[name].decide, callers, sent);
      }
      if (i >= 0) turns.push(own as Record<keyof typeof subjects, Turn>); // the first turns are for the compiler
    }
    const figures: Record<string, number> = {};
    for (const name of names) {
      const own = turns.map((each) => each[name]);
      figures[`${name}: thousand a second`] = middle(own.map(({ perSec }) => perSec)) / 1_000;
      figures[`${name}: p50 µs`] = middle(own.flatMap(({ waitsMs }) => waitsMs)) * 1_000;
    }
    const ratio = (other: keyof typeof subjects) =>
      middle(turns.map(({ peergate, [other]: rival }) => peergate.perSec / rival.perSec));
    figures[GCRA_RATIO] = ratio('Lua GCRA');
    figures[FLEXIBLE_RATIO] = ratio('rate-limiter-flexible');
    for (const name of names) {
      const own = turns.map((each) => each[name]);
      figures[`${name}: commands a million decisions`] =
        (1e6 * sum(own.map(({ commands }) => commands))) / sum(own.map(({ decisions }) => decisions));
    }
    return figures;
  } finally {
    for (const { end } of Object.values(subjects)) await end();
    sent.end();
    await server.end();
  }
}

/** What each active peer asks, of the default limits. */
const ASKS_PER_SEC = 10;
const DEFAULTS = { rate: 100, burst: 200 };

/** What a node sends while so many peers ask ten times a second each. */
export async function commands(peers: number): Promise<Figures> {
  const server = await Server.start();
  const subject = await peergate(server.port, DEFAULTS);
  const sent = await Sent.to(server.port);
  const ms = QUICK ? 1_000 : 5_000;
  try {
    for (let i = 0; i < peers; i++) subject.decide(`peer ${i}`);
    await subject.sync.flush();
    await sent.reset();
    const before = subject.sync.stats();
    const start = performance.now();
    const cpu = process.cpuUsage();
    let asked = 0;
    while (performance.now() - start < ms) {
      const due = ((performance.now() - start) / 1_000) * peers * ASKS_PER_SEC;
      for (; asked < due; asked++) subject.decide(`peer ${asked % peers}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const { user, system } = process.cpuUsage(cpu);
    const seconds = (performance.now() - start) / 1_000;
    const scripts = await sent.scripts();
    const after = subject.sync.stats();
    return {
      'requests a second': asked / seconds,
      'commands a second': scripts / seconds,
      'keys a command': (after.keys - before.keys) / (after.exchanges - before.exchanges),
      'requests a command': asked / scripts,
      'CPU of the node, %': (user + system) / 10_000 / seconds,
    };
  } finally {
    await subject.end();
    sent.end();
    await server.end();
  }
}

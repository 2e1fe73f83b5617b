// Nodes with one limit, over a network that loses messages, while all of them are flooded and some are killed.

import { ClusterSync } from '../../../src/cluster/index.js';
import type { RateLimiter } from '../../../src/index.js';
import { Chance } from '../chance.js';
import { limiterOf } from '../limiter.js';
import { Network, type NetworkOptions } from '../network.js';
import { type Criterion, criterion, type Scenario } from '../scenario.js';
import { VirtualTime } from '../virtual-time.js';

const RATE = 500;
const BURST = 1_000;
const FLOOD = 4;
const UNTIL_MS = 10_000;
const SEED = 20_261_126;

/** What may be wrong, to see that it would be found: with a node, or with what the engine does. */
export type Fault = 'in-flight ignored' | 'set instead of max';

interface World extends NetworkOptions {
  readonly nodes: number;
  readonly credit: number;
  /** How often a node is killed and a new one takes its place. */
  readonly restarts?: number;
  readonly fault?: Fault;
}

interface Run {
  /** The most tokens above burst + rate · Δ in any window. */
  readonly over: number;
  readonly tokens: number;
  readonly commands: number;
  readonly lost: number;
  /** Seconds, and tokens above burst + rate · Δ at that time. */
  readonly overTime: readonly (readonly [number, number])[];
}

/** What a peer was given by all nodes together, as the bucket that would have to hold it. */
class Account {
  #tatMs = 0;
  tokens = 0;
  over = Number.NEGATIVE_INFINITY;
  overNow = 0;

  give(nowMs: number): void {
    this.#tatMs = Math.max(this.#tatMs, nowMs) + 1_000 / RATE;
    this.tokens++;
    this.overNow = ((this.#tatMs - nowMs) * RATE) / 1_000 - BURST;
    this.over = Math.max(this.over, this.overNow);
  }
}

/** A node that counts as paid what it has only sent: the credit is free before anybody knows. */
function ignoreInFlight({ debts }: RateLimiter, now: () => number): void {
  const { owed, learn } = { owed: debts.owed.bind(debts), learn: debts.learn.bind(debts) };
  debts.owed = (least) => {
    const found = owed(least);
    for (const debt of found) learn(debt, 0, debt.tokens, now());
    return found;
  };
  debts.learn = (row, debtMs, _paid, at) => learn(row, debtMs, 0, at);
}

async function play({ nodes, credit, restarts = 0, fault, ...options }: World): Promise<Run> {
  const chance = new Chance(SEED);
  const time = new VirtualTime();
  const network = new Network(time, chance, { ...options, forgets: fault === 'set instead of max' });
  const account = new Account();
  const overTime: [number, number][] = [];
  const now = () => time.nowMs;
  const join = () => {
    const limiter = limiterOf({ maxRequestsPerSec: RATE, burstSize: BURST, maxPeers: 1, clock: now });
    if (fault === 'in-flight ignored') ignoreInFlight(limiter, now);
    return { limiter, sync: new ClusterSync(limiter, { transport: network, nodes, credit }) };
  };
  time.install(chance);
  try {
    const crew = Array.from({ length: nodes }, join);
    const ask = () => {
      const { limiter } = crew[Math.floor(chance.next() * nodes)] as (typeof crew)[0];
      if (limiter.allows('peer', 1, time.nowMs)) account.give(time.nowMs);
      time.after(chance.gapMs(FLOOD * RATE), ask);
    };
    ask();
    for (let i = 1; i <= restarts; i++) {
      time.after((UNTIL_MS * i) / (restarts + 1), () => {
        const which = Math.floor(chance.next() * nodes);
        // Killed: nothing that it owes is paid.
        crew[which]?.limiter.close();
        crew[which] = join();
      });
    }
    const sample = () => {
      overTime.push([time.nowMs / 1_000, account.overNow]);
      time.after(50, sample);
    };
    sample();
    await time.until(UNTIL_MS);
    for (const { limiter } of crew) limiter.close();
  } finally {
    time.uninstall();
  }
  return { over: account.over, tokens: account.tokens, commands: network.commands, lost: network.lost, overTime };
}

const half = (nodes: number) => Math.max(1, Math.floor(BURST / 2 / nodes));
const near = [1, 20] as const;
const sound: readonly World[] = [
  { nodes: 3, credit: half(3), delayMs: near, lost: 0 },
  { nodes: 10, credit: half(10), delayMs: [20, 100], lost: 0 },
  { nodes: 100, credit: half(100), delayMs: near, lost: 0 },
  { nodes: 1_000, credit: 1, delayMs: near, lost: 0 },
];
const rough: readonly World[] = [
  { nodes: 3, credit: half(3), delayMs: near, lost: 0.02, restarts: 5 },
  { nodes: 10, credit: half(10), delayMs: near, lost: 0.02, restarts: 5 },
  { nodes: 100, credit: half(100), delayMs: near, lost: 0.01, restarts: 20 },
  { nodes: 1_000, credit: 1, delayMs: near, lost: 0.001, restarts: 50 },
];

const tokens = (amount: number) => `${Math.ceil(amount)}`;

export const cluster: Scenario = {
  name: 'cluster',
  picture: 'cluster-overshoot.svg',
  title: 'One limit across machines',
  about: `Up to 1 000 nodes share a limit of ${RATE}/s with bursts of ${BURST}. One peer asks ${FLOOD * RATE} times a second, each time another node. The engine's clock is an hour ahead.`,
  async run() {
    const criteria: Criterion[] = [];
    const notes: string[] = [];
    let shown: Run | undefined;
    for (const world of sound) {
      const run = await play(world);
      if (world.nodes === 10) shown = run;
      const bound = world.nodes * world.credit;
      criteria.push(
        criterion(
          `${world.nodes} nodes with a credit of ${world.credit} give at most burst + rate · Δ + ${bound}`,
          `${tokens(run.over)} above burst + rate · Δ`,
          run.over <= bound,
        ),
        criterion(
          `and not less than the rate`,
          `${run.tokens} tokens`,
          run.tokens >= (0.9 * (RATE * UNTIL_MS)) / 1_000,
        ),
      );
      notes.push(`${world.nodes} nodes: ${run.commands} commands for ${run.tokens} tokens`);
    }
    for (const world of rough) {
      const run = await play(world);
      // A node that does not reach the engine gives its share of a burst anew; one that is killed takes what it owes along.
      const bound = BURST + (world.nodes + (world.restarts ?? 0)) * world.credit;
      criteria.push(
        criterion(
          `${world.nodes} nodes, of which ${world.restarts} are killed, with ${world.lost * 100} % of messages lost: one burst more at most`,
          `${tokens(run.over)} above burst + rate · Δ, bound ${bound}; ${run.lost} messages were lost`,
          run.over <= bound,
        ),
      );
    }
    const slow = { nodes: 10, credit: half(10), delayMs: [20, 100], lost: 0 } as const;
    for (const fault of ['in-flight ignored', 'set instead of max'] as const) {
      const run = await play({ ...slow, fault });
      const bound = slow.nodes * slow.credit;
      criteria.push(
        criterion(
          `a planted fault is found: ${fault}`,
          `${tokens(run.over)} above burst + rate · Δ, bound ${bound}`,
          run.over > bound,
        ),
      );
    }
    return {
      criteria,
      notes,
      chart: {
        title: 'Tokens above one bucket of that rate and burst, 10 nodes',
        x: 'seconds',
        y: 'tokens',
        lines: [{ name: 'a peer that floods all nodes', points: shown?.overTime ?? [] }],
        marks: [{ y: 10 * half(10), name: 'bound: nodes · credit' }],
      },
    };
  },
};

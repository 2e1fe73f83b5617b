/** One node of a cluster in a process of its own: it does what its parent tells it, and says what came of it. */

import { type ClusterOptions, ClusterSync, fromIovalkey } from '../../src/cluster/index.js';
import { RateLimiter } from '../../src/index.js';
import { clientOf, pause } from './servers.js';

export interface Limits {
  readonly rate: number;
  readonly burst: number;
}

export type Command =
  | {
      readonly do: 'join';
      readonly port: number;
      readonly limits: Limits;
      readonly options: Partial<ClusterOptions> & { readonly nodes: number };
    }
  | {
      readonly do: 'flood';
      readonly peer: string;
      readonly ms: number;
      readonly honest?: { readonly peer: string; readonly perSec: number };
    }
  | { readonly do: 'leave' }
  | { readonly do: 'end' };

/** What came of a flood; times in ms since 1970, which all processes of a machine share. */
export interface Flood {
  readonly from: number;
  readonly until: number;
  readonly asked: number;
  /** Tokens in each slice of 100 ms since `from`. */
  readonly slices: readonly number[];
  /** Checks in each of them. */
  readonly checks: readonly number[];
  readonly honest: { readonly asked: number; readonly refused: number };
  readonly longestRttMs: number;
  readonly stats: ReturnType<ClusterSync['stats']>;
  readonly state: string;
}

const SLICE_MS = 100;
const CHECKS = 50;

let node: { limiter: RateLimiter; sync: ClusterSync; leave: () => Promise<void> } | undefined;

const wallMs = () => performance.timeOrigin + performance.now();
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function join({ port, limits, options }: Extract<Command, { do: 'join' }>): Promise<void> {
  const client = await clientOf(port);
  const limiter = new RateLimiter({ maxRequestsPerSec: limits.rate, burstSize: limits.burst, maxPeers: 1_000 });
  const sync = new ClusterSync(limiter, { transport: fromIovalkey(client), ...options });
  // The first exchange brings the script along.
  limiter.check('warm-up');
  await sync.flush();
  node = {
    limiter,
    sync,
    async leave() {
      await sync.close();
      client.disconnect();
      limiter.close();
    },
  };
}

async function flood({ peer, ms, honest }: Extract<Command, { do: 'flood' }>): Promise<Flood> {
  if (node === undefined) throw new Error('not joined');
  const { limiter, sync } = node;
  const slices: number[] = [];
  const checks: number[] = [];
  const counts = { asked: 0, refused: 0 };
  const before = sync.stats();
  let asked = 0;
  let longestRttMs = 0;
  const from = wallMs();
  let now = from;
  for (; now < from + ms; now = wallMs()) {
    const slice = Math.floor((now - from) / SLICE_MS);
    slices[slice] ??= 0;
    checks[slice] ??= 0;
    for (let i = 0; i < CHECKS; i++) slices[slice] += Number(limiter.allows(peer));
    asked += CHECKS;
    checks[slice] += CHECKS;
    if (honest !== undefined && counts.asked < ((now - from) / 1000) * honest.perSec) {
      // One that was late is not made up for: nobody honest comes in bursts here.
      counts.asked = Math.ceil(((now - from) / 1000) * honest.perSec);
      counts.refused += Number(!limiter.allows(honest.peer));
    }
    await nextTurn();
    longestRttMs = Math.max(longestRttMs, sync.stats().lastRttMs);
  }
  await pause(0);
  const after = sync.stats();
  const stats = { ...after, exchanges: after.exchanges - before.exchanges, keys: after.keys - before.keys };
  return {
    from,
    until: now,
    asked,
    slices: Array.from(slices, (tokens) => tokens ?? 0),
    checks: Array.from(checks, (made) => made ?? 0),
    honest: counts,
    longestRttMs,
    stats,
    state: sync.state,
  };
}

process.on('message', async (command: Command) => {
  let came: unknown;
  if (command.do === 'join') await join(command);
  else if (command.do === 'flood') came = await flood(command);
  else await node?.leave();
  process.send?.({ came });
  if (command.do === 'end') process.disconnect();
});

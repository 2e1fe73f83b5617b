// Three ways to hold one limit across processes, over the same server.

import { Redis } from 'ioredis';
import { ClusterSync, fromIoredis } from '../../src/cluster/index.js';
import { RateLimiter } from '../../src/index.js';
import { load } from '../compare/library.js';

/** Whether a request of this peer may go on. */
export type Decide = (peer: string) => boolean | Promise<boolean>;

export interface Subject {
  readonly name: string;
  readonly decide: Decide;
  readonly end: () => Promise<void>;
}

const RATE = 1_000_000;
const BURST = 1_000_000;

/** One bucket in a script, asked for each request. */
const GCRA = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + ARGV[1]
if tat > now + ARGV[2] then return 0 end
redis.call('SET', KEYS[1], string.format('%.0f', tat), 'PX', math.ceil((tat - now) / 1000))
return 1
`;

interface Flexible {
  RateLimiterRedis: new (options: {
    storeClient: Redis;
    points: number;
    duration: number;
  }) => { consume(key: string): Promise<unknown> };
}

export async function clientOf(port: number): Promise<Redis> {
  const options = { enableOfflineQueue: false, autoResendUnfulfilledCommands: false, lazyConnect: true };
  const client = new Redis(port, '127.0.0.1', options);
  await client.connect();
  return client;
}

export async function peergate(port: number, nodes = 3): Promise<Subject & { readonly sync: ClusterSync }> {
  const client = await clientOf(port);
  const limiter = new RateLimiter({ maxRequestsPerSec: RATE, burstSize: BURST, maxPeers: 20_000 });
  const sync = new ClusterSync(limiter, { transport: fromIoredis(client), nodes });
  return {
    name: 'peergate',
    sync,
    decide: (peer) => limiter.allows(peer),
    async end() {
      await sync.close();
      client.disconnect();
    },
  };
}

export async function gcra(port: number): Promise<Subject> {
  const client = await clientOf(port);
  const sha = (await client.script('LOAD', GCRA)) as string;
  return {
    name: 'Lua GCRA',
    decide: async (peer) => (await client.evalsha(sha, 1, peer, 1, BURST)) === 1,
    end: async () => client.disconnect(),
  };
}

export async function flexible(port: number): Promise<Subject> {
  const { RateLimiterRedis } = await load<Flexible>('rate-limiter-flexible');
  const client = await clientOf(port);
  const limiter = new RateLimiterRedis({ storeClient: client, points: BURST, duration: 1 });
  return {
    name: 'rate-limiter-flexible',
    decide: (peer) =>
      limiter.consume(peer).then(
        () => true,
        () => false,
      ),
    end: async () => client.disconnect(),
  };
}

// Three ways to hold one limit across processes, over the same server. None of them rejects anything here.

import { Redis } from 'ioredis';
import { load } from '../compare/library.js';
import { ClusterSync, fromIoredis, Limiter } from '../peergate.js';

/** Whether a request of this peer may go on. */
export type Decide = (peer: string) => boolean | Promise<boolean>;

export interface Subject {
  readonly decide: Decide;
  readonly end: () => Promise<void>;
}

export interface Limits {
  readonly rate: number;
  readonly burst: number;
}

const NODES = 3;
const PLENTY = 1_000_000;

/** One bucket in a script, asked for each request: the least that a decision by the server takes. */
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

export async function peergate(
  port: number,
  { rate, burst }: Limits = { rate: PLENTY, burst: PLENTY },
): Promise<Subject & { readonly sync: InstanceType<typeof ClusterSync> }> {
  const client = await clientOf(port);
  const limiter = new Limiter({ maxRequestsPerSec: rate, burstSize: burst, maxPeers: 20_000 });
  const sync = new ClusterSync(limiter, { transport: fromIoredis(client), nodes: NODES });
  return {
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
    decide: async (peer) => (await client.evalsha(sha, 1, peer, 1, PLENTY)) === 1,
    end: async () => client.disconnect(),
  };
}

export async function flexible(port: number): Promise<Subject> {
  const { RateLimiterRedis } = await load<Flexible>('rate-limiter-flexible');
  const client = await clientOf(port);
  const limiter = new RateLimiterRedis({ storeClient: client, points: PLENTY, duration: 1 });
  return {
    decide: (peer) =>
      limiter.consume(peer).then(
        () => true,
        () => false,
      ),
    end: async () => client.disconnect(),
  };
}

/** What was sent to the server since the last time. */
export class Sent {
  readonly #client: Redis;

  static async to(port: number): Promise<Sent> {
    return new Sent(await clientOf(port));
  }

  private constructor(client: Redis) {
    this.#client = client;
  }

  async reset(): Promise<void> {
    await this.#client.config('RESETSTAT');
  }

  /** Scripts that were run: every subject sends nothing else. */
  async scripts(): Promise<number> {
    const text = await this.#client.info('commandstats');
    return [...text.matchAll(/^cmdstat_(?:eval|evalsha):calls=(\d+)/gm)].reduce(
      (sum, [, calls]) => sum + Number(calls),
      0,
    );
  }

  end(): void {
    this.#client.disconnect();
  }
}

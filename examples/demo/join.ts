// A server's part in a limit that holds across processes.

import { Redis } from 'iovalkey';
import { ClusterSync, fromIovalkey } from '../../src/cluster/index.js';
import type { RateLimiter } from '../../src/index.js';
import type { Plan } from './plan.js';

const RETRY_MS = 50;

/** Resolves when the engine can be reached. */
export async function join(limiter: RateLimiter, port: number, { nodes, credit }: Plan): Promise<ClusterSync> {
  const client = new Redis(port, '127.0.0.1', {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    lazyConnect: true,
    retryStrategy: () => RETRY_MS,
  });
  // An engine that is gone is what `state` tells of.
  client.on('error', () => {});
  await client.connect();
  return new ClusterSync(limiter, { transport: fromIovalkey(client), nodes, credit });
}

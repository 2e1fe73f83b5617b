// rate-limiter-flexible between processes. The primary counts, and the workers ask it.

import cluster from 'node:cluster';
import { RateLimiterCluster, RateLimiterClusterMaster } from 'rate-limiter-flexible';

const CALLS = 2_000;

if (cluster.isPrimary) {
  new RateLimiterClusterMaster();
  cluster.fork().on('message', ({ ns }) => {
    if (ns === undefined) return;
    console.log(ns);
    process.exit();
  });
} else {
  const limiter = new RateLimiterCluster({ keyPrefix: 'bench', points: 1e9, duration: 1_000, timeoutMs: 10_000 });
  const ask = async (atOnce) => {
    const start = performance.now();
    for (let i = 0; i < CALLS; i += atOnce) {
      await Promise.all(Array.from({ length: atOnce }, (_, j) => limiter.consume(`peer ${(i + j) % 1_000}`)));
    }
    return ((performance.now() - start) * 1e6) / CALLS;
  };
  await ask(16);
  process.send({ ns: JSON.stringify({ one: await ask(1), many: await ask(64) }) });
}

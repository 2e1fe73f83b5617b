/** Snapshots of a table that another thread is writing to. */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RateLimiter } from '../src/index.js';

const SNAPSHOTS = 2_000;

/** A worker does not inherit the loader of TypeScript, so it registers that before it imports its file. */
const START = `import('tsx/esm/api').then(({ register }) => {
  register();
  return import(${JSON.stringify(new URL('./snapshot-writer.ts', import.meta.url).href)});
});`;

const test = suite('snapshots of a shared table');

test('each row is of one instant: never the bucket of one life with the breaker of another', async () => {
  const limiter = new RateLimiter({
    shared: true,
    maxPeers: 16,
    burstSize: 10,
    maxRequestsPerSec: 0.001,
    clock: () => 1_000,
  });
  const stop = new Int32Array(new SharedArrayBuffer(8));
  const ticket = limiter.share();
  const writer = new Worker(START, { eval: true, workerData: { ticket, stop } });
  const ended = once(writer, 'exit');
  while (Atomics.load(stop, 1) === 0) await new Promise((resolve) => setTimeout(resolve, 5));

  const seen = new Map<string, number>();
  for (let i = 0; i < SNAPSHOTS; i++) {
    const restored = RateLimiter.restore(limiter.snapshot(), { clock: () => 1_000 });
    const rows = [...restored.peers()].map(({ availableTokens, circuitState }) => {
      const failed = restored.recordFailure('turncoat') && [...restored.peers()][0]?.failures;
      return `${availableTokens} tokens, ${circuitState}, failures then ${failed}`;
    });
    const row = rows.join('; ') || 'no row';
    seen.set(row, (seen.get(row) ?? 0) + 1);
  }
  Atomics.store(stop, 0, 1);
  await ended;

  const possible = ['no row', '7 tokens, closed, failures then 1', '10 tokens, closed, failures then 2'];
  for (const row of seen.keys()) assert.ok(possible.includes(row), `${row} (seen ${JSON.stringify([...seen])})`);
  assert.is(limiter.peerCount, 0, 'the writer cleaned up behind itself');
});

test.run();

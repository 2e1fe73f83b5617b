// A limiter that a restart does not reset: it is saved on SIGTERM and every minute, and restored at the start.
//
//     node --import tsx examples/snapshot.ts limits.bin

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { RateLimiter, SnapshotError } from 'peergate';

const file = process.argv[2] ?? 'limits.bin';
const everyMs = 60_000;

function start(): RateLimiter {
  try {
    const limiter = RateLimiter.restore(readFileSync(file));
    console.log(`restored ${limiter.peerCount} peers from ${file}`);
    return limiter;
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (!absent && !(error instanceof SnapshotError)) throw error;
    // Starting with full buckets for everyone is worth a line in the log, but no reason to stay down.
    console.log(absent ? `no ${file} yet` : `not restored: ${(error as Error).message}`);
    return new RateLimiter();
  }
}

/** A rename is atomic: whoever reads finds the old snapshot or the new one, never half of one. */
function save(limiter: RateLimiter): void {
  writeFileSync(`${file}.new`, limiter.snapshot(), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

const limiter = start();
const timer = setInterval(() => save(limiter), everyMs);
process.once('SIGTERM', () => {
  clearInterval(timer);
  save(limiter);
  console.log(`saved ${limiter.peerCount} peers to ${file}`);
});

limiter.check(`peer ${process.pid}`, 50);
for (const { id, availableTokens } of limiter.peers()) console.log(`${id}: ${availableTokens} tokens`);
console.log('ready');

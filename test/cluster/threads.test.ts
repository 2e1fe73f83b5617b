/** A shared table: one thread pays for what all of them give. */

import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { RateLimiter } from 'peergate';
import { ClusterSync } from 'peergate/cluster';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FakeEngine } from './fake-engine.js';

const test = suite('debts of several threads');

const BURST = 60;
const TOKEN_MS = 1000 / 0.01;
const HAND = new URL('./hand.mjs', import.meta.url);

/** Timers of peergate keep no process alive, so the tests need one that does. */
const alive = setInterval(() => {}, 1_000);

const nodeOf = (engine: FakeEngine) => {
  const limiter = new RateLimiter({ maxRequestsPerSec: 0.01, burstSize: BURST, maxPeers: 100, shared: true });
  const secret = new TextEncoder().encode('hush');
  // Nothing is paid for its age here: only because a peer owes half of its credit.
  const sync = new ClusterSync(limiter, { transport: engine, nodes: 2, intervalMs: 60_000, timeoutMs: 60_000, secret });
  return { limiter, sync };
};

const hire = (limiter: RateLimiter, peers: readonly string[], tokens: number) => {
  const ticket = limiter.share();
  return { ticket, worker: new Worker(HAND, { workerData: { ticket, peers, tokens } }) };
};

const keyOf = (id: string) => {
  const digest = createHmac('sha256', 'hush').update(id).digest().subarray(0, 16);
  return `{peergate:${((digest[0] as number) & 15).toString(16)}}:${digest.toString('base64url')}`;
};

test('what another thread gives is paid when it is half of the credit, so that it can give more than the credit', async () => {
  const engine = new FakeEngine();
  const { limiter, sync } = nodeOf(engine);
  // The whole of a long ID is known to the thread alone that asks for it.
  const peers = ['peer', 'a long ID '.repeat(10)];
  // A token that is paid while its check is decided again is paid twice, so nobody can count on the whole burst.
  const { worker, ticket } = hire(limiter, peers, BURST);
  const [[given]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
  limiter.detach(ticket);
  assert.ok(given > peers.length * (BURST / 4), `${given} tokens given`);
  await sync.flush();
  const paid = peers.map((peer) => engine.debtMs(keyOf(peer)) / TOKEN_MS);
  for (const tokens of paid) assert.ok(tokens <= BURST, `${tokens} tokens paid`);
  const sum = paid.reduce((all, tokens) => all + tokens, 0);
  assert.ok(sum > given - 2, `${sum} tokens paid of ${given}`);
  await sync.close();
});

test('what a thread gave that was killed is paid as well', async () => {
  const engine = new FakeEngine();
  const { limiter, sync } = nodeOf(engine);
  const { worker, ticket } = hire(limiter, ['peer'], 1e9);
  while (limiter.getAvailableTokens('peer') > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  await worker.terminate();
  limiter.detach(ticket);
  await sync.flush();
  const tokens = engine.debtMs(keyOf('peer')) / TOKEN_MS;
  assert.ok(tokens > BURST - 1, `${tokens} tokens paid`);
  await sync.close();
});

test('another thread goes on paying where the one that paid has died, and with what that one left unpaid', async () => {
  const engine = new FakeEngine();
  const limiter = new RateLimiter({ maxRequestsPerSec: 0.01, burstSize: BURST, maxPeers: 100, shared: true });
  const secret = new TextEncoder().encode('hush');
  const ticket = limiter.share();
  const other = RateLimiter.attach(ticket);
  const lost = new FakeEngine();
  lost.fails = 'before';
  const first = new ClusterSync(other, { transport: lost, nodes: 2, secret });
  for (let i = 0; i < 10; i++) limiter.check('peer');
  await first.flush();
  assert.is(first.state, 'down');
  limiter.detach(ticket);
  const second = new ClusterSync(limiter, { transport: engine, nodes: 2, secret });
  await second.flush();
  const tokens = engine.debtMs(keyOf('peer')) / TOKEN_MS;
  assert.ok(tokens > 9 && tokens <= 10, `${tokens} tokens paid`);
  await second.close();
});

test.after(() => clearInterval(alive));
test.run();

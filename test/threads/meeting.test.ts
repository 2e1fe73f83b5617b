/** Threads of one process that come to the same peer at the same moment, thousands of times. */

import { RateLimiter } from 'peergate';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Crew, totalsOf } from './crew.js';

const test = suite('threads that meet');

const ROUNDS = 3_000;
const THREADS = 2;
const NOW = 1_000_000;

/** `prepare` runs for each peer before anybody meets it. */
async function meet(
  options: object,
  { failing = false, prepare }: { failing?: boolean; prepare?: (limiter: RateLimiter, id: string) => void } = {},
) {
  const limiter = new RateLimiter({
    shared: true,
    maxPeers: ROUNDS,
    maxRequestsPerSec: 0.001,
    clock: () => NOW,
    ...options,
  });
  if (prepare) for (let round = 1; round <= ROUNDS; round++) prepare(limiter, `peer ${round}`);
  const crew = new Crew(limiter);
  for (let i = 0; i < THREADS; i++)
    await crew.hire({ what: 'meet', threads: THREADS, now: NOW, rounds: ROUNDS, failing });
  await crew.stop();
  return { limiter, counted: crew.counted };
}

test('a new peer gets one row, and every thread its token', async () => {
  const { limiter, counted } = await meet({ burstSize: 3 });
  assert.equal(counted, [THREADS * ROUNDS, 0, 0, 0]);
  assert.is(limiter.peerCount, ROUNDS);
  for (let round = 1; round <= ROUNDS; round++) assert.is(limiter.getAvailableTokens(`peer ${round}`), 3 - THREADS);
  assert.is(new Set([...limiter.peers()].map(({ id }) => id)).size, ROUNDS);
  assert.equal(totalsOf(limiter), counted);
});

test('the last token goes to one of them', async () => {
  const { limiter, counted } = await meet({ burstSize: 2 }, { prepare: (made, id) => void made.check(id) });
  assert.equal(counted, [ROUNDS, (THREADS - 1) * ROUNDS, 0, 0]);
  assert.equal(totalsOf(limiter), [2 * ROUNDS, (THREADS - 1) * ROUNDS, 0, 0]);
});

test('one probe goes out of a circuit whose time has come', async () => {
  const options = { circuitBreakerThreshold: 1, circuitBreakerTimeoutMs: 1_000, burstSize: 9 };
  const prepare = (made: RateLimiter, id: string) => void made.recordFailure(id, undefined, NOW - 1_000);
  const { limiter, counted } = await meet(options, { prepare });
  assert.equal(counted, [ROUNDS, 0, (THREADS - 1) * ROUNDS, 0]);
  for (let round = 1; round <= ROUNDS; round++) assert.is(limiter.getAvailableTokens(`peer ${round}`), 8);
});

test('failures that meet at the threshold open the circuit once', async () => {
  const { limiter } = await meet({ circuitBreakerThreshold: THREADS }, { failing: true });
  assert.is(limiter.stats().circuitOpened, ROUNDS);
  for (let round = 1; round <= ROUNDS; round++) assert.is(limiter.getCircuitState(`peer ${round}`), 'open');
});

test('first failures that meet, of peers that one failure shuts out, open it once as well', async () => {
  const { limiter } = await meet({ circuitBreakerThreshold: 1 }, { failing: true });
  assert.is(limiter.stats().circuitOpened, ROUNDS);
  assert.is(limiter.peerCount, ROUNDS);
});

test('limits that change under way let nobody have more than a burst too much', async () => {
  const BURST = 1_000;
  const CHANGES = 2_000;
  const limiter = new RateLimiter({
    shared: true,
    maxPeers: 8,
    maxRequestsPerSec: 0.001,
    burstSize: BURST,
    clock: () => NOW,
  });
  const crew = new Crew(limiter);
  for (let i = 1; i <= THREADS; i++) await crew.hire({ what: 'hammer', now: NOW, peers: 1, seed: i, outcomes: false });
  let changes = 0;
  const given = () => crew.counted[0] as number;
  for (; changes < CHANGES || given() < BURST; changes++) {
    limiter.configure({ maxRequestsPerSec: changes % 2 ? 0.001 : 0.002 }, NOW);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await crew.stop();
  const [allowed = 0, refused = 0] = crew.counted;
  console.log(`${changes} changes of the limits, ${allowed + refused} decisions, ${allowed} of ${BURST} tokens given`);
  assert.ok(allowed >= BURST && allowed <= 2 * BURST, `${allowed} tokens of ${BURST}`);
  assert.equal(totalsOf(limiter), crew.counted);
});

test.run();

/** ClusterSync over an engine in memory: when it pays, what it does while that fails, and what it says. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ClusterOptions, ClusterSync } from '../../src/cluster/index.js';
import { isAllowed, RateLimiter, type RateLimiterConfig, reasonOf, retryAfterMs } from '../../src/index.js';
import { engines } from '../engines.js';
import { thrownBy } from '../support.js';
import { FakeEngine } from './fake-engine.js';

const RATE = 10;
const BURST = 20;
const TOKEN_US = 1e6 / RATE;
const turn = (ms = 0) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Timers of peergate keep no process alive, so the tests need one that does. */
const alive = setInterval(() => {}, 1_000);

/** Waits until something is so, however long this machine takes. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn(1);
}

for (const { name, using } of engines) {
  const test = suite(`ClusterSync (${name})`);

  /** A node whose time stands still, with an interval that never comes, unless it is said otherwise. */
  const nodeOf = (
    options: Partial<ClusterOptions> = {},
    config: RateLimiterConfig = {},
    engine = new FakeEngine(() => 1e6),
  ) => {
    const limiter = new RateLimiter({
      ...{ maxRequestsPerSec: RATE, burstSize: BURST, maxPeers: 1_000, clock: () => 1e6 },
      ...config,
      ...using,
    });
    const sync = new ClusterSync(limiter, { transport: engine, nodes: 2, intervalMs: 60_000, ...options });
    return { limiter, sync, engine };
  };
  const charges = ({ calls }: FakeEngine) => calls.flatMap(({ args }) => args.slice(2));

  test('half of the credit is paid in a moment, in one exchange for all peers of a shard that owe so much', async () => {
    const { limiter, sync, engine } = nodeOf();
    for (let i = 0; i < 2; i++) limiter.check('small');
    for (let i = 0; i < 3; i++) limiter.check('large');
    await until(() => engine.calls.length > 0);
    assert.equal(charges(engine), [3 * TOKEN_US], 'half of 5 is 3; the small debt waits for the interval');
    assert.equal(engine.calls[0]?.args.slice(0, 2), [16 * BURST * TOKEN_US, 0]);
    await sync.close();
  });

  test('by handle, in a batch, and by several limits at once it is noticed as well', async () => {
    for (const act of [
      (limiter: RateLimiter) => {
        const peer = limiter.peer('peer');
        for (let i = 0; i < 3; i++) peer.check();
      },
      (limiter: RateLimiter) => limiter.checkMany(new Array(3).fill(limiter.peer('peer')), new Int32Array(3)),
      (limiter: RateLimiter) => limiter.checkAll([limiter.peer('peer'), limiter.peer('other')], 3),
      (limiter: RateLimiter) => limiter.allows('peer', 4),
    ]) {
      const { limiter, sync, engine } = nodeOf();
      act(limiter);
      await until(() => engine.calls.length > 0);
      await sync.close();
    }
  });

  test('small debts are paid every intervalMs, and where nobody owes anything nothing is sent', async () => {
    const { limiter, sync, engine } = nodeOf({ intervalMs: 10 });
    await turn(50);
    assert.equal(engine.calls, []);
    limiter.check('peer');
    await until(() => engine.calls.length > 0);
    await until(() => limiter.debts.owed(1).length === 0);
    await turn(50);
    assert.equal(charges(engine), [TOKEN_US], 'once');
    await sync.close();
  });

  test('a peer has one exchange in flight: what it is given meanwhile is paid after that, not again', async () => {
    const { limiter, sync, engine } = nodeOf({ timeoutMs: 60_000 });
    engine.isSlow = true;
    for (let i = 0; i < 3; i++) limiter.check('peer');
    await until(() => engine.calls.length === 1);
    for (let i = 0; i < 2; i++) limiter.check('peer');
    const flushed = sync.flush();
    assert.is(reasonOf(limiter.check('peer')), 'rate_limited', 'what is in flight is owed');
    await turn(5);
    assert.is(engine.calls.length, 1);
    engine.answer();
    await until(() => engine.calls.length === 2);
    engine.answer();
    await flushed;
    assert.equal(charges(engine), [3 * TOKEN_US, 2 * TOKEN_US]);
    assert.equal(limiter.debts.owed(1), []);
    await sync.close();
  });

  test('a node learns what others gave, and none of them gives more than the burst and their credits', async () => {
    const engine = new FakeEngine(() => 1e6);
    const nodes = [0, 1, 2].map(() => nodeOf({ nodes: 3 }, {}, engine));
    let given = 0;
    for (let round = 0; round < 50; round++) {
      for (const { limiter } of nodes) while (limiter.allows('peer')) given++;
      await Promise.all(nodes.map(({ sync }) => sync.flush()));
    }
    assert.ok(given >= BURST && given <= BURST + 3 * 3, `${given} tokens`);
    for (const { sync } of nodes) await sync.close();
  });

  test('keys hold the namespace, the shard as their hash tag, and 22 characters that tell nothing of the ID', async () => {
    const { limiter, sync, engine } = nodeOf({ namespace: 'shop:eu', secret: new Uint8Array([1, 2, 3]) });
    for (let i = 0; i < 200; i++) limiter.check(`{peer} ${i}`);
    await sync.flush();
    for (const { keys } of engine.calls) {
      assert.ok(keys.length <= 100);
      assert.is(new Set(keys.map((key) => key.slice(0, 11))).size, 1, 'one hash tag a call');
      for (const key of keys) {
        assert.match(key, /^\{shop:eu:[0-9a-f]\}:[A-Za-z0-9_-]{22}$/);
        const first = Buffer.from(key.slice(12), 'base64url')[0] as number;
        assert.is(key[9], (first & 15).toString(16));
      }
    }
    assert.is(sync.stats().keys, 200);
    await sync.close();
  });

  test('NOSCRIPT sends the script, and is no failure', async () => {
    const { limiter, sync, engine } = nodeOf();
    engine.knowsScript = false;
    limiter.check('peer');
    await sync.flush();
    assert.equal([sync.state, sync.stats().failures, sync.stats().exchanges], ['up', 0, 1]);
    await sync.close();
  });

  test('the retry-after of a rejection for lack of credit is the last round trip, at least 1 ms', async () => {
    const { limiter, sync } = nodeOf({ timeoutMs: 5_000 });
    limiter.check('peer');
    await sync.flush();
    const { lastRttMs } = sync.stats();
    assert.ok(lastRttMs > 0);
    for (let i = 0; i < 5; i++) limiter.check('peer');
    const decision = limiter.check('peer');
    assert.is(reasonOf(decision), 'rate_limited');
    assert.is(retryAfterMs(decision), Math.min(5_000, Math.max(1, Math.ceil(lastRttMs))));
    assert.is(sync.stats().creditRejected, 1);
    await sync.close();
  });

  test('down begins with the first failed exchange; then shares are given and only probed, and what is owed is paid once it is up', async () => {
    const { limiter, sync, engine } = nodeOf();
    for (let i = 0; i < 2; i++) limiter.check('peer');
    engine.fails = 'before';
    await sync.flush();
    assert.is(sync.state, 'down');
    let given = 0;
    while (limiter.allows('peer')) given++;
    assert.is(given, (BURST - 2) / 2, 'each token costs two of those that are left');
    await until(() => sync.stats().failures >= 3);
    assert.equal([...new Set(charges(engine).slice(1))], [0], 'probes charge nothing');
    engine.fails = 'never';
    const before = engine.calls.length;
    await until(() => sync.state === 'up');
    await sync.flush();
    const paid = engine.calls.slice(before).flatMap(({ args }) => args.slice(2));
    assert.is(Math.max(...paid), 11 * TOKEN_US, 'two of before, whole, and nine of meanwhile, which the bucket owes');
    assert.equal(limiter.debts.owed(1), []);
    await sync.close();
  });

  test('of what was given while it was down, no more is paid than the bucket still owes', async () => {
    let now = 1e6;
    const engine = new FakeEngine(() => now);
    const { limiter, sync } = nodeOf({}, { clock: () => now }, engine);
    limiter.check('peer');
    engine.fails = 'before';
    await sync.flush();
    let given = 0;
    for (let i = 0; i < 100; i++) {
      now += 1000;
      while (limiter.allows('peer')) given++;
    }
    assert.ok(given > 400, `${given} tokens at half the rate`);
    engine.fails = 'never';
    await sync.flush();
    await sync.flush();
    const [debt] = [...engine.tats.keys()].map((key) => engine.debtMs(key));
    assert.ok(debt !== undefined && debt <= (BURST / 2 + 1) * 100 + 100, `${debt} ms`);
    await sync.close();
  });

  test('an exchange whose answer is lost is paid again: too much is charged, never too little', async () => {
    const { limiter, sync, engine } = nodeOf();
    limiter.check('peer', 4);
    engine.fails = 'after';
    await sync.flush();
    engine.fails = 'never';
    await until(() => sync.state === 'up');
    await sync.flush();
    const [debt] = [...engine.tats.keys()].map((key) => engine.debtMs(key));
    assert.is(debt, 800);
    await sync.close();
  });

  test('an exchange that takes longer than timeoutMs failed, and its late answer changes nothing', async () => {
    const { limiter, sync, engine } = nodeOf({ timeoutMs: 5 });
    limiter.check('peer', 4);
    engine.isSlow = true;
    await sync.flush();
    assert.is(sync.state, 'down');
    assert.is(limiter.debts.owed(1)[0]?.tokens, 4);
    engine.isSlow = false;
    engine.answer();
    await turn(1);
    assert.is(limiter.debts.owed(1)[0]?.tokens, 4);
    await sync.close();
  });

  test('an answer that is none counts as a failure', async () => {
    for (const answer of [undefined, 'OK', [], ['x'], [1, 2], [Number.NaN]]) {
      const limiter = new RateLimiter({ maxPeers: 10, ...using });
      const transport = { evalsha: () => Promise.resolve(answer), eval: () => Promise.resolve(answer) };
      const sync = new ClusterSync(limiter, { transport, nodes: 1 });
      limiter.check('peer');
      await sync.flush();
      assert.is(sync.state, 'down', JSON.stringify(answer));
      await sync.close();
    }
  });

  test('checkStrict gives exactly a burst, whatever the credit is, and says how long to wait', async () => {
    const engine = new FakeEngine(() => 1e6);
    const nodes = [0, 1, 2].map(() => nodeOf({ nodes: 100, credit: 1 }, {}, engine));
    let given = 0;
    for (let i = 0; i < 15; i++) {
      const decisions = await Promise.all(nodes.map(({ sync }) => sync.checkStrict('peer')));
      given += decisions.filter(isAllowed).length;
    }
    assert.is(given, BURST);
    const handle = nodes[0]?.limiter.peer('peer');
    const decision = await nodes[0]?.sync.checkStrict(handle as never);
    assert.equal([reasonOf(decision as never), retryAfterMs(decision as never)], ['rate_limited', 100]);
    assert.equal(nodes[0]?.limiter.debts.owed(1), [], 'nothing is owed for it');
    for (const { sync } of nodes) await sync.close();
  });

  test('checkStrict asks the circuit of this node, and gives a probe back that the engine refuses', async () => {
    const { limiter, sync, engine } = nodeOf({}, { circuitBreakerThreshold: 1, circuitBreakerTimeoutMs: 10 });
    limiter.recordFailure('peer', undefined, 1e6 - 5);
    assert.is(reasonOf(await sync.checkStrict('peer')), 'circuit_open');
    assert.equal(engine.calls, []);
    limiter.resetCircuit('peer');
    limiter.recordFailure('peer', undefined, 1e6 - 20);
    const { name: key, shard } = limiter.debts.nameOf('peer');
    engine.tats.set(`{peergate:${shard.toString(16)}}:${key}`, (1e6 + 2_000) * 1_000);
    assert.is(reasonOf(await sync.checkStrict('peer')), 'rate_limited');
    engine.tats.clear();
    limiter.removePeer('peer');
    limiter.recordFailure('peer', undefined, 1e6 - 20);
    const probe = await sync.checkStrict('peer');
    assert.ok(isAllowed(probe));
    assert.ok(limiter.recordSuccess('peer', probe));
    assert.is(limiter.getCircuitState('peer'), 'closed');
    await sync.close();
  });

  test('checkStrict rejects with the transport’s error while it is down, and takes nothing', async () => {
    const { limiter, sync, engine } = nodeOf();
    engine.fails = 'before';
    for (let i = 0; i < 2; i++) {
      await sync.checkStrict('peer', 3).then(
        () => assert.unreachable(),
        (error) => assert.is(error.message, 'lost before'),
      );
      assert.is(sync.state, 'down');
    }
    engine.fails = 'never';
    await sync.flush();
    assert.is(sync.state, 'up');
    assert.is(limiter.getAvailableTokens('peer'), BURST);
    await sync.checkStrict('peer', 0).then(
      () => assert.unreachable(),
      (error) => assert.is(error.code, 'ERR_PEERGATE_COST'),
    );
    await sync.close();
  });

  test('close pays what is owed and leaves the limiter on its own; a second call waits for the first', async () => {
    const { limiter, sync, engine } = nodeOf();
    limiter.check('peer', 4);
    const closing = sync.close();
    assert.is(sync.close(), closing);
    await closing;
    assert.equal(charges(engine), [4 * TOKEN_US]);
    let given = 0;
    while (limiter.allows('peer')) given++;
    assert.is(given, BURST - 4, 'no credit any more');
    await sync.checkStrict('peer').then(
      () => assert.unreachable(),
      (error) => assert.is(error.code, 'ERR_PEERGATE_CLOSED'),
    );
    await sync.flush();
    assert.is(engine.calls.length, 1);
    const again = new ClusterSync(limiter, { transport: engine, nodes: 2 });
    await again.close();
  });

  test('a limiter that is closed ends it, without an error', async () => {
    const { limiter, sync, engine } = nodeOf({ intervalMs: 5 });
    limiter.check('peer');
    limiter.close();
    await turn(30);
    assert.equal(engine.calls, []);
    await sync.close();
    assert.is(thrownBy(() => new ClusterSync(limiter, { transport: engine, nodes: 1 })).code, 'ERR_PEERGATE_CLOSED');
  });

  test('configure recomputes the default credit', async () => {
    const { limiter, sync } = nodeOf();
    limiter.configure({ burstSize: 200 });
    let given = 0;
    while (limiter.allows('peer')) given++;
    assert.is(given, 50);
    await sync.close();
  });

  test('a bad option is a ConfigError that names it, and nothing changes', () => {
    const limiter = new RateLimiter({ burstSize: BURST, maxPeers: 10, ...using });
    const transport = new FakeEngine();
    for (const [options, field] of [
      [{ nodes: 0 }, 'nodes'],
      [{ nodes: 1.5 }, 'nodes'],
      [{ nodes: 2 ** 20 }, 'nodes'],
      [{ transport: {} }, 'transport'],
      [{ transport: null }, 'transport'],
      [{ namespace: '' }, 'namespace'],
      [{ namespace: 'a{b}' }, 'namespace'],
      [{ namespace: 1 }, 'namespace'],
      [{ secret: 'text' }, 'secret'],
      [{ secret: new Uint8Array(0) }, 'secret'],
      [{ secret: new Uint8Array(1_025) }, 'secret'],
      [{ credit: 0 }, 'credit'],
      [{ credit: 1.5 }, 'credit'],
      [{ credit: BURST + 1 }, 'credit'],
      [{ intervalMs: 0 }, 'intervalMs'],
      [{ timeoutMs: Number.NaN }, 'timeoutMs'],
      [{ outage: 'open' }, 'outage'],
      [{ node: 3 }, 'node'],
    ] as const) {
      const error = thrownBy(() => new ClusterSync(limiter, { transport, nodes: 1, ...options } as never));
      assert.equal([error.code, error.field], ['ERR_PEERGATE_CONFIG', field], JSON.stringify(options));
    }
    assert.is(thrownBy(() => new ClusterSync({} as never, { transport, nodes: 1 })).field, 'limiter');
    let given = 0;
    while (limiter.allows('peer', 1, 0)) given++;
    assert.is(given, BURST, 'no credit is in force');
  });

  test('a limiter has one ClusterSync at a time', async () => {
    const { limiter, sync, engine } = nodeOf();
    const second = () => new ClusterSync(limiter, { transport: engine, nodes: 2 });
    assert.is(thrownBy(second).field, 'limiter');
    await sync.close();
    await second().close();
  });

  test.after(() => {
    if (name === engines.at(-1)?.name) clearInterval(alive);
  });
  test.run();
}

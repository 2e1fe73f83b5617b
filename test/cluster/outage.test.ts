/** The engine is killed, stopped, unreachable, emptied, or has another time: nodes go on deciding, and agree again afterwards. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ClusterOptions, ClusterSync, fromIovalkey } from '../../src/cluster/index.js';
import { SCRIPT } from '../../src/cluster/script.js';
import { isAllowed, RateLimiter } from '../../src/index.js';
import { between, Crew, together } from './crew.js';
import type { Flood } from './node.js';
import { clientOf, pause, Relay, Server, testOfServer } from './servers.js';

const outages = suite('the engine is gone for a while');
const test = testOfServer(outages);

const NODES = 3;
const RATE = 200;
const BURST = 100;
const CREDIT = Math.floor(BURST / (2 * NODES));
const TIMEOUT_MS = 250;
/** Until every node has noticed, and learned that it is over: a command's timeout, and the longest pause between two probes. */
const NOTICE_MS = TIMEOUT_MS + 150;
const RETURN_MS = 1000 + TIMEOUT_MS + 200;

const wallMs = () => performance.timeOrigin + performance.now();

/** Floods all nodes, while the engine goes and comes back. */
async function through(port: number, goes: () => unknown, comes: () => unknown, options: Partial<ClusterOptions> = {}) {
  const crew = new Crew(NODES);
  try {
    await crew.join(port, { rate: RATE, burst: BURST }, { timeoutMs: TIMEOUT_MS, ...options });
    const flood = crew.flood('flooder', 6_000);
    await pause(1_000);
    const gone = wallMs();
    await goes();
    await pause(1_800);
    await comes();
    const back = wallMs();
    return { floods: await flood, gone, back };
  } finally {
    await crew.end();
  }
}

/** Whether every node had a turn in every slice of this time. A machine that is busy with something else may leave one out. */
function wereActive(floods: readonly Flood[], fromMs: number): boolean {
  return floods.every(({ from, checks }) => checks.every((made, i) => made > 0 || from + i * 100 < fromMs));
}

/** What has to hold of a run, whatever time nodes had for it. */
function judge(floods: readonly Flood[], gone: number, back: number, { down, after }: ReturnType<typeof report>): void {
  for (const { from, checks, state } of floods) {
    assert.is(state, 'up');
    const meanwhile = checks.filter((_, i) => from + i * 100 >= gone && from + i * 100 < back);
    assert.ok(Math.max(...meanwhile) > 0, 'it decides while the engine is gone');
  }
  // A node that has not noticed yet gives what its credit allows.
  assert.ok(down.tokens <= 1.1 * RATE * down.seconds + NODES * (CREDIT + 1), `${down.tokens} in ${down.seconds} s`);
  assert.ok(after.tokens <= 1.05 * RATE * after.seconds + NEAR, `${after.tokens} in ${after.seconds} s`);
  if (!wereActive(floods, back)) console.log('this machine had no time for all of them: nothing is said of the least');
  else assert.ok(after.tokens >= 0.95 * RATE * after.seconds - NEAR, `${after.tokens} in ${after.seconds} s`);
}

function report(what: string, floods: readonly Flood[], gone: number, back: number) {
  const down = between(floods, gone + NOTICE_MS, back);
  const after = between(floods, back + RETURN_MS, Number.POSITIVE_INFINITY);
  const of = ({ tokens, seconds }: { tokens: number; seconds: number }) =>
    `${((100 * tokens) / (RATE * seconds)).toFixed(1)} %`;
  const all = together(floods);
  console.log(
    `${what}: while down ${of(down)} of the rate, from 1 s after it was back ${of(after)}, over all ${of(all)}`,
  );
  return { down, after };
}

/** In whole slices of processes that start at different times, a token here or there; and what credit allows. */
const NEAR = NODES * CREDIT;

for (const [what, goes, comes] of [
  ['SIGKILL', (server: Server) => server.kill(), (server: Server) => server.start()],
  ['SIGSTOP', (server: Server) => server.signal('SIGSTOP'), (server: Server) => server.signal('SIGCONT')],
] as const) {
  test(`${what}: nodes give their share meanwhile, and the whole rate afterwards`, async () => {
    const server = await Server.start();
    try {
      const { floods, gone, back } = await through(
        server.port,
        () => goes(server),
        () => comes(server),
      );
      judge(floods, gone, back, report(what, floods, gone, back));
    } finally {
      await server.end();
    }
  });
}

test('a network that swallows everything and then delivers it: shares meanwhile, the whole rate afterwards', async () => {
  const server = await Server.start();
  const relay = new Relay(server.port);
  try {
    const { floods, gone, back } = await through(
      await relay.start(),
      () => {
        relay.stalled = true;
      },
      () => {
        relay.stalled = false;
      },
    );
    judge(floods, gone, back, report('stalled', floods, gone, back));
  } finally {
    relay.end();
    await server.end();
  }
});

/** A limiter with a membership over a server, all in this process. */
async function nodeOf(port: number, options: Partial<ClusterOptions> = {}, run = SCRIPT) {
  const client = await clientOf(port);
  const limiter = new RateLimiter({ maxRequestsPerSec: 10, burstSize: 20, maxPeers: 100 });
  const transport = fromIovalkey(client);
  const script = { text: run };
  const sync = new ClusterSync(limiter, {
    transport: {
      evalsha: (sha, keys, args) =>
        script.text === SCRIPT ? transport.evalsha(sha, keys, args) : transport.eval(script.text, keys, args),
      eval: (text, keys, args) => transport.eval(text, keys, args),
    },
    nodes: 2,
    intervalMs: 20,
    ...options,
  });
  const end = async () => {
    await sync.close();
    client.disconnect();
    limiter.close();
  };
  return { client, limiter, sync, script, end };
}

/** Takes all that the peer gets for a while; how many tokens and for how long. */
async function take(limiter: RateLimiter, peer: string, ms: number) {
  const start = performance.now();
  let tokens = 0;
  let now = start;
  for (; now - start < ms; now = performance.now()) {
    while (limiter.allows(peer)) tokens++;
    await pause(5);
  }
  return { tokens, seconds: (now - start) / 1000 };
}

test('SCRIPT FLUSH is nobody’s failure: the script is sent again', async () => {
  const server = await Server.start();
  const { client, limiter, sync, end } = await nodeOf(server.port);
  try {
    for (let i = 0; i < 5; i++) {
      limiter.check('peer');
      await sync.flush();
      assert.is(await client.dbsize(), 1, 'it is paid');
      await client.flushall();
      await client.script('FLUSH');
    }
    assert.is(sync.stats().failures, 0);
    assert.is(sync.state, 'up');
  } finally {
    await end();
    await server.end();
  }
});

test('FLUSHALL gives at most a burst and the credits once more, and nobody waits for it', async () => {
  const server = await Server.start();
  const { client, limiter, end } = await nodeOf(server.port);
  try {
    const before = await take(limiter, 'peer', 500);
    await client.flushall();
    const after = await take(limiter, 'peer', 1_000);
    const [rate, burst, credits] = [10, 20, 2 * 5];
    const seconds = before.seconds + after.seconds;
    assert.ok(before.tokens + after.tokens <= 2 * (burst + credits) + rate * seconds);
    assert.ok(after.tokens >= rate * after.seconds - credits, `${after.tokens} in ${after.seconds} s`);
  } finally {
    await end();
    await server.end();
  }
});

for (const hours of [1, -1]) {
  test(`a server whose clock jumps by ${hours} h forgets debts, or caps them at 16 bursts: nobody waits longer`, async () => {
    const server = await Server.start();
    const { limiter, sync, script, end } = await nodeOf(server.port);
    try {
      for (let i = 0; i < 20; i++) {
        limiter.check('peer');
        await sync.flush();
      }
      const shift = `(time[1] + ${hours * 3600}) * 1000000`;
      script.text = SCRIPT.replace('time[1] * 1000000', shift);
      assert.is.not(script.text, SCRIPT);
      await pause(300);
      assert.ok(isAllowed(limiter.check('peer')));
      await sync.flush();
      const row = limiter.debts.rowOf('peer');
      assert.ok(row);
      const debtMs = limiter.debts.debtMs(row, performance.now());
      // Sixteen bursts of 2 s, and a token.
      assert.ok(debtMs <= 32_100, `${debtMs} ms`);
      if (hours > 0) assert.ok(debtMs <= 2_100, `${debtMs} ms`);
      assert.is(sync.stats().failures, 0);
    } finally {
      await end();
      await server.end();
    }
  });
}

test('closed: nobody is let through while it is down; local: everybody as by this node alone, which is paid back', async () => {
  for (const outage of ['closed', 'local'] as const) {
    const server = await Server.start();
    const { limiter, sync, end } = await nodeOf(server.port, { outage, timeoutMs: 100 });
    try {
      limiter.check('peer');
      await sync.flush();
      await server.kill();
      limiter.check('peer');
      await sync.flush();
      assert.is(sync.state, 'down');
      const { tokens } = await take(limiter, 'peer', 300);
      const { tokens: stranger } = await take(limiter, 'stranger', 50);
      if (outage === 'closed') assert.is(tokens + stranger, 0);
      else assert.ok(tokens >= 18 && stranger >= 20, `${tokens} and ${stranger} tokens`);
      await sync.checkStrict('peer').then(
        () => assert.unreachable(),
        (error) => assert.instance(error, Error),
      );
      await server.start();
      while (sync.state === 'down') await pause(10);
      await sync.flush();
      assert.is(sync.state, 'up');
      assert.equal(limiter.debts.owed(1), []);
    } finally {
      await end();
      await server.end();
    }
  }
});

outages.run();

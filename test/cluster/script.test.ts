/** The script on a real server: the same as arithmetic in whole numbers, key by key and step by step. */

import { createHash } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clusterScript } from '../../src/cluster/index.js';
import { SCRIPT, SCRIPT_SHA } from '../../src/cluster/script.js';
import { between, chance } from '../support.js';
import { clientOf, pause, Server, serverPaths, testOfServer } from './servers.js';

const scripts = suite('the script');
const test = testOfServer(scripts);

const SEED = 20_261_124;
const STEPS = 100_000;
const KEYS = 7;
const MOST_KEYS = 4;
const BATCH = 500;

/** The script with the time that it is given as its last two arguments, and keys that live for ever: the server's clock is another one. */
const TIMED = SCRIPT.replace("redis.call('TIME')", '{ARGV[#ARGV - 1], ARGV[#ARGV]}').replace(/, 'PX', .*$/m, ')');

scripts('its SHA-1 is the one that engines know it by, and it is published as text', () => {
  assert.is(SCRIPT_SHA, createHash('sha1').update(SCRIPT).digest('hex'));
  assert.is(clusterScript, SCRIPT);
});

/** What the script says it does, in BigInt. */
class Oracle {
  readonly #tats = new Map<string, bigint>();

  charge(keys: readonly string[], cap: bigint, depth: bigint, charges: readonly bigint[], now: bigint): bigint[] {
    return keys.map((key, i) => {
      const charge = charges[i] as bigint;
      const stored = this.#tats.get(key) ?? 0n;
      const before = stored > now ? stored : now;
      if (depth > 0n && before + charge > now + depth) return now + depth - before - charge;
      const tat = before + charge < now + cap ? before + charge : now + cap;
      if (charge > 0n) this.#tats.set(key, tat);
      return tat - now;
    });
  }
}

for (const path of serverPaths) {
  test(`${STEPS} random steps give what the oracle says (${path})`, async () => {
    console.log(`the script: seed ${SEED}`);
    const server = await Server.start([], path);
    const client = await clientOf(server.port);
    try {
      const random = chance(SEED);
      const oracle = new Oracle();
      let now = BigInt(Date.now()) * 1000n;
      for (let done = 0; done < STEPS; done += BATCH) {
        const pipeline = client.pipeline();
        const expected: bigint[][] = [];
        for (let i = 0; i < BATCH; i++) {
          // Time goes on, mostly; now and then it jumps, either way.
          const jump = random() < 0.002 ? between(random, -4e9, 4e9) : between(random, 0, 3e6);
          now += BigInt(jump);
          const size = between(random, 1, MOST_KEYS);
          const keys = Array.from({ length: size }, (_, k) => `{t}:${(between(random, 0, KEYS) + k) % KEYS}:${k}`);
          const cap = BigInt(between(random, 1, 2 ** between(random, 20, 45)));
          const depth = random() < 0.5 ? 0n : BigInt(between(random, 1, 2 ** between(random, 10, 40)));
          const charges = keys.map(() =>
            random() < 0.2 ? 0n : BigInt(between(random, 1, 2 ** between(random, 1, 40))),
          );
          const time = [now / 1_000_000n, now % 1_000_000n].map(String);
          pipeline.eval(TIMED, size, ...keys, ...[cap, depth, ...charges].map(String), ...time);
          expected.push(oracle.charge(keys, cap, depth, charges, now));
        }
        const came = (await pipeline.exec()) as [Error | null, number[]][];
        for (const [i, [error, debts]] of came.entries()) {
          assert.is(error, null);
          assert.equal(debts.map(BigInt), expected[i], `step ${done + i}`);
        }
      }
    } finally {
      client.disconnect();
      await server.end();
    }
  });

  test(`a key expires with its debt, at most 2 ms later (${path})`, async () => {
    const server = await Server.start([], path);
    const client = await clientOf(server.port);
    try {
      for (const charge of [1, 999, 1000, 1001, 50_000, 50_001, 1_234_567_890]) {
        const key = `{t}:${charge}`;
        // Both in one go: no time passes in between.
        const both = SCRIPT.replace('return debts', `return { debts[1], redis.call('PTTL', KEYS[1]) }`);
        const [debt, ttl] = (await client.eval(both, 1, key, 10 ** 12, 0, charge)) as [number, number];
        assert.is(debt, charge);
        assert.ok(ttl >= Math.floor(debt / 1000) && ttl <= debt / 1000 + 2, `${debt} µs, ${ttl} ms`);
      }
      await pause(60);
      assert.is(await client.exists('{t}:1', '{t}:999', '{t}:1000', '{t}:1001', '{t}:50000', '{t}:50001'), 0);
    } finally {
      client.disconnect();
      await server.end();
    }
  });
}

test('a value that is no number counts as a full bucket', async () => {
  const server = await Server.start();
  const client = await clientOf(server.port);
  try {
    await client.set('{t}:odd', 'not a number');
    assert.equal(await client.eval(SCRIPT, 1, '{t}:odd', 1_000_000, 0, 1_000), [1_000]);
  } finally {
    client.disconnect();
    await server.end();
  }
});

scripts.run();

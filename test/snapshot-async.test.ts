/** Snapshots in slices: what `snapshotAsync()` yields while the limiter is in use. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ClosedError, ConfigError, RateLimiter, type RateLimiterConfig } from '../src/index.js';
import { engines } from './engines.js';
import { atWallTime, concatenated, LIMITS, listed, restore, save } from './snapshots.js';
import { everything, thrownBy } from './support.js';

/** So short that each chunk is one step of the copying: at most 60 rows. */
const SHORTEST = { sliceMs: Number.MIN_VALUE };
const PEERS = 200;

for (const { name, using } of engines) {
  const test = suite(`snapshots in slices (${name})`);
  let nowMs = 0;

  /** 200 peers on 200 slots in the order of their names, with debts of 1 to 10. */
  function populated(options: RateLimiterConfig = {}): RateLimiter {
    nowMs = 50_000;
    const limiter = new RateLimiter({ ...LIMITS, maxPeers: PEERS, clock: () => nowMs, ...using, ...options });
    for (let i = 0; i < PEERS; i++) limiter.check(`peer ${i}`, 1 + (i % 10));
    return limiter;
  }

  /** Saves with the wall clock at 0; `between` acts after each chunk. */
  async function saveSlowly(limiter: RateLimiter, between?: (chunks: number) => void): Promise<Uint8Array> {
    const { now } = Date;
    Date.now = () => 0;
    try {
      const chunks: Uint8Array[] = [];
      for await (const chunk of limiter.snapshotAsync(SHORTEST)) {
        chunks.push(chunk);
        between?.(chunks.length);
      }
      return concatenated(chunks);
    } finally {
      Date.now = now;
    }
  }

  const at = (start: number): RateLimiterConfig => ({ ...using, clock: () => start });

  test('the chunks of a limiter at rest are the bytes of a snapshot', async () => {
    const limiter = populated();
    limiter.removePeer('peer 7');
    let chunks = 0;
    const bytes = await saveSlowly(limiter, (count) => {
      chunks = count;
    });
    assert.ok(chunks > 3, `${chunks} chunks`);
    assert.equal(bytes, save(limiter));
    assert.equal(listed(restore(bytes, at(50_000)), 50_000), listed(limiter, 50_000));
  });

  test('a chunk that has time for all is the whole snapshot', async () => {
    const limiter = populated();
    const iterator = limiter.snapshotAsync({ sliceMs: 2 ** 31 - 1 });
    const { value } = await iterator.next();
    assert.equal(await iterator.next(), { done: true, value: undefined });
    assert.is(restore(value as Uint8Array, at(50_000)).peerCount, PEERS);
  });

  test('between two chunks the event loop goes on', async () => {
    let turns = 0;
    const seen: number[] = [];
    const iterator = populated().snapshotAsync(SHORTEST);
    for await (const _ of iterator) {
      seen.push(turns);
      setImmediate(() => turns++);
    }
    assert.equal(
      seen,
      seen.map((_, i) => i),
    );
  });

  test('a chunk does not change once it was yielded', async () => {
    const limiter = populated();
    const chunks: Uint8Array[] = [];
    const copies: Uint8Array[] = [];
    for await (const chunk of limiter.snapshotAsync(SHORTEST)) {
      chunks.push(chunk);
      copies.push(chunk.slice());
      limiter.refund('peer 1', 10);
    }
    assert.equal(chunks, copies);
  });

  test('each row is as it was when its chunk was made', async () => {
    const limiter = populated();
    const bytes = await saveSlowly(limiter, (chunks) => {
      if (chunks !== 1) return;
      for (const id of ['peer 0', 'peer 190']) limiter.refund(id, 10);
    });
    const restored = restore(bytes, at(50_000));
    assert.is(restored.getAvailableTokens('peer 0'), 9, 'its row was saved before');
    assert.is(restored.getAvailableTokens('peer 190'), 10, 'its row was saved after');
    assert.is(restored.getAvailableTokens('peer 191'), 8);
  });

  test('a peer that moves to a later row meanwhile is there once, as it was last', async () => {
    const limiter = populated();
    const bytes = await saveSlowly(limiter, (chunks) => {
      if (chunks !== 1) return;
      limiter.removePeer('peer 0');
      limiter.check('takes its row');
      limiter.removePeer('peer 150');
      limiter.check('peer 0', 4);
    });
    const restored = restore(bytes, at(50_000));
    assert.is(restored.getAvailableTokens('peer 0'), 6);
    assert.is([...restored.peers()].filter(({ id }) => id === 'peer 0').length, 1);
    assert.is(restored.peerCount, PEERS - 1);
  });

  test('each debt is right although the limits change while rows are saved', async () => {
    const limiter = populated();
    const bytes = await saveSlowly(limiter, (chunks) => {
      nowMs += 700;
      if (chunks === 1) limiter.configure({ maxRequestsPerSec: 0.25 });
      if (chunks === 2) limiter.configure({ maxRequestsPerSec: 3, burstSize: 30, circuitBreakerThreshold: 7 });
    });
    for (const [start, downMs] of [
      [0, 1_300],
      [1e9, 0],
    ] as const) {
      const restored = restore(bytes, at(start), downMs);
      assert.equal({ ...restored.config, clock: null }, { ...limiter.config, clock: null });
      for (let i = 0; i < PEERS; i++) {
        for (const later of [0, 333, 999, 2_500]) {
          assert.is(
            restored.getAvailableTokens(`peer ${i}`, start + later),
            limiter.getAvailableTokens(`peer ${i}`, 50_000 + downMs + later),
            `peer ${i} ${later} ms after ${start}`,
          );
        }
      }
    }
  });

  test('two snapshots at a time and one in between are each whole', async () => {
    const limiter = populated();
    let inBetween: Uint8Array | undefined;
    const [one, other] = await Promise.all([
      saveSlowly(limiter, () => {
        inBetween = save(limiter);
      }),
      saveSlowly(limiter),
    ]);
    assert.equal(one, other);
    assert.equal(inBetween, one);
  });

  test('whoever stops reading leaves nothing behind', async () => {
    const limiter = populated();
    const before = everything(limiter, 50_000);
    for await (const _ of limiter.snapshotAsync(SHORTEST)) break;
    const iterator = limiter.snapshotAsync();
    await iterator.return();
    assert.equal(await iterator.next(), { done: true, value: undefined });
    assert.equal(everything(limiter, 50_000), before);
    nowMs += 1e6;
    assert.ok(limiter.check('newcomer') >= 0);
    assert.is(limiter.stats().tableFull, 0);
  });

  test('a table without peers is saved in slices, too', async () => {
    const bytes = await saveSlowly(new RateLimiter({ ...LIMITS, ...using, maxPeers: 3 }));
    assert.is(restore(bytes, at(0)).peerCount, 0);
  });

  // Each change walks over all rows, which takes the other builds too long.
  if (name === 'release') {
    test('limits that change a thousand times and once more while rows are saved end it with an error', async () => {
      const limiter = new RateLimiter({ ...LIMITS, ...using, maxPeers: 61_000, clock: () => 0 });
      for (let i = 0; i < 61_000; i++) limiter.check(`${i}`);
      let changes = 0;
      let failed: Error | undefined;
      try {
        for await (const _ of limiter.snapshotAsync(SHORTEST)) limiter.configure({ maxRequestsPerSec: ++changes });
      } catch (error) {
        failed = error as Error;
      }
      assert.match(failed?.message ?? 'no error', /at most 1000 changes of the limits/);
      assert.is(changes, 1_001);
    });
  }

  test('options that are not an object throw a ConfigError when the method is called', () => {
    const limiter = populated();
    const bad: [unknown, RegExp][] = [
      [{ slicems: 5 }, /slicems: expected no field of this name \(did you mean sliceMs\?\)/],
      [null, /options: expected an object, got null/],
      ...[0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5', 2 ** 31].map((sliceMs): [unknown, RegExp] => [
        { sliceMs },
        /sliceMs: expected milliseconds above 0 and at most 2\^31 - 1/,
      ]),
    ];
    for (const [options, message] of bad) {
      const error = thrownBy(() => limiter.snapshotAsync(options as never));
      assert.instance(error, ConfigError);
      assert.match(error.message, message);
    }
  });

  test('a limiter that is closed meanwhile yields no further chunk, but a ClosedError', async () => {
    const limiter = populated();
    const iterator = limiter.snapshotAsync(SHORTEST);
    await iterator.next();
    limiter.close();
    let error: unknown;
    await iterator.next().catch((reason: unknown) => {
      error = reason;
    });
    assert.instance(error, ClosedError);
    assert.instance(
      thrownBy(() => limiter.snapshot()),
      ClosedError,
    );
  });

  test('restoring reads the wall clock once, so that rows age alike', () => {
    const bytes = save(populated(), 0);
    const restored = atWallTime(1_000, () => RateLimiter.restore(bytes, at(0)));
    assert.is(restored.getAvailableTokens('peer 9'), 1);
    assert.is(restored.getAvailableTokens('peer 199'), 1);
  });

  test.run();
}

/** The bytes of a snapshot: older versions, damage, and bytes that somebody forged. */

import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RateLimiter, type RateLimiterConfig, SnapshotError } from '../src/index.js';
import { engines } from './engines.js';
import { concatenated, LIMITS, listed, populate, restore, save, signed } from './snapshots.js';
import { between, chance, pick, thrownBy } from './support.js';

const SEED = 20_260_301;
const CORRUPTIONS = 10_000;
const FORGERIES = 2_000;
const HEADER_BYTES = 64;
const LIMITS_BYTES = 8 + 24 * 8;
const ROWS_AT = HEADER_BYTES + 8 + LIMITS_BYTES + 8;
const RECORD_BYTES = 140;

/** Saved by each version of the format, of 8 peers and a debt of 4 in the shared bucket; wall clock 1 000 000, clock 50 000. */
const saved = (version: number) =>
  new Uint8Array(readFileSync(new URL(`vectors/snapshot-${version}.bin`, import.meta.url)));
const version1 = saved(1);

for (const { name, using } of engines) {
  const test = suite(`bytes of snapshots (${name})`);
  const at = (nowMs: number): RateLimiterConfig => ({ ...using, clock: () => nowMs });
  const limiterOf = (options: RateLimiterConfig = {}) =>
    new RateLimiter({ ...LIMITS, maxPeers: 64, ...at(50_000), ...options });
  const populated = () => populate(limiterOf());

  for (const version of [1, 2]) {
    test(`a snapshot that version ${version} of the format wrote is restored`, () => {
      const restored = restore(saved(version), at(0), 1_002_000);
      assert.equal(
        listed(restored, 0).map(({ id, availableTokens, circuitState, allowed, failures }) => [
          typeof id === 'string' ? id.slice(0, 12) : [...id],
          ...[availableTokens, circuitState, allowed, failures],
        ]),
        [
          [[255, 0, 254], 10, 'closed', 1, 0],
          ['debtor', 5, 'closed', 1, 0],
          ['eighth', 10, 'closed', 0, 0],
          ['failed once', 10, 'closed', 0, 1],
          ['long long lo', 10, 'closed', 1, 0],
          ['open', 10, 'open', 0, 2],
          ['probing', 10, 'half_open', 1, 2],
          ['seventh', 10, 'closed', 0, 0],
        ],
      );
      assert.is(restored.getCircuitState('open', 27_999), 'open');
      assert.is(restored.getCircuitState('open', 28_000), 'half_open');
      assert.equal({ ...restored.config, ...LIMITS, maxPeers: 8 }, restored.config);
      for (const id of ['seventh', 'eighth', 'debtor', 'open', 'probing', 'failed once', 'long '.repeat(100)])
        restored.peer(id);
      restored.peer(new Uint8Array([255, 0, 254]));
      assert.ok(restored.check('a stranger', 8) >= 0, 'the shared bucket owed 4 two seconds ago');
      assert.ok(restored.check('a stranger') < 0);
    });
  }

  test('a SnapshotError says what is wrong with bytes that are missing, cut, or of another version or table', () => {
    const bytes = save(populated());
    const changed = (offset: number, from = bytes) => {
      const copy = from.slice();
      copy[offset] = (copy[offset] as number) ^ 1;
      return copy;
    };
    const bad: [unknown, RegExp][] = [
      ['text', /expected a Uint8Array, got 'text'/],
      [null, /expected a Uint8Array, got null/],
      [new Uint8Array(0), /at least 64 bytes, got 0/],
      [bytes.slice(0, 63), /at least 64 bytes, got 63/],
      [bytes.slice(0, -1), /a section that marks the end/],
      [bytes.slice(0, -16), /a section that marks the end/],
      [new Uint8Array([...bytes, 0]), new RegExp(`${bytes.length} bytes, got ${bytes.length + 1}`)],
      [changed(0), /magic number/],
      [changed(4), /expected version 1 or 2, got 3/],
      [changed(11), /a table of version 1 to \d+, got/],
      [changed(HEADER_BYTES + 7), /a section/],
      [changed(HEADER_BYTES + 1), /a section of limits, rows or the end, got one of kind 257 with 200 bytes/],
      [changed(300), /checksum/],
      [signed(changed(bytes.length - 8)), /expected 6 records, got 7/],
      [changed(16, version1), /bytes for 9 peers/],
      [changed(300, version1), /checksum/],
      [version1.slice(0, -1), /1352 bytes for 8 peers, got 1351/],
    ];
    for (const [given, message] of bad) {
      const error = thrownBy(() => restore(given as Uint8Array, at(0)));
      assert.instance(error, SnapshotError);
      assert.is(error.code, 'ERR_PEERGATE_SNAPSHOT');
      assert.match(error.message, message);
    }
  });

  test('more rows than maxPeers are a SnapshotError that says so', () => {
    for (const bytes of [version1.slice(), save(populated())]) {
      bytes[12] = 3;
      const error = thrownBy(() => restore(signed(bytes), at(0)));
      assert.instance(error, SnapshotError);
      assert.match(error.message, /expected rows of at most maxPeers = 3 peers, got [68]/);
    }
  });

  test('saved limits, clocks and maxPeers out of their bounds are a SnapshotError that names them', () => {
    const forged = (offset: number, value: number) => {
      const bytes = save(populated());
      new DataView(bytes.buffer).setFloat64(offset, value, true);
      return signed(bytes);
    };
    const bad: [number, number, RegExp][] = [
      [24, Number.NaN, /a finite wall clock, got NaN/],
      [32, Number.POSITIVE_INFINITY, /now: expected milliseconds/],
      [HEADER_BYTES + 16, 0, /maxRequestsPerSec/],
      [HEADER_BYTES + 24, 0.5, /burstSize/],
      [HEADER_BYTES + 16 + 8 * 3, -1, /circuitBreakerTimeoutMs/],
      [HEADER_BYTES + 16 + 8 * 7, 2, /failureRateThreshold/],
      [HEADER_BYTES + 16 + 8 * 9, Number.NaN, /windowMs/],
    ];
    for (const [offset, value, message] of bad) {
      const error = thrownBy(() => restore(forged(offset, value), at(0)));
      assert.instance(error, SnapshotError);
      assert.match(error.message, message);
    }
    const bytes = save(populated());
    bytes.fill(0, 12, 16);
    assert.match(thrownBy(() => restore(signed(bytes), at(0))).message, /maxPeers: expected an integer from 1/);
  });

  test('more changes of the limits than are ever saved are a SnapshotError', () => {
    const bytes = save(populated());
    const limits = bytes.subarray(HEADER_BYTES, ROWS_AT - 8);
    const withChanges = (count: number) =>
      signed(
        concatenated([bytes.subarray(0, HEADER_BYTES), ...Array(count).fill(limits), bytes.subarray(HEADER_BYTES)]),
      );
    assert.is(restore(withChanges(1_000), at(50_000)).peerCount, 6);
    const error = thrownBy(() => restore(withChanges(1_001), at(50_000)));
    assert.instance(error, SnapshotError);
    assert.match(error.message, /at most 1000 changes of the limits/);
  });

  test('if a snapshot has two rows of one peer, the later row is restored', () => {
    const bytes = save(populated());
    const record = (i: number) => bytes.subarray(ROWS_AT + i * RECORD_BYTES, ROWS_AT + (i + 1) * RECORD_BYTES);
    const [debtor, long] = [record(0).slice(), record(2).slice()];
    const twice = debtor.slice();
    twice.set(long.subarray(16, 24), 16); // its bucket
    record(2).set(twice);
    const restored = restore(signed(bytes), at(50_000));
    assert.is(restored.peerCount, 5);
    assert.is(restored.getAvailableTokens('debtor'), 9);
    assert.is(restored.removePeer('debtor'), true);
    assert.is(restored.getAvailableTokens('debtor'), 10, 'nothing of it is left');
  });

  test(`${CORRUPTIONS} random corruptions end in a SnapshotError or an equal table`, () => {
    console.log(`bytes of snapshots (${name}): seed ${SEED}`);
    const random = chance(SEED);
    const limiter = populated();
    const bytes = save(limiter);
    const whole = listed(limiter, 50_000);
    let refused = 0;
    for (let i = 0; i < CORRUPTIONS; i++) {
      let copy = bytes.slice();
      if (i % 4 === 0) copy = copy.slice(0, between(random, 0, copy.length));
      else
        for (let flips = between(random, 1, 8); flips > 0; flips--) {
          const offset = between(random, 0, copy.length - 1);
          copy[offset] = (copy[offset] as number) ^ (1 << between(random, 0, 7));
        }
      try {
        assert.equal(listed(restore(copy, at(50_000)), 50_000), whole);
      } catch (error) {
        if (!(error instanceof SnapshotError)) throw error;
        refused++;
      }
    }
    assert.ok(refused > CORRUPTIONS / 2);
  });

  test(`of ${FORGERIES} forgeries with the right checksum each is refused or makes a limiter that works`, () => {
    const random = chance(SEED + 1);
    let restored = 0;
    for (let i = 0; i < FORGERIES; i++) {
      const bytes = forged(i % 5 === 0 ? version1.slice() : save(populated()), random);
      let limiter: RateLimiter;
      try {
        limiter = restore(bytes, { ...using, clock: () => 50_000, maxPeers: 64 }, between(random, 0, 1e6));
      } catch (error) {
        if (!(error instanceof SnapshotError)) throw error;
        continue;
      }
      restored++;
      assert.ok(works(limiter, random), `forgery ${i}`);
    }
    assert.ok(restored > FORGERIES / 3, `${restored} were restored`);
  });

  /** Uses everything that could stumble over a word that no limiter writes. */
  function works(limiter: RateLimiter, random: () => number): boolean {
    const { burstSize } = limiter.config;
    const before = [...limiter.peers()];
    if (before.length !== limiter.peerCount) return false;
    for (const now of [0, 50_000, 1e9, 2 ** 41 - 1]) {
      for (const { id, truncated } of before) {
        if (truncated || id.length === 0) continue;
        const decision = limiter.check(id, between(random, 1, 12), now);
        limiter.recordFailure(id, random() < 0.5 ? decision : undefined, now);
        limiter.recordSuccess(id, decision, now);
        limiter.recordIgnored(id, undefined, now);
        limiter.refund(id);
        const tokens = limiter.getAvailableTokens(id, now);
        if (!(tokens >= 0 && tokens <= burstSize)) return false;
      }
      if (random() < 0.3) limiter.configure({ maxRequestsPerSec: between(random, 1, 1_000), burstSize }, now);
    }
    for (let i = 0; i < 100; i++) limiter.check(`newcomer ${i}`, 1, 2 ** 41 - 1);
    for (let i = 0; i < 100; i++) limiter.removePeer(`newcomer ${i}`);
    for (const { id } of [...limiter.peers()]) if (id.length > 0) limiter.removePeer(id);
    const newcomer = limiter.peer('an honest one', 50_000);
    const seen = [...restore(save(limiter), at(50_000)).peers()].length;
    return newcomer.availableTokens === burstSize && seen === limiter.peerCount;
  }

  test('a snapshot of peers whose fingerprints cannot all have a place in the index is refused', () => {
    const limiter = limiterOf();
    for (let i = 0; i < 17; i++) limiter.check(`peer-${i}`);
    const bytes = save(limiter);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    // Such small fingerprints all have the first two sets, which hold 16 entries.
    for (let i = 0; i < 18; i++) view.setBigUint64(ROWS_AT + i * RECORD_BYTES + 8, BigInt(i + 1), true);
    const error = thrownBy(() => restore(signed(bytes), at(50_000)));
    assert.instance(error, SnapshotError);
    assert.match(error.message, /fingerprints that collide/);
  });

  test.run();
}

/** Words of records, limits and header replaced by words that are as odd as can be, records doubled and swapped. */
function forged(bytes: Uint8Array, random: () => number): Uint8Array {
  const view = new DataView(bytes.buffer);
  const first = view.getUint32(4, true) === 1 ? 128 : ROWS_AT;
  const records = Math.floor((bytes.length - first) / RECORD_BYTES);
  const word = () =>
    pick(random, [0n, 1n, 2n ** 64n - 1n, 2n ** 63n, 2n ** 61n - 1n, BigInt(Math.floor(random() * 2 ** 53)) << 11n]);
  for (let changes = between(random, 1, 6); changes > 0; changes--) {
    const record = first + between(random, 0, records - 1) * RECORD_BYTES;
    const kind = random();
    if (kind < 0.7) view.setBigUint64(record + between(random, 0, 16) * 8, word(), true);
    else if (kind < 0.8) bytes.copyWithin(record, first, first + RECORD_BYTES);
    else if (kind < 0.85) view.setUint8(between(random, 12, bytes.length - 1), between(random, 0, 255));
    else if (kind < 0.9)
      view.setFloat64(pick(random, [16, 24, 32, 72]), (random() - 0.5) * 10 ** between(random, 0, 20), true);
    else bytes[record + between(random, 0, RECORD_BYTES - 1)] = between(random, 0, 255);
  }
  return signed(bytes);
}

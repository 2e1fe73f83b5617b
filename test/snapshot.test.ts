/** Snapshots: what `snapshot()` saves and `restore()` brings back. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RateLimiter, type RateLimiterConfig, SnapshotError } from '../src/index.js';
import { engines } from './engines.js';
import { LIMITS, listed, populate, restore, save } from './snapshots.js';
import { thrownBy, utf8 } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`snapshots (${name})`);
  const limiterOf = (options: RateLimiterConfig = {}) =>
    new RateLimiter({ ...LIMITS, maxPeers: 64, clock: () => 50_000, ...using, ...options });
  const at = (nowMs: number): RateLimiterConfig => ({ ...using, clock: () => nowMs });

  const populated = () => populate(limiterOf());

  test('a restored limiter lists the same peers with the same debts, circuits and counts', () => {
    const limiter = populated();
    const restored = restore(save(limiter), at(50_000));
    assert.equal(listed(restored, 50_000), listed(limiter, 50_000));
    assert.is(restored.peerCount, limiter.peerCount);
    assert.equal({ ...restored.config, clock: null }, { ...limiter.config, clock: null });
  });

  test('a restored limiter finds its peers again by string, bytes and handle', () => {
    const restored = restore(save(populated()), at(50_000));
    const { peerCount } = restored;
    assert.is(restored.getAvailableTokens('debtor'), 3);
    assert.is(restored.getAvailableTokens(utf8('debtor')), 3);
    assert.is(restored.peer(new Uint8Array([255, 0, 254])).availableTokens, 8);
    assert.is(restored.getAvailableTokens('long '.repeat(100)), 9);
    assert.is(restored.peerCount, peerCount);
  });

  test('debts age by the time the process was down, whatever the new clock starts at', () => {
    for (const start of [0, 17.25, 50_000, 1e12]) {
      const restored = restore(save(populated(), 1_000_000), at(start), 1_004_000);
      assert.is(restored.getAvailableTokens('debtor', start), 7, `clock at ${start}`);
      assert.is(restored.getAvailableTokens('debtor', start + 999), 7);
      assert.is(restored.getAvailableTokens('debtor', start + 1_000), 8);
    }
  });

  test('open circuits age too, and are no sooner probed for a restart', () => {
    const bytes = save(populated(), 0);
    for (const start of [0, 90_000]) {
      const restored = restore(bytes, at(start), 10_000);
      assert.is(restored.getCircuitState('open', start + 19_999), 'open');
      assert.is(restored.getCircuitState('open', start + 20_000), 'half_open');
    }
  });

  test('a probe that was out at the time of saving lost its lease when that ended', () => {
    const bytes = save(populated(), 0);
    const inTime = restore(bytes, at(0), 24_999);
    assert.is(inTime.getCircuitState('probing', 0), 'half_open');
    assert.ok(inTime.check('probing', 1, 0) < 0, 'its one probe is still out');
    const late = restore(bytes, at(0), 45_000);
    assert.is(late.getCircuitState('probing', 9_999), 'open', 'it opened when the lease ended, 20 s ago');
    assert.is(late.getCircuitState('probing', 10_000), 'half_open');
  });

  test('a wall clock that was set back ages nothing', () => {
    const restored = restore(save(populated(), 1_000_000), at(0), 5);
    assert.is(restored.getAvailableTokens('debtor', 0), 3);
    assert.is(restored.getCircuitState('open', 29_999), 'open');
  });

  test('the run of failures goes on', () => {
    const restored = restore(save(populated()), at(50_000));
    restored.recordFailure('failed once');
    assert.is(restored.getCircuitState('failed once'), 'open');
  });

  test('permits, pins and totals of before do not come along', () => {
    const limiter = limiterOf({ maxPeers: 1, onFull: 'reject' });
    const permit = limiter.peer('pinned').check();
    const restored = restore(save(limiter), at(50_000));
    assert.is(restored.recordFailure('pinned', permit), false);
    assert.is(restored.stats().allowed, 0);
    assert.ok(restored.check('newcomer', 1, 60_000) >= 0, 'nobody holds the row any more');
  });

  test('the bucket that peers without a row share keeps its debt', () => {
    const limiter = limiterOf({ maxPeers: 1 });
    limiter.peer('the only row');
    limiter.check('a stranger', 10);
    const restored = restore(save(limiter), at(50_000));
    restored.peer('the only row');
    assert.ok(restored.check('another stranger') < 0);
  });

  test('maxPeers may grow', () => {
    const restored = restore(save(populated()), { ...at(50_000), maxPeers: 1_000 });
    assert.is(restored.config.maxPeers, 1_000);
    assert.is(restored.getAvailableTokens('debtor'), 3);
    for (let i = 0; i < 990; i++) restored.check(`newcomer ${i}`);
    assert.is(restored.peerCount, 996);
  });

  test('maxPeers below the saved one is a SnapshotError', () => {
    const bytes = save(populated());
    const error = thrownBy(() => restore(bytes, { ...at(0), maxPeers: 63 }));
    assert.instance(error, SnapshotError);
    assert.match(error.message, /maxPeers of at least the snapshot's 64, got 63/);
  });

  test('new limits keep each debt in tokens', () => {
    const restored = restore(save(populated()), { ...at(50_000), burstSize: 20, maxRequestsPerSec: 2 });
    assert.is(restored.getAvailableTokens('debtor'), 13);
    assert.is(restored.getAvailableTokens('debtor', 51_000), 15);
  });

  test('a bad or unknown option is a ConfigError', () => {
    const bytes = save(populated());
    for (const options of [{ burstSize: 0 }, { burst: 5 }])
      assert.is(thrownBy(() => restore(bytes, { ...at(0), ...options })).code, 'ERR_PEERGATE_CONFIG');
    assert.is(thrownBy(() => restore(bytes, null as never)).code, 'ERR_PEERGATE_CONFIG');
  });

  test('saving changes nothing, and what follows does not change what was saved', () => {
    const limiter = populated();
    const before = { peers: listed(limiter, 50_000), stats: limiter.stats() };
    const bytes = save(limiter);
    assert.equal({ peers: listed(limiter, 50_000), stats: limiter.stats() }, before);
    const kept = bytes.slice();
    limiter.check('debtor', 3);
    assert.equal(bytes, kept);
  });

  test('an empty table can be saved and restored', () => {
    const restored = restore(save(limiterOf()), at(0));
    assert.is(restored.peerCount, 0);
    assert.ok(restored.check('first') >= 0);
  });

  test('limits that were changed since are saved, and rows in the limits of before are put right', () => {
    const limiter = limiterOf();
    limiter.check('debtor', 6);
    limiter.configure({ maxRequestsPerSec: 4 });
    const restored = restore(save(limiter), at(50_000));
    assert.is(restored.config.maxRequestsPerSec, 4);
    assert.is(restored.getAvailableTokens('debtor', 50_500), 6);
  });

  test('a table is restored even if all its rows were used and some were given up', () => {
    const limiter = limiterOf({ maxPeers: 300 });
    for (let i = 0; i < 300; i++) limiter.check(`peer ${i}`, 1 + (i % 10));
    for (let i = 0; i < 300; i += 3) limiter.removePeer(`peer ${i}`);
    const restored = restore(save(limiter), at(50_000));
    assert.equal(listed(restored, 50_000), listed(limiter, 50_000));
    for (let i = 0; i < 100; i++) assert.ok(restored.check(`newcomer ${i}`) >= 0);
    assert.is(restored.peerCount, 300);
    assert.is(restored.stats().tableFull, 0);
  });

  test.run();
}

/** Reading the state: the circuit, the tokens, the list of peers and the totals. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RateLimiter } from '../src/index.js';
import { engines } from './engines.js';
import { everything, onlyRow, openCircuit, utf8 } from './support.js';

/** So many bytes of an ID the table keeps at the least. */
const KEPT_AT_LEAST = 54;

for (const { name, using } of engines) {
  const test = suite(`reading the state (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({
      maxPeers: 16,
      maxRequestsPerSec: 10,
      burstSize: 5,
      circuitBreakerThreshold: 2,
      circuitBreakerTimeoutMs: 1_000,
      clock: () => 0,
      ...options,
      ...using,
    });

  test('getCircuitState returns the state that the next check would find', () => {
    const limiter = limiterOf();
    assert.is(limiter.getCircuitState('peer', 0), 'closed');
    openCircuit(limiter, 'peer', 0);
    assert.is(limiter.getCircuitState('peer', 0), 'open');
    assert.is(limiter.getCircuitState('peer', 999), 'open');
    assert.is(limiter.getCircuitState('peer', 1_000), 'half_open', 'it would be let through');
  });

  test('getAvailableTokens returns whole tokens, rounded down, between 0 and the burst', () => {
    const limiter = limiterOf();
    assert.is(limiter.getAvailableTokens('peer', 0), 5);
    limiter.check('peer', 5, 0);
    const seen = [0, 99, 100, 199, 200, 499, 500, 501, 1e9].map((now) => limiter.getAvailableTokens('peer', now));
    assert.equal(seen, [0, 0, 1, 1, 2, 4, 5, 5, 5]);
  });

  test('reading the state reads the clock if no time is given', () => {
    let reading = 0;
    const limiter = limiterOf({ clock: () => reading });
    limiter.check('peer', 5);
    openCircuit(limiter, 'peer', 0);
    reading = 1_000;
    assert.is(limiter.getAvailableTokens('peer'), 5);
    assert.is(limiter.getCircuitState('peer'), 'half_open');
    assert.is(onlyRow(limiter).availableTokens, 5);
    assert.is(onlyRow(limiter).circuitState, 'half_open');
  });

  test('reading the state creates no row and changes nothing', () => {
    const limiter = limiterOf();
    limiter.check('peer', 2, 0);
    openCircuit(limiter, 'peer', 0);
    const before = JSON.stringify(everything(limiter, 0));
    for (const now of [0, 500, 1_000, 1e9, -1e9]) {
      for (const id of ['peer', 'stranger']) {
        limiter.getCircuitState(id, now);
        limiter.getAvailableTokens(id, now);
      }
      [...limiter.peers(now)];
      limiter.stats();
    }
    assert.is(JSON.stringify(everything(limiter, 0)), before);
    assert.is(limiter.peerCount, 1);
  });

  test('peerCount is the number of rows in use', () => {
    const limiter = limiterOf();
    assert.is(limiter.peerCount, 0);
    for (let i = 1; i <= 16; i++) {
      limiter.check(`peer-${i}`, 1, 0);
      assert.is(limiter.peerCount, i);
    }
    limiter.check('one more', 1, 0);
    assert.is(limiter.peerCount, 16);
    limiter.removePeer('peer-3');
    assert.is(limiter.peerCount, 15);
  });

  test('peers() lists the ID, circuit, tokens and counts of every row', () => {
    const limiter = limiterOf();
    limiter.check('busy', 3, 0);
    limiter.check('busy', 3, 0);
    limiter.check('busy', 1, 0);
    openCircuit(limiter, 'failing', 0);
    limiter.check('failing', 1, 0);
    const rows = [...limiter.peers(100)].sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1));
    assert.is(rows.length, 2);
    const [busy, failing] = rows.map(
      ({ id, circuitState, availableTokens, allowed, rateLimited, circuitRejected, failures }) => ({
        id,
        circuitState,
        availableTokens,
        allowed,
        rateLimited,
        circuitRejected,
        failures,
      }),
    );
    const quiet = { allowed: 0, rateLimited: 0, circuitRejected: 0, failures: 0 };
    assert.equal(busy, {
      ...quiet,
      id: 'busy',
      circuitState: 'closed',
      availableTokens: 2,
      allowed: 2,
      rateLimited: 1,
    });
    assert.equal(failing, {
      ...quiet,
      id: 'failing',
      circuitState: 'open',
      availableTokens: 5,
      circuitRejected: 1,
      failures: 2,
    });
  });

  test('peers() can be iterated by for…of and spread, and is empty for an empty table', () => {
    const limiter = limiterOf();
    assert.equal([...limiter.peers(0)], []);
    limiter.check('a', 1, 0);
    limiter.check('b', 1, 0);
    const ids: unknown[] = [];
    for (const { id } of limiter.peers(0)) ids.push(id);
    assert.equal(ids.sort(), ['a', 'b']);
  });

  test('peers() lists an ID as a string if its bytes are valid UTF-8, else as bytes, however it was given', () => {
    const limiter = limiterOf();
    const binary = [
      new Uint8Array([0xff]),
      new Uint8Array([0xc0, 0x80]),
      new Uint8Array([0xed, 0xa0, 0x80]),
      new Uint8Array([0xf4, 0x90, 0x80, 0x80]),
    ];
    const text = ['plain', 'Zoë', '対等', '🦀', '\ufeffwith a mark', 'a\u0000b'];
    for (const id of [...binary, ...text.slice(0, 3), ...text.slice(3).map(utf8)]) limiter.check(id, 1, 0);
    const ids = [...limiter.peers(0)].map((row) => row.id);
    assert.equal(ids.filter((id) => typeof id === 'string').sort(), [...text].sort());
    const bytes = ids.filter((id): id is Uint8Array => typeof id !== 'string');
    for (const id of bytes) assert.instance(id, Uint8Array);
    assert.equal(bytes.map((id) => [...id].join()).sort(), binary.map((id) => [...id].join()).sort());
  });

  test('peers() lists IDs of up to 54 bytes whole', () => {
    for (let length = 1; length <= KEPT_AT_LEAST; length++) {
      const limiter = limiterOf();
      const id = 'x'.repeat(length);
      limiter.check(id, 1, 0);
      const row = onlyRow(limiter, 0);
      assert.is(row.id, id);
      assert.not(row.truncated);
    }
  });

  test('peers() lists the beginning of an ID that is too long for the table, and says so', () => {
    for (const id of [
      'x'.repeat(200),
      'y'.repeat(1_024),
      `${'z'.repeat(52)}${'é'.repeat(300)}`,
      '対'.repeat(300),
      '🦀'.repeat(256),
    ]) {
      const limiter = limiterOf();
      limiter.check(id, 1, 0);
      const row = onlyRow(limiter, 0);
      assert.is(row.truncated, true);
      const kept = row.id as string | Uint8Array;
      const bytes = typeof kept === 'string' ? utf8(kept) : kept;
      assert.ok(
        bytes.length >= KEPT_AT_LEAST - 3,
        'at least what was promised, less the rest of a character cut in two',
      );
      assert.equal([...bytes], [...utf8(id).subarray(0, bytes.length)], 'it is the beginning');
    }
  });

  test('peers() lists the beginning of an ID that is not valid UTF-8 as bytes, unless only the cut split a character', () => {
    const limiter = limiterOf();
    const id = new Uint8Array(200).fill(0x78);
    limiter.check(id, 1, 0);
    const text = onlyRow(limiter, 0);
    const kept = utf8(text.id as string).length;
    for (const broken of [[0xff], [0xc3, 0x78], [0x80], [0xed, 0xa0, 0x80]]) {
      limiter.removePeer(id);
      id.fill(0x78);
      id.set(broken, kept - broken.length);
      limiter.check(id, 1, 0);
      const row = onlyRow(limiter, 0);
      assert.instance(row.id, Uint8Array, `ends in ${broken}`);
      assert.equal([...(row.id as Uint8Array)], [...id.subarray(0, kept)]);
    }
  });

  test('peers() marks the shortest ID that is cut as truncated, and none that is shorter', () => {
    let longestWhole = 0;
    for (let length = KEPT_AT_LEAST; length <= 300; length++) {
      const limiter = limiterOf();
      const id = 'x'.repeat(length);
      limiter.check(id, 1, 0);
      const row = onlyRow(limiter, 0);
      if (row.truncated) assert.ok((row.id as string).length < length);
      else {
        assert.is(row.id, id);
        assert.is(longestWhole === 0 || longestWhole === length - 1, true, 'whole IDs come first, cut ones after');
        longestWhole = length;
      }
    }
    assert.ok(longestWhole >= KEPT_AT_LEAST && longestWhole < 300);
  });

  test('two long IDs with the same beginning are two peers, listed twice', () => {
    const limiter = limiterOf();
    limiter.check(`${'x'.repeat(500)}a`, 1, 0);
    limiter.check(`${'x'.repeat(500)}b`, 2, 0);
    assert.equal([...limiter.peers(0)].map((row) => row.availableTokens).sort(), [3, 4]);
  });

  test('the rows of peers() are copies: later checks do not change them, and changing them changes nothing', () => {
    const limiter = limiterOf();
    limiter.check(new Uint8Array([0xff, 1]), 1, 0);
    const row = onlyRow(limiter, 0);
    (row.id as Uint8Array).fill(0);
    limiter.check(new Uint8Array([0xff, 1]), 1, 0);
    assert.is(row.allowed, 1);
    assert.equal([...(onlyRow(limiter, 0).id as Uint8Array)], [0xff, 1]);
  });

  test('stats() counts over the whole life, including removed peers and newcomers without a row', () => {
    const limiter = limiterOf({ maxPeers: 1, onFull: 'overflow' });
    assert.equal(limiter.stats(), {
      allowed: 0,
      rateLimited: 0,
      circuitRejected: 0,
      tableFull: 0,
      circuitOpened: 0,
      circuitClosed: 0,
      circuitHalfOpened: 0,
      staleResults: 0,
      reclaimed: 0,
      clockAnomalies: 0,
      heldBack: 0,
      shadowed: 0,
      recovered: 0,
    });
    const permit = limiter.check('a', 5, 0);
    limiter.check('a', 1, 0);
    limiter.check('a', 6, 0);
    limiter.check('b', 5, 0);
    limiter.check('c', 1, 0);
    openCircuit(limiter, 'a', 0);
    limiter.check('a', 1, 0);
    limiter.recordSuccess('a', permit, 0);
    const failing = limiter.check('a', 1, 1_000);
    limiter.recordFailure('a', failing, 1_000);
    const probe = limiter.check('a', 1, 2_000);
    limiter.recordSuccess('a', probe, 2_000);
    limiter.check('d', 1, 100_000);
    limiter.removePeer('d');
    limiter.check('e', 1, 100_000);
    assert.equal(limiter.stats(), {
      allowed: 6,
      rateLimited: 3,
      circuitRejected: 1,
      tableFull: 2,
      circuitOpened: 2,
      circuitClosed: 1,
      circuitHalfOpened: 2,
      staleResults: 1,
      reclaimed: 1,
      clockAnomalies: 0,
      heldBack: 0,
      shadowed: 0,
      recovered: 0,
    });
  });

  test('a circuit that reopens because a lease ended is counted when a call finds it', () => {
    for (const find of ['check', 'recordSuccess', 'recordFailure', 'recordIgnored'] as const) {
      const limiter = limiterOf({ probeTimeoutMs: 100 });
      openCircuit(limiter, 'peer', 0);
      limiter.check('peer', 1, 1_000);
      assert.is(limiter.stats().circuitOpened, 1);
      for (let i = 0; i < 3; i++)
        find === 'check' ? limiter.check('peer', 1, 1_200) : limiter[find]('peer', undefined, 1_200);
      assert.is(limiter.stats().circuitOpened, 2, find);
      assert.is(limiter.getCircuitState('peer', 1_200), 'open');
    }
  });

  test('stats() returns a copy', () => {
    const limiter = limiterOf();
    const before = limiter.stats();
    limiter.check('peer', 1, 0);
    assert.is(before.allowed, 0);
    assert.is(limiter.stats().allowed, 1);
  });

  test.run();
}

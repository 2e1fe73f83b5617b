/** The cache of recent strings. It is a hint: it may miss, but it must not give a wrong row. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as layout from '../assembly/layout.js';
import { isAllowed, RateLimiter, reasonOf } from '../src/index.js';
import { markOf, RecentIds } from '../src/recent.js';
import { engines } from './engines.js';
import { between, chance, utf8, withCalls, withMemories } from './support.js';

const SEED = 77_003;
const cache = suite('recent IDs');

const remember = (recent: RecentIds, id: string, slot: number, epoch = 1) =>
  recent.remember(markOf(id), id, slot, epoch);
const entryOf = (recent: RecentIds, id: string) => recent.find(markOf(id), id);
const knows = (recent: RecentIds, id: string) => entryOf(recent, id) >= 0;

cache('an ID is remembered once it was missed twice running', () => {
  const recent = new RecentIds(100);
  assert.is(knows(recent, 'peer'), false);
  remember(recent, 'peer', 5, 7);
  assert.is(knows(recent, 'peer'), false);
  remember(recent, 'peer', 5, 7);
  assert.is(knows(recent, 'peer'), true);
  assert.equal([recent.slot(entryOf(recent, 'peer')), recent.epoch(entryOf(recent, 'peer'))], [5, 7]);
});

cache('an ID whose row is another one now is put right at once', () => {
  const recent = new RecentIds(100);
  for (let i = 0; i < 2; i++) remember(recent, 'peer', 5, 7);
  remember(recent, 'peer', 6, 8);
  assert.equal([recent.slot(entryOf(recent, 'peer')), recent.epoch(entryOf(recent, 'peer'))], [6, 8]);
});

cache('names that pass by once displace nobody', () => {
  const recent = new RecentIds(8);
  for (let i = 0; i < 2; i++) remember(recent, 'regular', 1);
  for (let i = 0; i < 10_000; i++) remember(recent, `passer-by ${i}`, 2 + i);
  assert.is(knows(recent, 'regular'), true);
});

cache('of two IDs that share an entry, the one that is there stays while it is used', () => {
  const recent = new RecentIds(1);
  const random = chance(SEED);
  // Of a table for one peer the upper three bits of the mark name the entry.
  const ids = Array.from({ length: 26 }, (_, i) => String.fromCharCode(97 + i));
  const used = ids.filter((id) => markOf(id) >>> 29 === markOf('a') >>> 29);
  assert.ok(used.length > 1, 'with eight entries some of 26 IDs share one');
  for (let i = 0; i < 2; i++) remember(recent, 'a', 1);
  for (let i = 0; i < 1000; i++) {
    if (!knows(recent, 'a')) remember(recent, 'a', 1);
    if (random() < 0.5) remember(recent, used[1] as string, 2);
  }
  assert.is(knows(recent, 'a'), true);
});

cache('an ID that was found fifteen times or more is displaced by no fifteen misses, but by seventeen', () => {
  for (const finds of [15, 16, 17, 100]) {
    const recent = new RecentIds(1);
    // Of a table for one peer the upper three bits of the mark name the entry.
    const rival = Array.from({ length: 26 }, (_, i) => String.fromCharCode(98 + i)).find(
      (id) => markOf(id) >>> 29 === markOf('a') >>> 29,
    ) as string;
    for (let i = 0; i < 2; i++) remember(recent, 'a', 1);
    for (let i = 0; i < finds; i++) assert.ok(knows(recent, 'a'));
    for (let i = 0; i < 15; i++) remember(recent, rival, 2);
    assert.is(entryOf(recent, rival), -1, `${finds} finds`);
    for (let i = 0; i < 2; i++) remember(recent, rival, 2);
    assert.is(knows(recent, rival), true, `${finds} finds, seventeen misses`);
  }
});

cache('no ID is taken for another, of whatever length and characters', () => {
  const recent = new RecentIds(4);
  const ids = ['a', 'ab', 'abc', 'abcd', 'bcd', 'é', '😀', 'x'.repeat(1024), `${'x'.repeat(1023)}y`];
  for (const id of ids) for (let i = 0; i < 2; i++) remember(recent, id, ids.indexOf(id));
  for (const id of ids) if (knows(recent, id)) assert.is(recent.slot(entryOf(recent, id)), ids.indexOf(id));
});

cache('the mark of a short ID depends on every one of its characters', () => {
  for (let length = 1; length <= 16; length++) {
    const id = 'x'.repeat(length);
    for (let at = 0; at < length; at++) assert.is.not(markOf(changed(id, at)), markOf(id), `${at} of ${length}`);
  }
});

cache('the mark of a longer ID depends on its length, on two characters within and on each of the last four', () => {
  for (const length of [17, 18, 52, 64, 1_024]) {
    const id = 'x'.repeat(length);
    const places = [length >> 2, length >> 1, length - 4, length - 3, length - 2, length - 1];
    for (const at of places) assert.is.not(markOf(changed(id, at)), markOf(id), `${at} of ${length}`);
    assert.is.not(markOf(`${id}x`), markOf(id), `${length} characters and one more`);
  }
});

cache('IDs that differ in their last characters only, such as counters and keys, do not share their entries', () => {
  const ids = Array.from({ length: 1_000 }, (_, i) => `12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9k${i}`);
  assert.is(new Set(ids.map(markOf)).size, ids.length);
});

cache.run();

function changed(text: string, at: number): string {
  return `${text.slice(0, at)}y${text.slice(at + 1)}`;
}

for (const { name, using } of engines) {
  const test = suite(`recent IDs (${name})`);

  test('decisions by string, by bytes and by handle use the same row, whatever other peers come and go', () => {
    console.log(`recent IDs (${name}): seed ${SEED}`);
    const random = chance(SEED);
    const options = { ...using, maxPeers: 8, burstSize: 4, maxRequestsPerSec: 10, circuitBreakerThreshold: 2 };
    const [cached, plain] = [new RateLimiter(options), new RateLimiter(options)];
    const ids = Array.from({ length: 12 }, (_, i) => `peer ${i}`);
    let now = 0;
    for (let i = 0; i < 20_000; i++) {
      now += between(random, 0, 200);
      const id = ids[between(random, 0, ids.length - 1)] as string;
      const bytes = utf8(id);
      const act = between(random, 0, 9);
      // A fresh string each time, so that nothing depends on its being the same object.
      const again = [...id].join('');
      if (act < 6)
        assert.is(isAllowed(cached.check(again, 1, now)), isAllowed(plain.check(bytes, 1, now)), `step ${i}`);
      else if (act < 8)
        assert.is(cached.recordFailure(again, undefined, now), plain.recordFailure(bytes, undefined, now));
      else if (act < 9)
        assert.is(cached.recordSuccess(again, undefined, now), plain.recordSuccess(bytes, undefined, now));
      else assert.is(cached.removePeer(again), plain.removePeer(bytes));
    }
    assert.equal(cached.stats(), plain.stats());
  });

  test('a result for a peer without a row puts nothing into the cache', () => {
    const limiter = new RateLimiter({ ...using, maxPeers: 8, burstSize: 1, maxRequestsPerSec: 0.001 });
    limiter.check('known', 1, 0);
    for (let i = 0; i < 4; i++) limiter.recordSuccess('unknown', undefined, 0);
    assert.ok(isAllowed(limiter.check('unknown', 1, 0)));
    assert.is(limiter.getAvailableTokens('known', 0), 0);
  });

  /** The only ID that a limiter has seen lately, in the first entry of its cache, and a way to make its bytes useless. */
  const withFirstEntry = () => {
    const id = Array.from({ length: 100 }, (_, i) => `peer ${i}`).find((each) => markOf(each) >>> 29 === 0) as string;
    const options = { ...using, maxPeers: 1, burstSize: 9, maxRequestsPerSec: 0.001, clock: () => 0 };
    const [limiter, [memory]] = withMemories(() => new RateLimiter({ ...options, onFull: 'reject' }));
    for (let i = 0; i < 3; i++) limiter.check(id);
    const { buffer } = memory as WebAssembly.Memory;
    // Under another key its bytes lead nowhere.
    return { id, limiter, changeKey: () => void new Uint8Array(buffer, layout.AT_KEY, 16).fill(7) };
  };

  test('a name that was looked for three times in a row is found without its bytes', () => {
    const { id, limiter, changeKey } = withFirstEntry();
    const permit = limiter.check(id);
    changeKey();
    assert.is(reasonOf(limiter.check(utf8(id))), 'table_full', 'the other key is in use');
    assert.ok(isAllowed(limiter.check(id)));
    assert.ok(isAllowed(limiter.check(id, 2)));
    assert.ok(limiter.recordSuccess(id, permit));
    assert.ok(limiter.recordFailure(id, permit));
    assert.ok(limiter.recordSuccess(id));
  });

  test('bytes are never taken for a name that was seen lately', () => {
    const { limiter } = withFirstEntry();
    const permit = limiter.check(utf8('another'));
    assert.is(reasonOf(permit), 'table_full');
    assert.is(reasonOf(limiter.check(utf8('another'), 2)), 'table_full');
    assert.is(limiter.recordFailure(utf8('another')), false);
  });

  test('a success of an established name seen lately takes one call into the core', () => {
    const [limiter, calls] = withCalls(() => new RateLimiter({ ...using, maxPeers: 1, clock: () => 0 }));
    // Its first successes count towards being established, and the first ones of a slice for the fleet.
    for (let i = 0; i < 50; i++) limiter.recordSuccess('peer', limiter.check('peer'));
    const permit = limiter.check('peer');
    const before = calls();
    assert.ok(limiter.recordSuccess('peer', permit));
    assert.is(calls() - before, 1);
  });

  test.run();
}

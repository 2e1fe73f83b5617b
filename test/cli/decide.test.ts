// The verdicts of a replay, against a bucket that is counted by hand.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decide } from '../../src/cli/replay/decide.js';
import { RequestLog } from '../../src/cli/replay/log.js';
import { suggest } from '../../src/cli/replay/suggest.js';

const test = suite('replay: verdicts');

const SEED = 20_261_124;
console.log(`seed ${SEED}`);
const START = Date.UTC(2026, 2, 1);

interface Request {
  readonly client: string;
  readonly at: number;
}

const requests = fc.array(
  fc.record({
    client: fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2', 'ann'),
    at: fc.integer({ min: 0, max: 5_000 }).map((ms) => START + ms),
  }),
  { minLength: 1, maxLength: 120 },
);
/** Rates whose tokens come back after a whole number of milliseconds: then counting by hand is exact. */
const rates = fc.constantFrom(1, 2, 5, 10, 50, 100);

const logOf = (entries: readonly Request[]) => {
  const log = new RequestLog();
  for (const entry of entries) log.add(entry);
  log.sort();
  return log;
};

/** How many requests of each peer a bucket rejects, in thousandths of tokens. */
function byHand(entries: readonly Request[], rate: number, burst: number): Map<string, number> {
  const buckets = new Map<string, { left: number; since: number; limited: number }>();
  for (const { client, at } of [...entries].sort((a, b) => a.at - b.at)) {
    const peer = client.startsWith('2001:') ? '2001:db8::/64' : client;
    const bucket = buckets.get(peer) ?? { left: burst * 1_000, since: at, limited: 0 };
    buckets.set(peer, bucket);
    bucket.left = Math.min(bucket.left + (at - bucket.since) * rate, burst * 1_000);
    bucket.since = at;
    if (bucket.left >= 1_000) bucket.left -= 1_000;
    else bucket.limited++;
  }
  return new Map([...buckets].map(([peer, { limited }]) => [peer, limited]));
}

test('every peer is limited as often as by hand, in whatever order the lines come', () => {
  fc.assert(
    fc.property(requests, rates, fc.integer({ min: 1, max: 20 }), (entries, rate, burst) => {
      const log = logOf(entries);
      const verdicts = decide(log, { maxRequestsPerSec: rate, burstSize: burst });
      const expected = byHand(entries, rate, burst);
      assert.equal(
        new Map(log.peers.map((peer, i) => [peer, verdicts.limited[i]])),
        new Map(log.peers.map((peer) => [peer, expected.get(peer)])),
      );
      assert.is(
        verdicts.totalLimited,
        [...expected.values()].reduce((sum, limited) => sum + limited),
      );
      assert.is(verdicts.peersLimited, [...expected.values()].filter((limited) => limited > 0).length);
      const { timeline } = verdicts;
      const total = (counts: Uint32Array) => counts.reduce((sum, count) => sum + count, 0);
      assert.equal([total(timeline.requests), total(timeline.limited)], [entries.length, verdicts.totalLimited]);
      for (const i of log.peers.keys()) assert.is(Number.isNaN(verdicts.first[i]), verdicts.limited[i] === 0);
    }),
    { seed: SEED, numRuns: 300 },
  );
});

test('each suggested pair spares all but the peers that may be touched, and a smaller burst would not', () => {
  fc.assert(
    fc.property(requests, fc.constantFrom(0.1, 25, 50, 75), (entries, spare) => {
      const log = logOf(entries);
      const { pairs, ...best } = suggest(log, spare);
      const touchable = Math.max(Math.ceil((log.peers.length * spare) / 100) - 1, 0);
      const touched = (rate: number, burst: number) =>
        [...byHand(entries, rate, burst).values()].filter((limited) => limited > 0).length;
      assert.ok(best.peersLimited <= touchable);
      for (const { ratePerSec, burst } of pairs.filter(
        ({ ratePerSec }) => Number.isInteger(ratePerSec) && 1_000 % ratePerSec === 0,
      )) {
        assert.ok(touched(ratePerSec, burst) <= touchable, `${ratePerSec} ${burst}`);
        assert.ok(burst === 1 || touched(ratePerSec, burst - 1) > touchable, `${ratePerSec} ${burst - 1}`);
      }
    }),
    { seed: SEED, numRuns: 150 },
  );
});

test('a log over years has few intervals, and one instant has one', () => {
  const years = logOf([1995, 2005, 2059].map((year) => ({ client: 'ann', at: Date.UTC(year, 5) })));
  const { timeline } = decide(years, { maxRequestsPerSec: 1, burstSize: 1 });
  assert.ok(timeline.requests.length <= 60, String(timeline.requests.length));
  assert.is(
    decide(logOf([{ client: 'ann', at: START }]), { maxRequestsPerSec: 1, burstSize: 1 }).timeline.requests.length,
    1,
  );
});

test.run();

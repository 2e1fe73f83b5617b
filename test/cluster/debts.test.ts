/** What peers owe other machines: in each build, what counts, what waits for it, and what is known of it afterwards. */

import { createHmac } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, type RateLimiterConfig, reasonOf, retryAfterMs } from '../../src/index.js';
import { engines } from '../engines.js';
import { between, chance, pick, utf8 } from '../support.js';

const SEED = 20_261_125;
const RATE = 10;
const BURST = 20;
const TOKEN_MS = 1000 / RATE;
const SECRET = utf8('hush');
const BASE = { maxRequestsPerSec: RATE, burstSize: BURST, maxPeers: 64, clock: () => 0 };

const nameOf = (id: string) => createHmac('sha256', SECRET).update(id).digest().subarray(0, 16).toString('base64url');

for (const { name, using } of engines) {
  const test = suite(`debts (${name})`);
  const across = (options: RateLimiterConfig = {}, credit = 5) => {
    const limiter = new RateLimiter({ ...BASE, ...options, ...using });
    limiter.debts.setSecret(SECRET);
    limiter.debts.share('credit', 2, credit);
    return limiter;
  };
  const owed = (limiter: RateLimiter) => limiter.debts.owed(1).reduce((sum, { tokens }) => sum + tokens, 0);
  const rowOf = (limiter: RateLimiter, peer = 'peer') => {
    const row = limiter.debts.rowOf(peer);
    if (row === undefined) throw new Error(`${peer} has no row`);
    return row;
  };
  const pay = (limiter: RateLimiter, debtMs: number, now = 0, peer = 'peer') => {
    const [debt] = limiter.debts.owed(1).filter(({ slot }) => slot === rowOf(limiter, peer).slot);
    return limiter.debts.learn(rowOf(limiter, peer), debtMs, debt?.tokens ?? 0, now);
  };

  test('a peer is given its credit, and then told to wait as long as the last exchange took', () => {
    const limiter = across();
    const decisions = Array.from({ length: 7 }, () => limiter.check('peer'));
    assert.equal(decisions.map(reasonOf), [...new Array(5).fill('allowed'), 'rate_limited', 'rate_limited']);
    assert.is(retryAfterMs(decisions[6] as number), 1, 'at least a millisecond');
    limiter.debts.hintMs = 17;
    assert.is(retryAfterMs(limiter.check('peer')), 17);
    assert.is(limiter.debts.creditRejected, 3);
    assert.is(limiter.stats().rateLimited, 3);
    assert.is(owed(limiter), 5);
  });

  test('what is paid can be given again, as far as the bucket goes', () => {
    const limiter = across();
    for (let i = 0; i < 5; i++) limiter.check('peer');
    assert.is(pay(limiter, 5 * TOKEN_MS), 0);
    assert.equal(limiter.debts.owed(1), []);
    let given = 0;
    while (isAllowed(limiter.check('peer'))) given++;
    assert.is(given, 5);
    pay(limiter, BURST * TOKEN_MS);
    const refused = limiter.check('peer');
    assert.is(retryAfterMs(refused), TOKEN_MS, 'others have given the rest');
  });

  test('who owes nothing may ask for more than the credit at once', () => {
    const limiter = across();
    assert.ok(isAllowed(limiter.check('peer', BURST)));
    assert.is(owed(limiter), BURST);
    assert.ok(isAllowed(limiter.check('other', 1)));
    assert.is(reasonOf(limiter.check('other', 5)), 'rate_limited', 'who owes something may not');
    assert.ok(isAllowed(limiter.check('other', 4)));
  });

  test('handles, batches, several limits at once and newcomers are counted as well', () => {
    const limiter = across({ newcomers: { maxRequestsPerSec: 100, burstSize: 100 } });
    const peer = limiter.peer('peer');
    const other = limiter.peer('other');
    peer.check();
    peer.check(2);
    limiter.checkMany([peer, other], new Int32Array(2));
    limiter.checkAll([peer, other]);
    assert.is(owed(limiter), 3 + 2 + 2);
    limiter.check('newcomer');
    limiter.check('newcomer');
    assert.is(owed(limiter), 9);
    assert.is(reasonOf(limiter.checkAll([other, peer])), 'rate_limited', 'the second has no credit');
    assert.is(limiter.rejectedBy, 1);
    assert.is(owed(limiter), 9, 'and the first owes no more for that');
  });

  test('a refund takes from what is owed, and what is paid stays paid', () => {
    const limiter = across();
    limiter.check('peer', 3);
    limiter.refund('peer', 1);
    assert.is(owed(limiter), 2);
    pay(limiter, 2 * TOKEN_MS);
    limiter.refund('peer', 1);
    assert.is(owed(limiter), 0);
    assert.is(limiter.getAvailableTokens('peer', 0), BURST - 1, 'here it is given back');
  });

  test('learning raises the debt of a bucket and never lowers it, up to sixteen bursts', () => {
    const limiter = across();
    const debtMs = () => limiter.debts.debtMs(rowOf(limiter), 0);
    limiter.check('peer', 4);
    assert.is(pay(limiter, 0), 0);
    assert.is(debtMs(), 4 * TOKEN_MS);
    for (const known of [Number.NaN, -1, Number.NEGATIVE_INFINITY, 1]) pay(limiter, known);
    assert.is(debtMs(), 4 * TOKEN_MS);
    pay(limiter, 25 * TOKEN_MS);
    assert.is(debtMs(), 25 * TOKEN_MS, 'beyond the burst');
    for (const known of [Number.POSITIVE_INFINITY, 1e300, 17 * BURST * TOKEN_MS]) pay(limiter, known);
    assert.is(debtMs(), 16 * BURST * TOKEN_MS);
    assert.is(limiter.stats().clockAnomalies, 0);
  });

  test('what was given after the payment was sent is owed beside it', () => {
    const limiter = across();
    limiter.check('peer', 2);
    limiter.check('peer', 3);
    assert.is(limiter.debts.learn(rowOf(limiter), 2 * TOKEN_MS, 2, 0), 3);
    assert.is(limiter.debts.debtMs(rowOf(limiter), 0), 5 * TOKEN_MS);
    assert.is(limiter.debts.learn(rowOf(limiter), 0, 1e9, 0), 0, 'more than is owed is all of it');
  });

  test('a payment of another life of the row is nobody’s', () => {
    const limiter = across();
    limiter.check('peer');
    const row = rowOf(limiter);
    limiter.removePeer('peer');
    assert.is(limiter.debts.learn(row, 1_000, 1, 0), -1);
    limiter.check('next', 2);
    assert.is(rowOf(limiter, 'next').slot, row.slot);
    assert.is(limiter.debts.learn(row, 1_000, 1, 0), -1);
    assert.is(owed(limiter), 2);
  });

  test('a row that owes is kept although its bucket is full, and may go once it is paid', () => {
    const limiter = across({ maxPeers: 1, onFull: 'reject' });
    limiter.check('peer', 1, 0);
    assert.is(reasonOf(limiter.check('other', 1, 60_000)), 'table_full');
    pay(limiter, 0, 60_000);
    assert.is(reasonOf(limiter.check('other', 1, 120_000)), 'allowed');
  });

  test('peers that share the overflow bucket owe nothing: they have no name outside', () => {
    const limiter = across({ maxPeers: 1 });
    limiter.check('peer', 1, 0);
    for (let i = 0; i < BURST; i++) assert.ok(isAllowed(limiter.check(`other ${i}`, 1, 0)));
    assert.is(owed(limiter), 1);
  });

  test('the default credit is half of a burst divided among the nodes, and follows the limits', () => {
    const limiter = across({}, 0);
    assert.is(limiter.debts.credit, 5);
    limiter.configure({ burstSize: 80 }, 0);
    assert.is(limiter.debts.credit, 20);
    limiter.configure({ burstSize: 3 }, 0);
    assert.is(limiter.debts.credit, 1);
    limiter.debts.share('credit', 2, 4);
    assert.is(limiter.debts.credit, 3, 'never above a burst');
  });

  test('while it is shared out each token costs as many as there are nodes, and nobody looks at credit', () => {
    const limiter = across();
    limiter.debts.share('share', 4, 5);
    let given = 0;
    while (isAllowed(limiter.check('peer'))) given++;
    assert.is(given, BURST / 4);
    assert.is(owed(limiter), BURST / 4);
    assert.is(limiter.getAvailableTokens('other', 0), BURST / 4);
    assert.ok(isAllowed(limiter.check('other', BURST)), 'a full bucket still gives a burst at once');
    limiter.debts.share('local', 4, 5);
    for (given = 0; isAllowed(limiter.check('third')); ) given++;
    assert.is(given, BURST);
  });

  test('where nobody is to be let through, nobody is: with a row, without one, with none to be had', () => {
    const limiter = across({ maxPeers: 1 });
    limiter.check('peer');
    const handle = limiter.peer('other');
    limiter.debts.share('closed', 2, 5);
    limiter.debts.hintMs = 9;
    for (const decision of [limiter.check('peer'), limiter.check('new'), handle.check(), limiter.checkAll([handle])]) {
      assert.is(reasonOf(decision), 'rate_limited');
      assert.is(retryAfterMs(decision), 9);
    }
  });

  test('a class counts outside, load and reputation here alone', () => {
    const limiter = across({ classes: { fast: { factor: 4 } } });
    limiter.setClass('peer', 'fast', 0);
    limiter.adjustReputation('other', -50, 0);
    limiter.setLoadFactor(0.25, 0);
    limiter.check('peer', 1, 0);
    limiter.check('other', 1, 0);
    const tokenMs = new Map(limiter.debts.owed(1).map((debt) => [debt.name, debt.tokenMs]));
    assert.is(tokenMs.get(nameOf('peer')), TOKEN_MS / 4);
    assert.is(tokenMs.get(nameOf('other')), TOKEN_MS);
  });

  test('shadow mode lets a peer without credit through, and counts it', () => {
    const limiter = across({ mode: 'shadow' });
    for (let i = 0; i < 7; i++) assert.ok(isAllowed(limiter.check('peer')));
    assert.is(limiter.stats().shadowed, 2);
    assert.is(owed(limiter), 5);
  });

  test('a name outside is the HMAC of the whole ID, however long it is and however its row came about', () => {
    const limiter = across({ maxPeers: 2_048 });
    for (const length of [1, 53, 54, 55, 56, 63, 64, 65, 119, 120, 127, 128, 1_000, 1_024]) {
      for (const id of ['x'.repeat(length), utf8('y'.repeat(length))]) {
        const text = typeof id === 'string' ? id : new TextDecoder().decode(id);
        assert.is(limiter.debts.nameOf(id).name, nameOf(text));
        limiter.check(id);
        const { slot } = limiter.debts.rowOf(id) ?? { slot: -1 };
        assert.is(limiter.debts.owed(1).find((debt) => debt.slot === slot)?.name, nameOf(text), `${length} bytes`);
      }
    }
    for (const { name: each, shard } of limiter.debts.owed(1)) {
      assert.is(shard, (Buffer.from(each, 'base64url')[0] as number) & 15);
    }
  });

  test('a long ID that had its row before is named when its peer comes again', () => {
    const limiter = new RateLimiter({ ...BASE, ...using });
    const [early, handled] = ['early '.repeat(20), 'handled '.repeat(20)];
    const handle = limiter.peer(handled);
    limiter.check(early);
    limiter.debts.setSecret(SECRET);
    limiter.debts.share('credit', 2, 5);
    assert.equal(limiter.debts.owed(1), [], 'what was given before is nobody’s business');
    limiter.check(early);
    handle.check();
    assert.equal(
      limiter.debts
        .owed(1)
        .map((debt) => debt.name)
        .sort(),
      [nameOf(early), nameOf(handled)].sort(),
    );
    const restored = RateLimiter.restore(limiter.snapshot(), { ...using, clock: () => 0 });
    restored.debts.setSecret(utf8('another'));
    restored.debts.share('credit', 2, 5);
    restored.check(early);
    const other = createHmac('sha256', 'another').update(early).digest().subarray(0, 16).toString('base64url');
    assert.equal(
      restored.debts.owed(1).map((debt) => debt.name),
      [other],
      'with the secret of now',
    );
  });

  test('a listing shows the beginning of a long ID, without what is kept behind it', () => {
    const limiter = across();
    const id = 'abcdefghij'.repeat(10);
    limiter.check(id);
    const [info] = [...limiter.peers(0)];
    assert.equal([info?.id, info?.truncated], [id.slice(0, 34), true]);
  });

  test('a snapshot keeps no debts of this kind', () => {
    const limiter = across();
    limiter.check('peer', 3);
    const restored = RateLimiter.restore(limiter.snapshot(), { ...using, clock: () => 0 });
    restored.debts.share('credit', 2, 5);
    assert.equal(restored.debts.owed(1), []);
    assert.is(restored.getAvailableTokens('peer', 0), BURST - 3, 'but those of the bucket');
  });

  test('off again, nothing is counted, and rows that owed may go', () => {
    const limiter = across({ maxPeers: 1, onFull: 'reject' });
    limiter.check('peer', 1, 0);
    limiter.debts.share('off', 2, 0);
    for (let i = 0; i < BURST - 1; i++) assert.ok(isAllowed(limiter.check('peer', 1, 0)));
    assert.is(reasonOf(limiter.check('other', 1, 60_000)), 'allowed');
    limiter.debts.share('credit', 2, 5);
    assert.equal(limiter.debts.owed(1), []);
  });

  test('more debts than one call tells of are told of all, large ones alone where that is asked', () => {
    const limiter = across({ maxPeers: 3_000 });
    for (let i = 0; i < 3_000; i++) limiter.check(`peer ${i}`, 1 + (i % 3));
    assert.is(limiter.debts.owed(1).length, 3_000);
    const large = limiter.debts.owed(3);
    assert.is(large.length, 1_000);
    assert.ok(large.every(({ tokens }) => tokens === 3));
    assert.is(new Set(large.map((debt) => debt.name)).size, 1_000);
    for (const debt of large) limiter.debts.learn(debt, 0, 3, 0);
    assert.is(limiter.debts.owed(1).length, 2_000);
  });

  test('bucket and debt are those of a model in whole numbers, whatever comes in whatever order', () => {
    console.log(`debts (${name}): seed ${SEED}`);
    const random = chance(SEED);
    const [rate, burst, credit, nodes] = [7, 12, 4, 3];
    const limiter = new RateLimiter({ ...BASE, maxRequestsPerSec: rate, burstSize: burst, ...using });
    limiter.debts.share('credit', nodes, credit);
    const perToken = BigInt(Math.ceil((1000 * 2 ** 20) / rate));
    const tau = BigInt(burst) * perToken;
    const modes = ['credit', 'share', 'local'] as const;
    let mode: (typeof modes)[number] = 'credit';
    let now = 0;
    let tat = 0n;
    let owes = 0;
    const at = () => BigInt(now) * 2n ** 20n;
    const max = (a: bigint, b: bigint) => (a > b ? a : b);
    limiter.check('peer', 1, now);
    tat = perToken;
    owes = 1;
    for (let step = 0; step < 20_000; step++) {
      now += random() < 0.5 ? 0 : between(random, 0, 400);
      const what = pick(random, ['check', 'check', 'check', 'learn', 'refund', 'mode']);
      if (what === 'check') {
        const cost = random() < 0.8 ? 1 : between(random, 1, burst + 1);
        const price = mode === 'share' ? perToken * BigInt(nodes) : perToken;
        const charge = price * BigInt(cost);
        const after = max(tat, at()) + charge;
        const depth = cost > burst ? 0n : mode === 'share' ? max(tau, charge) : tau;
        const fits = cost <= burst && after - at() <= depth;
        const allowed = fits && (mode !== 'credit' || owes === 0 || owes + cost <= credit);
        assert.is(isAllowed(limiter.check('peer', cost, now)), allowed, `step ${step}`);
        if (allowed) {
          tat = after;
          owes += cost;
        }
      } else if (what === 'learn') {
        const paid = between(random, 0, owes + 1);
        const debtMs = random() < 0.1 ? 1e6 : between(random, 0, 3_000);
        const left = Math.max(0, owes - paid);
        const known = BigInt(debtMs) * 2n ** 20n + BigInt(left) * perToken;
        tat = max(tat, at() + (known < 16n * tau ? known : 16n * tau));
        owes = left;
        assert.is(limiter.debts.learn(rowOf(limiter), debtMs, paid, now), left, `step ${step}`);
      } else if (what === 'refund') {
        const cost = between(random, 1, 3);
        const price = mode === 'share' ? perToken * BigInt(nodes) : perToken;
        limiter.refund('peer', cost);
        tat = max(0n, tat - price * BigInt(cost));
        owes = Math.max(0, owes - cost);
      } else {
        mode = pick(random, modes);
        limiter.debts.share(mode, nodes, credit);
      }
      const debt = Number(max(tat, at()) - at()) / 2 ** 20;
      assert.is(limiter.debts.debtMs(rowOf(limiter), now), debt, `step ${step}: ${what}`);
      assert.is(owed(limiter), owes, `step ${step}: ${what}`);
    }
  });

  test.run();
}

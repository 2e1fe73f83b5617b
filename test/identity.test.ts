/** Peer IDs, costs and times: what is accepted. Everything is checked before anything changes. */

import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, RateLimiter, reasonOf } from '../src/index.js';
import { engines } from './engines.js';
import { everything, revoked, thrownBy, utf8 } from './support.js';

const LARGEST_MS = 2 ** 41;
const LONGEST_ID = 1_024;

const badIds: readonly [what: string, id: unknown, kind: ErrorConstructor, code: string][] = [
  ['undefined', undefined, TypeError, 'ERR_PEERGATE_PEER_ID_TYPE'],
  ['null', null, TypeError, 'ERR_PEERGATE_PEER_ID_TYPE'],
  ['a number', 7, TypeError, 'ERR_PEERGATE_PEER_ID_TYPE'],
  ['an object', {}, TypeError, 'ERR_PEERGATE_PEER_ID_TYPE'],
  ['an array', ['peer'], TypeError, 'ERR_PEERGATE_PEER_ID_TYPE'],
  ['an ArrayBuffer', new ArrayBuffer(4), TypeError, 'ERR_PEERGATE_PEER_ID_TYPE'],
  ['a wider array', new Uint16Array(4), TypeError, 'ERR_PEERGATE_PEER_ID_TYPE'],
  ['a String object', Object('peer'), TypeError, 'ERR_PEERGATE_PEER_ID_TYPE'],
  [
    'an object that calls itself one',
    { [Symbol.toStringTag]: 'Uint8Array', length: 4 },
    TypeError,
    'ERR_PEERGATE_PEER_ID_TYPE',
  ],
  [
    'one without a usable length',
    { [Symbol.toStringTag]: 'Uint8Array', length: Number.NaN },
    TypeError,
    'ERR_PEERGATE_PEER_ID_TYPE',
  ],
  ['an object that only inherits from it', Object.create(Uint8Array.prototype), TypeError, 'ERR_PEERGATE_PEER_ID_TYPE'],
  ['a Proxy of bytes', new Proxy(new Uint8Array(4), {}), TypeError, 'ERR_PEERGATE_PEER_ID_TYPE'],
  ['a revoked Proxy', revoked(new Uint8Array(4)), TypeError, 'ERR_PEERGATE_PEER_ID_TYPE'],
  ['bytes whose buffer was transferred', transferred(), RangeError, 'ERR_PEERGATE_PEER_ID_LENGTH'],
  ['a symbol', Symbol('peer'), TypeError, 'ERR_PEERGATE_PEER_ID_TYPE'],
  ['an empty string', '', RangeError, 'ERR_PEERGATE_PEER_ID_LENGTH'],
  ['no bytes', new Uint8Array(0), RangeError, 'ERR_PEERGATE_PEER_ID_LENGTH'],
  ['1 025 bytes', new Uint8Array(LONGEST_ID + 1), RangeError, 'ERR_PEERGATE_PEER_ID_LENGTH'],
  ['a string of 1 025 bytes', 'a'.repeat(LONGEST_ID + 1), RangeError, 'ERR_PEERGATE_PEER_ID_LENGTH'],
  ['a short string of 1 026 bytes', 'é'.repeat(LONGEST_ID / 2 + 1), RangeError, 'ERR_PEERGATE_PEER_ID_LENGTH'],
  ['a very long string', 'a'.repeat(1e6), RangeError, 'ERR_PEERGATE_PEER_ID_LENGTH'],
  ['a lone high surrogate', 'peer-\ud800', TypeError, 'ERR_PEERGATE_PEER_ID_ENCODING'],
  ['a lone low surrogate', '\udc00-peer', TypeError, 'ERR_PEERGATE_PEER_ID_ENCODING'],
  ['surrogates the wrong way round', '\udc00\ud800', TypeError, 'ERR_PEERGATE_PEER_ID_ENCODING'],
  [
    'a lone surrogate at the very end of 1 024 bytes',
    `${'a'.repeat(1_021)}\ud800`,
    TypeError,
    'ERR_PEERGATE_PEER_ID_ENCODING',
  ],
];

function transferred(): Uint8Array {
  const bytes = new Uint8Array(4);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  return bytes;
}

const badCosts = [
  0,
  -1,
  1.5,
  -0,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  '1',
  null,
  {},
  2n,
  true,
];
const badNows = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  LARGEST_MS,
  -LARGEST_MS,
  1e300,
  '1',
  null,
  {},
  2n,
];

for (const { name, using } of engines) {
  const test = suite(`arguments (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({ maxPeers: 16, burstSize: 5, clock: () => 0, ...options, ...using });

  /** Every method that takes a peer. */
  const methods = (limiter: RateLimiter): Record<string, (id: never) => unknown> => ({
    check: (id) => limiter.check(id, 1, 0),
    recordSuccess: (id) => limiter.recordSuccess(id, undefined, 0),
    recordFailure: (id) => limiter.recordFailure(id, undefined, 0),
    recordIgnored: (id) => limiter.recordIgnored(id, undefined, 0),
    refund: (id) => limiter.refund(id, 1),
    getCircuitState: (id) => limiter.getCircuitState(id, 0),
    getAvailableTokens: (id) => limiter.getAvailableTokens(id, 0),
    removePeer: (id) => limiter.removePeer(id),
    peer: (id) => limiter.peer(id, 0),
  });

  test('a peer ID throws if it is neither a string nor a Uint8Array, is empty or too long, or has no UTF-8 encoding', () => {
    const limiter = limiterOf();
    limiter.check('someone', 1, 0);
    const before = JSON.stringify(everything(limiter, 0));
    for (const [what, id, kind, code] of badIds) {
      for (const [method, call] of Object.entries(methods(limiter))) {
        const error = thrownBy(() => call(id as never));
        assert.instance(error, kind, `${method} with ${what} threw ${error}`);
        assert.is(error.code, code, `${method} with ${what}`);
      }
    }
    assert.is(JSON.stringify(everything(limiter, 0)), before, 'and nothing changed');
  });

  test('1 byte and 1 024 bytes are peer IDs', () => {
    const limiter = limiterOf();
    for (const id of [
      'a',
      'a'.repeat(LONGEST_ID),
      'é'.repeat(LONGEST_ID / 2),
      '🦀'.repeat(LONGEST_ID / 4),
      new Uint8Array(1),
      new Uint8Array(LONGEST_ID),
    ]) {
      assert.ok(isAllowed(limiter.check(id, 5, 0)));
      assert.is(reasonOf(limiter.check(id, 1, 0)), 'rate_limited', 'it is found again');
    }
    assert.is(limiter.peerCount, 6);
  });

  test('IDs that differ only in their last byte are different peers, at every length', () => {
    const limiter = limiterOf({ maxPeers: 4_096 });
    for (let length = 1; length <= LONGEST_ID; length++) {
      const id = new Uint8Array(length).fill(97);
      limiter.check(id, 5, 0);
      id[length - 1] = 98;
      assert.is(limiter.getAvailableTokens(id, 0), 5, `${length} bytes`);
      limiter.check(id, 4, 0);
      assert.is(limiter.getAvailableTokens(id, 0), 1, `${length} bytes`);
    }
    assert.is(limiter.peerCount, 2 * LONGEST_ID);
  });

  test('an ID and its beginning are different peers, also if all bytes are zero', () => {
    const limiter = limiterOf({ maxPeers: 4_096 });
    for (const byte of [0, 97]) {
      for (let length = 1; length <= LONGEST_ID; length++) {
        const id = new Uint8Array(length).fill(byte);
        assert.is(limiter.getAvailableTokens(id, 0), 5, `${length} bytes of ${byte}`);
        limiter.check(id, 5, 0);
      }
    }
    assert.is(limiter.peerCount, 2 * LONGEST_ID);
  });

  test('the bytes are the identity: a string is its UTF-8 bytes', () => {
    const limiter = limiterOf();
    for (const text of [
      'peer-a',
      'Zoë',
      '対等',
      '🦀🦀',
      '\u0000',
      'a\u0000b',
      '\ufeffmark',
      '\u07ff\u0800\uffff\u{10000}',
    ]) {
      limiter.check(text, 3, 0);
      assert.is(limiter.getAvailableTokens(utf8(text), 0), 2, text);
      limiter.check(utf8(text), 2, 0);
      assert.is(limiter.getAvailableTokens(text, 0), 0, text);
    }
    assert.is(limiter.peerCount, 8);
  });

  test('strings that look the same but have different bytes are different peers', () => {
    const limiter = limiterOf();
    limiter.check('\u00e9', 5, 0);
    assert.is(limiter.getAvailableTokens('e\u0301', 0), 5);
  });

  test('bytes that are not valid UTF-8 are a peer of their own', () => {
    const limiter = limiterOf();
    limiter.check(new Uint8Array([0xff, 0xfe]), 5, 0);
    assert.is(limiter.getAvailableTokens(new Uint8Array([0xff, 0xfe]), 0), 0);
    assert.is(limiter.getAvailableTokens('\ufffd\ufffd', 0), 5);
    assert.is(limiter.getAvailableTokens(new Uint8Array([0xff]), 0), 5);
  });

  test('the real bytes of an array count: a subclass that lies about its length has no effect', () => {
    class Liar extends Uint8Array {
      constructor(text: string, length: unknown) {
        super(utf8(text));
        Object.defineProperty(this, 'length', { get: () => length });
        Object.defineProperty(this, 'byteLength', { get: () => length });
        Object.defineProperty(this, Symbol.toStringTag, { value: 'Nothing' });
      }
    }
    const limiter = limiterOf();
    limiter.check('previous caller', 1, 0);
    for (const length of [0, 2, 15, 5_000, Number.NaN, '4', undefined]) {
      for (const call of Object.values(methods(limiter))) call(new Liar('peer', length) as never);
      limiter.peer(new Liar('peer', length), 0).release();
      limiter.removePeer('peer');
      assert.equal(
        [...limiter.peers(0)].map((row) => row.id),
        ['previous caller'],
        String(length),
      );
    }
    const handle = limiter.peer(new Liar('peer', 2), 0);
    assert.equal(handle.id, utf8('peer'));
  });

  test('bytes of another realm are an ID like any others', () => {
    const limiter = limiterOf();
    const bytes = runInNewContext('new Uint8Array([112, 101, 101, 114])') as Uint8Array;
    limiter.check(bytes, 5, 0);
    assert.is(limiter.getAvailableTokens('peer', 0), 0);
    const handle = limiter.peer(bytes, 0);
    bytes.fill(0);
    assert.equal(handle.id, utf8('peer'));
  });

  test('only the bytes of a view count, a Buffer works too, and writing to it later has no effect', () => {
    const limiter = limiterOf();
    const buffer = utf8('xpeery');
    limiter.check(buffer.subarray(1, 5), 5, 0);
    assert.is(limiter.getAvailableTokens('peer', 0), 0);
    assert.is(limiter.getAvailableTokens(Buffer.from('peer'), 0), 0);
    buffer.fill(0);
    assert.is(limiter.getAvailableTokens('peer', 0), 0);
    assert.equal(
      [...limiter.peers(0)].map((row) => row.id),
      ['peer'],
    );
  });

  test('a string cut from a longer one, or joined from parts, is the same peer as a plain one', () => {
    const limiter = limiterOf();
    const text = 'from:12D3KooWPeerIdentity;to:other';
    const end = text.indexOf(';');
    limiter.check(text.slice(5, end), 5, 0);
    assert.is(limiter.getAvailableTokens('12D3KooWPeerIdentity', 0), 0);
    assert.is(limiter.getAvailableTokens(['12D3Koo', 'WPeerIdentity'].join(''), 0), 0);
  });

  test('a cost that is not an integer >= 1 is a RangeError, and nothing changes', () => {
    const limiter = limiterOf();
    limiter.check('peer', 2, 0);
    const handle = limiter.peer('peer', 0);
    const before = JSON.stringify(everything(limiter, 0));
    for (const cost of badCosts as number[]) {
      const calls: Record<string, () => unknown> = {
        check: () => limiter.check('peer', cost, 0),
        'check of a newcomer': () => limiter.check('newcomer', cost, 0),
        checkMany: () => limiter.checkMany([handle], new Int32Array(1), cost, 0),
        refund: () => limiter.refund('peer', cost),
        'refund of a newcomer': () => limiter.refund('newcomer', cost),
        'Peer.check': () => handle.check(cost, 0),
        'Peer.refund': () => handle.refund(cost),
      };
      for (const [what, call] of Object.entries(calls)) {
        const error = thrownBy(call);
        assert.instance(error, RangeError, `${what} with ${String(cost)} threw ${error}`);
        assert.is(error.code, 'ERR_PEERGATE_COST', `${what} with ${String(cost)}`);
      }
    }
    assert.is(JSON.stringify(everything(limiter, 0)), before);
  });

  test('a time that is not finite, or not between -2^41 and 2^41 ms, is a RangeError, and nothing changes', () => {
    const limiter = limiterOf();
    limiter.check('peer', 2, 0);
    const handle = limiter.peer('peer', 0);
    const before = JSON.stringify(everything(limiter, 0));
    for (const now of badNows as number[]) {
      const calls: Record<string, () => unknown> = {
        check: () => limiter.check('peer', 1, now),
        'check of a newcomer': () => limiter.check('newcomer', 1, now),
        checkMany: () => limiter.checkMany([handle], new Int32Array(1), 1, now),
        recordSuccess: () => limiter.recordSuccess('peer', undefined, now),
        recordFailure: () => limiter.recordFailure('newcomer', undefined, now),
        recordIgnored: () => limiter.recordIgnored('peer', undefined, now),
        getCircuitState: () => limiter.getCircuitState('peer', now),
        getAvailableTokens: () => limiter.getAvailableTokens('peer', now),
        peers: () => [...limiter.peers(now)],
        peer: () => limiter.peer('newcomer', now),
        configure: () => limiter.configure({ burstSize: 9 }, now),
        'Peer.check': () => handle.check(1, now),
        'Peer.recordSuccess': () => handle.recordSuccess(undefined, now),
        'Peer.recordFailure': () => handle.recordFailure(undefined, now),
        'Peer.recordIgnored': () => handle.recordIgnored(undefined, now),
      };
      for (const [what, call] of Object.entries(calls)) {
        const error = thrownBy(call);
        assert.instance(error, RangeError, `${what} at ${String(now)} threw ${error}`);
        assert.is(error.code, 'ERR_PEERGATE_NOW', `${what} at ${String(now)}`);
      }
    }
    assert.is(JSON.stringify(everything(limiter, 0)), before);
  });

  test('a clock that does not return a time is a RangeError, and nothing changes', () => {
    let reading = 0;
    const limiter = limiterOf({ clock: () => reading });
    limiter.check('peer', 2, 0);
    const before = JSON.stringify(everything(limiter, 0));
    for (reading of [Number.NaN, Number.POSITIVE_INFINITY, LARGEST_MS]) {
      for (const call of [
        () => limiter.check('peer'),
        () => limiter.check('newcomer'),
        () => limiter.recordFailure('peer'),
      ]) {
        assert.is(thrownBy(call).code, 'ERR_PEERGATE_NOW');
      }
    }
    assert.is(JSON.stringify(everything(limiter, 0)), before);
  });

  test('the largest and the smallest time are accepted', () => {
    const limiter = limiterOf();
    const latest = LARGEST_MS - 2 ** -12;
    assert.ok(isAllowed(limiter.check('late', 5, latest)));
    assert.is(reasonOf(limiter.check('late', 1, latest)), 'rate_limited');
    assert.ok(isAllowed(limiter.check('early', 5, -latest)));
    assert.is(reasonOf(limiter.check('early', 1, -latest)), 'rate_limited');
  });

  test('a negative time counts as 0', () => {
    const limiter = limiterOf({ maxRequestsPerSec: 1, circuitBreakerThreshold: 1, circuitBreakerTimeoutMs: 100 });
    limiter.check('peer', 5, -1e9);
    assert.is(reasonOf(limiter.check('peer', 1, 0)), 'rate_limited', 'nothing was regained up to 0');
    assert.is(reasonOf(limiter.check('peer', 1, 999)), 'rate_limited');
    assert.ok(isAllowed(limiter.check('peer', 1, 1_000)));
    limiter.recordFailure('other', undefined, -5_000);
    assert.is(limiter.getCircuitState('other', -1), 'open');
    assert.is(limiter.getCircuitState('other', 99.9), 'open');
    assert.is(limiter.getCircuitState('other', 100), 'half_open');
  });

  test('the origin of time is now = 0, not the moment of construction', () => {
    let reading = 1e12;
    const limiter = limiterOf({ clock: () => reading, maxRequestsPerSec: 1 });
    reading = 5e11;
    limiter.check('peer', 5);
    assert.is(reasonOf(limiter.check('peer')), 'rate_limited');
    reading += 1_000;
    assert.ok(isAllowed(limiter.check('peer')), 'a time before the construction is as good as one after it');
  });

  test.run();
}

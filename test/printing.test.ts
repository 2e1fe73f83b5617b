/** What a handle and a limiter look like in logs and in JSON. */

import { inspect } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RateLimiter } from '../src/index.js';
import { engines } from './engines.js';
import { drain, openCircuit } from './support.js';

for (const { name, using } of engines) {
  const test = suite(`printing (${name})`);
  const limiterOf = (options = {}) =>
    new RateLimiter({ maxPeers: 8, burstSize: 5, maxRequestsPerSec: 1, clock: () => 0, ...options, ...using });
  const parsed = (value: unknown) => JSON.parse(JSON.stringify(value));

  test('a handle shows its ID, its circuit, its tokens, and whether it is released', () => {
    const limiter = limiterOf();
    const peer = limiter.peer('peer-a');
    peer.check(2);
    assert.equal(parsed(peer), { id: 'peer-a', circuitState: 'closed', availableTokens: 3, released: false });
    openCircuit(limiter, 'peer-a', 0);
    drain(limiter, 'peer-a', 0);
    assert.is(
      inspect(peer, { breakLength: 200 }),
      "Peer { id: 'peer-a', released: false, circuitState: 'open', availableTokens: 3 }",
    );
    peer.release();
    assert.is(parsed(peer).released, true);
    assert.match(inspect({ connection: { peer } }, { breakLength: 200 }), 'released: true');
  });

  test('a handle that is used again after its release is not released, and printing it does not use it', () => {
    const limiter = limiterOf();
    const peer = limiter.peer('peer-a');
    peer.release();
    limiter.removePeer('peer-a');
    inspect(peer);
    assert.is(limiter.peerCount, 0);
    peer.check();
    assert.is(parsed(peer).released, false);
    limiter.removePeer('peer-a');
    assert.is(parsed(peer).released, false, 'a removal is not a release');
  });

  test('an ID in bytes is shown as text where it is text, else in hexadecimal', () => {
    const limiter = limiterOf();
    assert.is(parsed(limiter.peer(new TextEncoder().encode('Zoë'))).id, 'Zoë');
    assert.is(parsed(limiter.peer(new Uint8Array([0xff, 0x00, 0x0a]))).id, '0xff000a');
  });

  test('a limiter shows its size, its limits and its totals', () => {
    const limiter = limiterOf();
    limiter.check('peer-a');
    assert.equal(parsed(limiter), {
      maxPeers: 8,
      maxRequestsPerSec: 1,
      burstSize: 5,
      peerCount: 1,
      stats: { ...limiter.stats() },
    });
    assert.match(inspect(limiter), /^RateLimiter \{\s+maxPeers: 8,/);
  });

  test('a closed limiter and its handles still print, and say so', () => {
    const limiter = limiterOf();
    const peer = limiter.peer('peer-a');
    limiter.close();
    assert.equal(parsed(peer), { id: 'peer-a', released: false, closed: true });
    assert.match(inspect(peer), 'closed: true');
    assert.is(parsed(limiter).closed, true);
    assert.match(inspect(limiter), /^RateLimiter \{/);
  });

  test.run();
}

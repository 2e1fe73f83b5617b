/** Whether a handle is one of a limiter's own. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RateLimiter } from '../src/index.js';
import { engines } from './engines.js';

for (const { name, using } of engines) {
  const test = suite(`handles of a limiter (${name})`);

  test('a limiter owns the handles that it made, including released ones, and nothing else', () => {
    const limiter = new RateLimiter({ maxPeers: 4, ...using });
    const other = new RateLimiter({ maxPeers: 4, ...using });
    const peer = limiter.peer('peer');
    assert.ok(limiter.owns(peer));
    assert.not(other.owns(peer));
    peer.release();
    assert.ok(limiter.owns(peer));
    const copies = [Object.create(peer), new Proxy(peer, {}), { ...peer }];
    for (const value of [undefined, null, 5, 'peer', Symbol('peer'), {}, limiter, () => peer, ...copies]) {
      assert.not(limiter.owns(value));
    }
  });

  test.run();
}

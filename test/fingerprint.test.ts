/** Fingerprints, by which the table tells peers apart. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as layout from '../assembly/layout.js';
import { RateLimiter } from '../src/index.js';
import { engines } from './engines.js';
import { siphash13 } from './siphash.js';
import { withMemories } from './support.js';

/** The key for which the authors of SipHash give values: bytes 0 to 15. */
const KEY: [bigint, bigint] = [0x0706050403020100n, 0x0f0e0d0c0b0a0908n];

const reference = suite('SipHash-1-3');

reference('what the core is compared with gives the known value for no bytes', () => {
  assert.is(siphash13(KEY, new Uint8Array()), 0xabac0158050fc4dcn);
});

reference.run();

for (const { name, using } of engines) {
  const test = suite(`fingerprints (${name})`);

  test('the fingerprint is the SipHash-1-3 of the ID, whatever its length and whatever stood in the room before', () => {
    const lengths = [1_024, 1_023, ...Array.from({ length: 70 }, (_, i) => i + 1)];
    const [limiter, [memory]] = withMemories(() => new RateLimiter({ maxPeers: 100, clock: () => 0, ...using }));
    const { buffer } = memory as WebAssembly.Memory;
    limiter.getCircuitState('draws the key');
    new BigUint64Array(buffer, layout.AT_KEY, 2).set(KEY);
    for (const [slot, length] of lengths.entries()) {
      const id = Uint8Array.from({ length }, (_, i) => i * 7 + length);
      limiter.check(id);
      const row = new DataView(buffer, layout.ROWS + slot * layout.ROW_BYTES);
      assert.is(row.getBigUint64(layout.ROW_FINGERPRINT, true), siphash13(KEY, id), `${length} bytes`);
    }
  });

  test.run();
}

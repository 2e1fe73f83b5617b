/** The checksum of snapshots. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { crc32, crc32ByTables } from '../src/crc32.js';
import { between, chance, utf8 } from './support.js';

const SEED = 7_041;
const test = suite('crc32');

/** As the standard defines it, bit by bit. */
function bitByBit(bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1 ? 0xedb88320 : 0) ^ (crc >>> 1);
  }
  return ~crc >>> 0;
}

const ways: [string, (bytes: Uint8Array, before: number) => number][] = [
  ['the best there is', crc32],
  ['the one with tables', crc32ByTables],
];

for (const [name, crc] of ways) {
  test(`${name} gives the result of the standard`, () => {
    assert.is(crc(utf8('123456789'), 0), 0xcbf43926);
    assert.is(crc(new Uint8Array(0), 0), 0);
    const random = chance(SEED);
    for (let length = 0; length < 200; length++) {
      const bytes = Uint8Array.from({ length }, () => between(random, 0, 255));
      assert.is(crc(bytes, 0), bitByBit(bytes));
    }
  });

  test(`${name} can continue after any number of bytes`, () => {
    const random = chance(SEED + 1);
    const bytes = Uint8Array.from({ length: 100 }, () => between(random, 0, 255));
    const whole = bitByBit(bytes);
    for (let cut = 0; cut <= bytes.length; cut++) {
      assert.is(crc(bytes.subarray(cut), crc(bytes.subarray(0, cut), 0)), whole);
    }
  });
}

/** The module as it loads where `process` is this. */
async function loadedWith(process: unknown, name: string): Promise<typeof crc32> {
  const own = Object.getOwnPropertyDescriptor(globalThis, 'process') as PropertyDescriptor;
  Object.defineProperty(globalThis, 'process', { value: process, configurable: true });
  try {
    const fresh = (await import(`../src/crc32.js?${name}`)) as { crc32: typeof crc32 };
    fresh.crc32(new Uint8Array(0));
    return fresh.crc32;
  } finally {
    Object.defineProperty(globalThis, 'process', own);
  }
}

test('the checksum of zlib is used if it exists', async () => {
  const calls: unknown[] = [];
  const zlib = { crc32: (...args: unknown[]) => calls.push(args) };
  const loaded = await loadedWith({ getBuiltinModule: (id: string) => id === 'node:zlib' && zlib }, 'zlib');
  const bytes = utf8('a');
  loaded(bytes, 7);
  assert.is((calls.at(-1) as unknown[])[0], bytes);
  assert.is((calls.at(-1) as unknown[])[1], 7);
});

test('without process, without zlib, or with a zlib that has no crc32, the tables are used', async () => {
  const without = [undefined, {}, { getBuiltinModule: () => undefined }, { getBuiltinModule: () => ({}) }];
  for (const [i, process] of without.entries()) {
    assert.is((await loadedWith(process, `${i}`))(utf8('123456789')), 0xcbf43926);
  }
});

test.run();

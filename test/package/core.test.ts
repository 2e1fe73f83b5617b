// The builds of the core, looked at from outside: what they import, what they carry, how large they are.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { repository } from './installed.js';

/** Sections by their number in the binary format. */
const SECTIONS = [
  'custom',
  'type',
  'import',
  'function',
  'table',
  'memory',
  'global',
  'export',
  'start',
  'element',
  'code',
];
const ALLOWED = ['type', 'import', 'function', 'global', 'export', 'code'];

/** An unoptimized build has names, and a table of functions with nothing in it. */
const DEBUGGING = ['custom', 'table', 'element'];

/** The names of a module's sections, in order; numbers for those past `code`: 11 data, 12 data count. */
function sectionsOf(bytes: Uint8Array): string[] {
  const found: string[] = [];
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at++] as number;
    let size = 0;
    for (let shift = 0, byte = 0x80; byte >= 0x80; shift += 7) {
      byte = bytes[at++] as number;
      size += (byte & 0x7f) * 2 ** shift;
    }
    at += size;
    found.push(SECTIONS[id] ?? String(id));
  }
  return found;
}

const builds = [
  { name: 'release', file: 'core.wasm', largest: 29_184 },
  { name: 'shared', file: 'core.shared.wasm', largest: 31_744 },
  { name: 'debug', file: 'core.debug.wasm', largest: 77_824 },
] as const;

for (const { name, file, largest } of builds) {
  const test = suite(`the core as built (${name})`);
  const bytes = readFileSync(join(repository, 'build', file));
  const module = new WebAssembly.Module(bytes);

  test('it imports memory and nothing else', () => {
    assert.equal(WebAssembly.Module.imports(module), [{ module: 'env', name: 'memory', kind: 'memory' }]);
  });

  test('it has no data and no start: a second instance over a table changes nothing in it', () => {
    const allowed = name === 'debug' ? [...ALLOWED, ...DEBUGGING] : ALLOWED;
    assert.equal(
      sectionsOf(bytes).filter((section) => !allowed.includes(section)),
      [],
    );
  });

  test('no 64-bit integer crosses into JavaScript, where it would be a BigInt', () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 65_536, shared: name === 'shared' });
    const exported = new WebAssembly.Instance(module, { env: { memory } }).exports;
    for (const [called, value] of Object.entries(exported)) {
      if (typeof value !== 'function') continue;
      const returned: unknown = value(0, 0, 0, 0, 0, 0, 0, 0); // throws where a BigInt is expected
      assert.is.not(typeof returned, 'bigint', called);
    }
  });

  test(`it takes at most ${largest} bytes`, () => {
    console.log(`${file}: ${bytes.length} bytes`);
    assert.ok(bytes.length <= largest, String(bytes.length));
  });

  test.run();
}

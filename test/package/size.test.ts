// What `npm run size` says is what the files weigh.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { entryFiles } from '../../scripts/build/dist.js';
import { root } from '../../scripts/build/stamp.js';

const test = suite('npm run size');

test('it prints the bytes of every entry and of the cores, as they are and compressed', () => {
  const command = ['--import', 'tsx', 'scripts/size.ts'];
  const { status, stdout } = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' });
  assert.is(status, 0);
  const said = new Map(
    [...stdout.matchAll(/^(\S+) +(\d+) +(\d+)$/gm)].map(([, file, bytes, gzip]) => [file, [bytes, gzip].map(Number)]),
  );
  const expected = [...entryFiles().map((file) => `dist/${file}`), 'build/core.wasm', 'build/core.shared.wasm'];
  assert.equal([...said.keys()], expected);
  for (const file of expected) {
    const bytes = readFileSync(join(root, file));
    const compressed = gzipSync(bytes, { level: 9 });
    assert.equal(gunzipSync(compressed), bytes);
    assert.equal(said.get(file), [bytes.length, compressed.length], file);
  }
});

test.run();

// `npm run size`: what each entry weighs, as it is and as a server would compress it. An adapter imports the entry, which
// is not counted in its line.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { buildCore } from './build/core.js';
import { buildDist, entryFiles } from './build/dist.js';
import { root } from './build/stamp.js';

/** For the two cores, which the entry carries as text. */
const CORES = ['build/core.wasm', 'build/core.shared.wasm'];

await buildCore();
await buildDist();
const rows = [...entryFiles().map((file) => `dist/${file}`), ...CORES].map((file) => {
  const bytes = readFileSync(join(root, file));
  return { file, bytes: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
});
const width = Math.max(...rows.map(({ file }) => file.length));
console.log(`${''.padEnd(width)} ${'bytes'.padStart(8)} ${'gzip'.padStart(8)}`);
for (const { file, bytes, gzip } of rows) {
  console.log(`${file.padEnd(width)} ${String(bytes).padStart(8)} ${String(gzip).padStart(8)}`);
}

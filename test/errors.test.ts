/** Every stable error code has a heading of its own in docs/errors.md, and every heading there a code. */

import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errorCodes } from '../src/index.js';

const test = suite('error codes');
const root = new URL('../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

function codesIn(text: string): Set<string> {
  return new Set(text.match(/\bERR_PEERGATE_[A-Z_]*[A-Z]\b/g) ?? []);
}

const sources = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('.ts'),
);
const used = codesIn(sources.map((path) => read(`src/${path}`)).join('\n'));

test('every code that src/errors.ts lists is used in the sources', () => {
  const listed = codesIn(read('src/errors.ts'));
  assert.ok(listed.size >= 6, `${listed.size} codes in src/errors.ts`);
  for (const code of listed) assert.ok(used.has(code));
});

test('errorCodes lists every code of the limiter and of the guard, once', () => {
  const own = sources.filter((path) => !path.startsWith('adapters/'));
  const inSources = codesIn(own.map((path) => read(`src/${path}`)).join('\n'));
  assert.equal([...errorCodes].sort(), [...inSources].sort());
});

test('every code has a heading in docs/errors.md', () => {
  const headings = read('docs/errors.md')
    .split('\n')
    .filter((line) => /^#{2,6} /.test(line));
  for (const code of used) {
    const own = headings.filter((line) => codesIn(line).has(code));
    assert.is(own.length, 1, `${code} has ${own.length} headings`);
  }
});

test('every code in docs/errors.md exists', () => {
  for (const code of codesIn(read('docs/errors.md'))) assert.ok(used.has(code), `${code} is nowhere in the sources`);
});

test.run();

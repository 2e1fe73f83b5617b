// The pages of the package as a user has them: every link leads to a file of the package, and to a section that is there.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { filesBelow, root } from '../../scripts/build/stamp.js';
import { install } from './installed.js';
import { anchorsOf, relativeLinksOf } from './links.js';

const test = suite('the pages in the package');
const { package: folder, files } = install();

/** What is wrong with the links of these pages, each a path below `base`. */
function deadLinks(base: string, pages: readonly string[]): string[] {
  return pages.flatMap((page) => {
    const text = readFileSync(join(base, page), 'utf8');
    return relativeLinksOf(text).flatMap((link) => {
      const [path = '', anchor] = decodeURI(link).split('#');
      const target = path === '' ? page : normalize(join(dirname(page), path));
      const file = join(base, target);
      if (target.startsWith('..') || !existsSync(file)) return [`${page} links to ${link}, which is not there`];
      if (anchor === undefined || !target.endsWith('.md') || statSync(file).isDirectory()) return [];
      const found = anchorsOf(readFileSync(file, 'utf8')).has(anchor);
      return found ? [] : [`${page} links to ${link}, and ${target} has no such section`];
    });
  });
}

const packed = files.filter((file) => file.endsWith('.md'));

test('every link leads to a file of the package and to a section of it', () => {
  assert.ok(packed.includes('README.md') && packed.includes('docs/rpc.md') && packed.includes('docs/api/README.md'));
  const links = packed.flatMap((page) => relativeLinksOf(readFileSync(join(folder, page), 'utf8')));
  assert.ok(links.length > 20, `only ${links.length} links were found`);
  assert.equal(deadLinks(folder, packed), []);
});

test('every page of the repository that is not packed has links that lead somewhere, too', () => {
  const pages = filesBelow('docs').filter((file) => file.endsWith('.md'));
  for (const page of ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'])
    if (existsSync(join(root, page))) pages.push(page);
  assert.equal(deadLinks(root, pages), []);
});

test('nobody who has only the package is told to run a command of the repository, without being told so', () => {
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  const paragraphs = readme.split(/\n{2,}/);
  for (const [i, paragraph] of paragraphs.entries()) {
    if (!paragraph.includes('npm run docs')) continue;
    // The sentence itself, or what its section has said above it.
    const heading = paragraphs.findLastIndex((text, at) => at <= i && text.startsWith('#'));
    const said = paragraphs.slice(Math.max(0, heading), i + 1).join('\n');
    assert.ok(/\bclone\b|\brepository\b/i.test(said), `in a clone only: ${paragraph}`);
  }
});

test('an example imports the package by its name, as its reader would', () => {
  const examples = files.filter((file) => /^examples\/.*\.ts$/.test(file));
  assert.ok(examples.length >= 5);
  for (const file of examples) {
    const imports = [...readFileSync(join(folder, file), 'utf8').matchAll(/from '([^']+)'/g)].map(([, from]) => from);
    assert.equal(
      imports.filter((from) => from?.startsWith('.')),
      [],
      file,
    );
  }
});

test('links and sections are told apart from code, and headings become anchors as on GitHub', () => {
  const page =
    '# A `b` (c)\n## Two\n## Two\n```ts\n# [no](no.md)\n```\n`[no](no.md)` [`yes`](yes.md#a) ![p](p.svg) <img src="q.svg">\n';
  assert.equal(relativeLinksOf(page), ['yes.md#a', 'p.svg', 'q.svg']);
  assert.equal([...anchorsOf(page)], ['a-b-c', 'two', 'two-1']);
});

test.run();

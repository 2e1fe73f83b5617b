/** The README keeps its word: its examples print what it says, its commands exist, its links lead somewhere. */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('README');
const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(`${root}/${path}`, 'utf8');
const readme = read('README.md');

test('each of its examples has at most 25 lines and prints the text that follows it', () => {
  const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```[\s\S]*?```text\n([\s\S]*?)```/g)];
  assert.is(examples.length, 3);
  assert.is(readme.split('```ts\n').length - 1, examples.length);
  const file = `${root}/build/readme-example.${process.pid}.ts`;
  try {
    // Time stands still in them, so that no bucket fills while a busy machine lets them wait.
    const still = ['--import', 'data:text/javascript,performance.now=()=>0'];
    for (const [, code = '', printed = ''] of examples) {
      assert.ok(code.trimEnd().split('\n').length <= 25, code);
      writeFileSync(file, code);
      const command = [...still, '--import', 'tsx', file];
      const { stdout, stderr } = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' });
      assert.is(stderr, '');
      // N stands for milliseconds: a reader's clock does not stand still.
      assert.is(stdout.replace(/\d+ ms/g, 'N ms'), printed);
    }
  } finally {
    rmSync(file, { force: true });
  }
});

test('its commands are scripts of the package', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = [...readme.matchAll(/npm (?:run )?(test|bench|demo|check|docs|build)\b/g)].map(
    ([, name]) => name as string,
  );
  assert.ok(named.includes('demo') && named.includes('test'));
  for (const name of named) assert.ok(scripts[name], `npm run ${name}`);
});

test('every link of the README and of the pages leads to a file', () => {
  const pages = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md'];
  for (const page of readdirSync(`${root}/docs`)) if (page.endsWith('.md')) pages.push(`docs/${page}`);
  for (const page of pages) {
    for (const [, link = ''] of read(page).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (/^https?:/.test(link)) continue;
      const path = fileURLToPath(new URL(link, `file://${root}/${page}`));
      assert.ok(existsSync(path), `${page} links to ${link}`);
    }
  }
});

test.run();

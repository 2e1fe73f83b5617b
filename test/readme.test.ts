/** The README keeps its word: its example runs and prints what it says, its commands exist, its links lead somewhere. */

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('README');
const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(`${root}/${path}`, 'utf8');
const readme = read('README.md');

test('its example has 25 lines and prints what it says', () => {
  const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  assert.ok(code.trimEnd().split('\n').length <= 26, `${code.split('\n').length} lines`);
  const file = `${root}/build/readme-example.${process.pid}.ts`;
  writeFileSync(file, code);
  try {
    // Time stands still in it, so that no bucket fills while a busy machine lets it wait.
    const still = ['--import', 'data:text/javascript,performance.now=()=>0'];
    const command = [...still, '--import', 'tsx', file];
    const { stdout, stderr } = spawnSync(process.execPath, command, { cwd: root, encoding: 'utf8' });
    assert.is(stderr, '');
    const lines = stdout.trim().split('\n');
    assert.equal(lines.slice(0, 20), new Array(20).fill('ok'));
    assert.match(lines[20] ?? '', /^no: rate_limited, try again in 100 ms$/);
    assert.equal(lines.slice(21), ['answered']);
  } finally {
    rmSync(file);
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

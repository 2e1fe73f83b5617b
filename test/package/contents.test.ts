// What the tarball holds, and what the files in it ask of whoever loads them.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { attwFindings, publintFindings } from '../../scripts/package.js';
import { install, repository } from './installed.js';

const test = suite('the tarball');
const installed = install();

const inPackage = (path: string) => join(installed.package, path);
const manifest = JSON.parse(readFileSync(inPackage('package.json'), 'utf8')) as Record<string, unknown>;

/** What a file imports, statically or not. */
async function importsOf(path: string): Promise<string[]> {
  const found = new Set<string>();
  await build({
    entryPoints: [inPackage(path)],
    bundle: true,
    write: false,
    format: 'esm',
    plugins: [
      {
        name: 'note',
        setup: ({ onResolve }) =>
          onResolve({ filter: /.*/ }, ({ kind, path: specifier }) => {
            if (kind === 'entry-point') return null;
            found.add(specifier);
            return { path: specifier, external: true };
          }),
      },
    ],
  });
  return [...found].sort();
}

test('it holds the built files and the words about them, nothing else', () => {
  const { files } = installed;
  const odd = files.filter(
    (file) =>
      !/^(dist\/.+|docs\/(api\/)?([\w-]+\/)?[\w.-]+\.(md|svg|png)|dashboards\/[\w-]+\.(json|yml)|examples\/[\w.-]+\.(ts|mjs)|package\.json|[A-Z]+\.md|LICENSE)$/.test(
        file,
      ),
  );
  assert.equal(odd, []);
  const words = ['LICENSE', 'README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs/api/README.md'];
  for (const file of [...words, 'dist/index.js', 'dist/core.wasm'])
    assert.ok(files.includes(file), `${file} is missing`);
});

test('the declarations hold no bytes of the core: they are as short as what they declare', () => {
  const types = installed.files.filter((file) => file.endsWith('.d.ts'));
  assert.ok(types.length > 10);
  for (const file of types) {
    const longest = Math.max(
      ...readFileSync(inPackage(file), 'utf8')
        .split('\n')
        .map((line) => line.length),
    );
    assert.ok(longest < 1_000, `${file} has a line of ${longest} characters`);
  }
});

test('it names no public home before there is one', () => {
  for (const field of ['repository', 'bugs', 'homepage']) assert.is(manifest[field], undefined, field);
});

test('it needs nothing at run time and runs nothing when it is installed', () => {
  assert.is(manifest['dependencies'], undefined);
  const peers = [
    '@connectrpc/connect',
    '@connectrpc/connect-node',
    '@grpc/grpc-js',
    '@libp2p/gossipsub',
    '@libp2p/interface',
    '@metamask/json-rpc-engine',
    '@opentelemetry/api',
    '@trpc/server',
    'ioredis',
    'iovalkey',
    'json-rpc-2.0',
    'pino',
    'prom-client',
    'redis',
    'socket.io',
  ];
  assert.equal(Object.keys(manifest['peerDependencies'] as object).sort(), peers);
  assert.equal(manifest['peerDependenciesMeta'], Object.fromEntries(peers.map((name) => [name, { optional: true }])));
  const scripts = Object.keys(manifest['scripts'] as object);
  assert.equal(
    scripts.filter((name) => /^(pre|post)?(install|prepare)$/.test(name)),
    [],
  );
});

test('publint has nothing to say, however strict', async () => {
  assert.equal(await publintFindings(installed.tarball), []);
});

test('attw finds the types of every entry', () => {
  assert.is(attwFindings(installed.tarball), '');
});

test('every file that `exports` names is there', () => {
  const targets = Object.values(manifest['exports'] as Record<string, string | Record<string, string>>);
  for (const path of targets.flatMap((target) => (typeof target === 'string' ? [target] : Object.values(target)))) {
    assert.ok(readFileSync(inPackage(path)).length > 0, path);
  }
});

test('the entry is one file: a page without a bundler can load it', async () => {
  assert.equal(await importsOf('dist/index.js'), []);
});

test('for Workers it imports the core as a file', async () => {
  assert.equal(await importsOf('dist/index.workerd.js'), ['./core.wasm']);
});

test('the adapter imports the entries below it and not its framework', async () => {
  assert.equal(await importsOf('dist/adaptive.js'), ['./index.js']);
  assert.equal(await importsOf('dist/address.js'), ['./index.js']);
  assert.equal(await importsOf('dist/cluster.js'), ['./index.js']);
  assert.equal(await importsOf('dist/cluster.workerd.js'), ['./index.workerd.js']);
  assert.equal(await importsOf('dist/http.js'), ['./address.js', './index.js']);
  assert.equal(await importsOf('dist/fetch.js'), ['./address.js', './index.js']);
  assert.equal(await importsOf('dist/fetch.workerd.js'), ['./address.workerd.js', './index.workerd.js']);
  assert.equal(await importsOf('dist/flow.js'), ['./index.js']);
  assert.equal(await importsOf('dist/json-rpc.js'), ['./flow.js', './index.js']);
  assert.equal(await importsOf('dist/libp2p.js'), ['./index.js']);
  assert.equal(await importsOf('dist/json-rpc.workerd.js'), ['./flow.workerd.js', './index.workerd.js']);
});

test('an adapter that builds on classes of its framework imports that framework and nothing else of it', async () => {
  assert.equal(await importsOf('dist/grpc.js'), ['./address.js', './index.js', '@grpc/grpc-js']);
  assert.equal(await importsOf('dist/connect.js'), ['./address.js', './index.js', '@connectrpc/connect']);
});

test('the command line imports the entries and Node', async () => {
  const imports = await importsOf('dist/cli.js');
  assert.equal(
    imports.filter((specifier) => !specifier.startsWith('node:')),
    ['./address.js', './index.js'],
  );
});

test('telemetry imports the entry, and nothing of what it reports to', async () => {
  for (const name of ['telemetry', 'prometheus']) {
    assert.equal(await importsOf(`dist/${name}.js`), ['./index.js']);
    assert.equal(await importsOf(`dist/${name}.workerd.js`), ['./index.workerd.js']);
  }
});

test('the bytes embedded in the entry are those of core.wasm', () => {
  const base64 = readFileSync(inPackage('dist/core.wasm')).toString('base64');
  assert.ok(readFileSync(inPackage('dist/index.js'), 'utf8').includes(base64));
  assert.not.ok(readFileSync(inPackage('dist/index.workerd.js'), 'utf8').includes(base64));
});

test('the licence of the loader that is bundled comes with it', () => {
  const text = readFileSync(inPackage('dist/THIRD-PARTY-LICENSES.txt'), 'utf8');
  assert.match(text, '@assemblyscript/loader');
  assert.match(text, /Apache License\s+Version 2\.0/);
  assert.match(readFileSync(inPackage('dist/index.js'), 'utf8'), 'THIRD-PARTY-LICENSES.txt');
});

test('nothing in it names a path of the machine it was built on', () => {
  const files = readdirSync(inPackage('dist'), { recursive: true, encoding: 'utf8' }).map((name) =>
    inPackage(`dist/${name}`),
  );
  const telling = files.filter((file) => statSync(file).isFile() && readFileSync(file).includes(repository));
  assert.equal(telling, []);
});

test.run();

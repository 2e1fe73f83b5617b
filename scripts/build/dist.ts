// What is published: one bundled file for each entry and each way to come by the core, types, the core as a file.
// The entries are read from package.json's `exports`; to add an adapter, add it there.

import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { runNode } from './node.js';
import { INSTALLED, root, step } from './stamp.js';

const INPUTS = [
  ...[
    'src',
    'assembly/layout.ts',
    'assembly/debt-layout.ts',
    'assembly/event-layout.ts',
    'assembly/setting-layout.ts',
    'build/core.wasm',
    'scripts/build',
  ],
  ...['package.json', 'package-lock.json', ...INSTALLED, 'tsconfig.json', 'tsconfig.build.json'],
];

/** Where an entry's source is that is not an adapter. */
const ENTRIES: Readonly<Record<string, string>> = {
  index: 'src/index.ts',
  flow: 'src/flow/index.ts',
  telemetry: 'src/telemetry/index.ts',
  prometheus: 'src/telemetry/prometheus.ts',
  adaptive: 'src/adaptive/index.ts',
  cluster: 'src/cluster/index.ts',
  cli: 'src/cli/main.ts',
};

/** What `npx peergate` runs. It imports the entries like an adapter, and Node. */
const CLI = 'cli.js';

const NOTICE = '/* Contains @assemblyscript/loader, Apache-2.0: see THIRD-PARTY-LICENSES.txt */';

const SHEBANG = '#!/usr/bin/env node';

/** Loaded with the types of every entry, for projects that have neither these names nor this library otherwise. */
const AMBIENT = `/// <reference lib="esnext.disposable" />
// The DOM's types declare these too; where both are, they merge.
declare namespace WebAssembly {
  interface Module {}
  interface Memory {}
}
`;

const CORE_TYPES = `/// <reference path="./types/ambient.d.ts" />
declare const module: WebAssembly.Module;
export default module;
`;

export async function buildDist(): Promise<void> {
  await step('dist/', INPUTS, ['dist'], async () => {
    const draft = join(root, `build/dist.${process.pid}`);
    const old = join(root, `build/dist.${process.pid}.old`);
    mkdirSync(draft, { recursive: true });
    try {
      for (const file of entryFiles()) await bundle(file, join(draft, file));
      await bundle(CLI, join(draft, CLI));
      await emitTypes(join(draft, 'types'));
      copyFileSync(join(root, 'build/core.wasm'), join(draft, 'core.wasm'));
      writeFileSync(join(draft, 'core.wasm.d.ts'), CORE_TYPES);
      writeFileSync(join(draft, 'THIRD-PARTY-LICENSES.txt'), thirdPartyLicenses());
      if (existsSync(join(root, 'dist'))) renameSync(join(root, 'dist'), old);
      renameSync(draft, join(root, 'dist'));
    } finally {
      rmSync(draft, { recursive: true, force: true });
      rmSync(old, { recursive: true, force: true });
    }
  });
}

/** The files that `exports` promises under a condition other than `types`: `index.js`, `index.workerd.js`, … */
export function entryFiles(): string[] {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, string | Record<string, string>>;
  };
  return Object.values(exports).flatMap((target) =>
    typeof target === 'string'
      ? []
      : Object.entries(target)
          .filter(([condition, file]) => condition !== 'types' && file.endsWith('.js'))
          .map(([, file]) => basename(file)),
  );
}

async function bundle(file: string, outfile: string): Promise<void> {
  const [, name = '', variant = ''] = /^(.*?)(?:\.(workerd))?\.js$/.exec(file) ?? [];
  await build({
    absWorkingDir: root,
    entryPoints: [ENTRIES[name] ?? `src/adapters/${name}.ts`],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    target: 'es2022',
    banner: name === 'index' ? { js: NOTICE } : file === CLI ? { js: SHEBANG } : {},
    plugins: [wiring(variant === '' ? '' : `.${variant}`)],
    logLevel: 'warning',
  });
}

/**
 * An adapter shares the classes of the public entries, so it imports those files and does not bundle them; a variant takes
 * the files that its platform has of its own. Of other packages the loader alone is bundled.
 */
function wiring(variant: string): Plugin {
  return {
    name: 'wiring',
    setup({ onResolve }) {
      onResolve({ filter: /^\.\.?\/.*\.(js|wasm)$/ }, ({ path, resolveDir }) => {
        const source = relative(root, join(resolveDir, path)).replaceAll('\\', '/');
        if (source === 'src/index.js') return { path: `./index${variant}.js`, external: true };
        if (source === 'src/flow/index.js') return { path: `./flow${variant}.js`, external: true };
        if (source === 'src/adapters/address.js') return { path: `./address${variant}.js`, external: true };
        if (source === 'src/wasm/core.wasm') return { path: './core.wasm', external: true };
        const own = join(root, source.replace(/\.js$/, `${variant}.ts`));
        return variant !== '' && existsSync(own) ? { path: own } : null;
      });
      onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
        kind === 'entry-point' || path === '@assemblyscript/loader' ? null : { path, external: true },
      );
    },
  };
}

async function emitTypes(outDir: string): Promise<void> {
  await runNode('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--outDir', outDir);
  const index = join(outDir, 'src/index.d.ts');
  writeFileSync(index, `/// <reference path="../ambient.d.ts" />\n${readFileSync(index, 'utf8')}`);
  writeFileSync(join(outDir, 'ambient.d.ts'), AMBIENT);
}

/** The loader's package brings no licence text; the compiler, from the same repository, does. */
function thirdPartyLicenses(): string {
  const text = (path: string) => readFileSync(join(root, 'node_modules', path), 'utf8').trim();
  const { version } = JSON.parse(text('@assemblyscript/loader/package.json')) as { version: string };
  return [
    `index.js and index.workerd.js contain @assemblyscript/loader ${version}, https://github.com/AssemblyScript/assemblyscript,`,
    'under the Apache License 2.0. Its notice and its licence follow.',
    text('assemblyscript/NOTICE'),
    text('assemblyscript/LICENSE'),
    '',
  ].join('\n\n');
}

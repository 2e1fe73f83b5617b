// The WebAssembly builds, each a target of asconfig.json, and the bytes of those that are embedded as a module of text.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { root, step, writeWhole } from './stamp.js';

/** The targets, and where each goes. */
export const TARGETS = {
  release: 'build/core.wasm',
  debug: 'build/core.debug.wasm',
  shared: 'build/core.shared.wasm',
} as const;

const EMBEDDED = 'src/wasm/embedded.ts';

export async function buildCore(): Promise<void> {
  await step(
    'core',
    ['assembly', 'asconfig.json', 'package-lock.json', 'scripts/build'],
    Object.values(TARGETS),
    compile,
  );
  await step('embedded', [TARGETS.release, TARGETS.shared, 'scripts/build/core.ts'], [EMBEDDED], embed);
}

function compile(): void {
  mkdirSync(join(root, 'build'), { recursive: true });
  const draft = (file: string) => `${file}.${process.pid}`;
  const pairs = Object.entries(TARGETS).map(([target, file]) => `${target}=${draft(file)}`);
  execFileSync(process.execPath, ['scripts/build/asc.mjs', ...pairs], { cwd: root, stdio: 'inherit' });
  for (const file of Object.values(TARGETS)) renameSync(join(root, draft(file)), join(root, file));
}

function embed(): void {
  const constant = (name: string, file: string) =>
    `export const ${name} = '${readFileSync(join(root, file)).toString('base64')}';\n`;
  const text = constant('CORE_BASE64', TARGETS.release) + constant('SHARED_CORE_BASE64', TARGETS.shared);
  writeWhole(join(root, EMBEDDED), text);
}

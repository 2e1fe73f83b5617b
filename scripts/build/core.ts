// The WebAssembly builds, each a target of asconfig.json, and the bytes of those that are embedded as a module of text.

import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { runNode } from './node.js';
import { INSTALLED, root, step, writeWhole } from './stamp.js';

/** The targets, and where each goes. */
export const TARGETS = {
  release: 'build/core.wasm',
  debug: 'build/core.debug.wasm',
  shared: 'build/core.shared.wasm',
} as const;

const EMBEDDED = 'src/wasm/embedded.ts';

export async function buildCore(): Promise<void> {
  await step(
    'the core',
    ['assembly', 'asconfig.json', 'package-lock.json', ...INSTALLED, 'scripts/build'],
    Object.values(TARGETS),
    compile,
  );
  await step('the embedded core', [TARGETS.release, TARGETS.shared, 'scripts/build/core.ts'], [EMBEDDED], () =>
    embed(),
  );
}

async function compile(): Promise<void> {
  mkdirSync(join(root, 'build'), { recursive: true });
  const draft = (file: string) => `${file}.${process.pid}`;
  const pairs = Object.entries(TARGETS).map(([target, file]) => `${target}=${draft(file)}`);
  await runNode('scripts/build/asc.mjs', ...pairs);
  for (const file of Object.values(TARGETS)) renameSync(join(root, draft(file)), join(root, file));
}

/** Writes the compiled builds into a source of the project, or of a copy of it in another folder. */
export function embed(folder: string = root): void {
  // Declared a string: the type of a constant would be its text, and all of that would stand in the declarations.
  const constant = (name: string, file: string) =>
    `export const ${name}: string = '${readFileSync(join(folder, file)).toString('base64')}';\n`;
  const text = constant('CORE_BASE64', TARGETS.release) + constant('SHARED_CORE_BASE64', TARGETS.shared);
  writeWhole(join(folder, EMBEDDED), text);
}

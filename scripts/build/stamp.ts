// Whether a step's outputs are what its inputs make: a hash of both is kept after each build. Times of modification
// would be cheaper, but a checkout or an unpacked archive sets them at will.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { during } from '../progress.js';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * What builds read of node_modules: the list of what npm put there, with each version, and the loader, which is bundled. A
 * step that has these among its inputs runs again when a package was replaced, although the lock file is the same.
 */
export const INSTALLED = ['node_modules/.package-lock.json', 'node_modules/@assemblyscript/loader'];

/** The files below a path, itself if it is one; relative to the root, sorted. */
export function filesBelow(path: string): string[] {
  if (!existsSync(join(root, path))) return [];
  if (statSync(join(root, path)).isFile()) return [path];
  return readdirSync(join(root, path))
    .sort()
    .flatMap((name) => filesBelow(`${path}/${name}`));
}

/** A hash of the names and bytes of all these files. */
export function hashOf(inputs: readonly string[], outputs: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of [...inputs, ...outputs].flatMap(filesBelow)) {
    const bytes = readFileSync(join(root, path));
    hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

/** Runs `make`, with `name` as what it makes, unless nothing that it reads or writes has changed since it last did. Paths are files or folders. */
export async function step(
  name: string,
  inputs: readonly string[],
  outputs: readonly string[],
  make: () => Promise<void> | void,
): Promise<void> {
  const stamp = join(root, 'build/stamps', name.replace(/\W+/g, '-'));
  const complete = outputs.every((path) => existsSync(join(root, path)));
  if (complete && existsSync(stamp) && readFileSync(stamp, 'utf8') === hashOf(inputs, outputs)) return;
  await during(`building ${name}`, make);
  writeWhole(stamp, hashOf(inputs, outputs));
}

/** Makes every step run again, for what is published: nobody has to know then what else it may depend on. */
export function forgetStamps(): void {
  rmSync(join(root, 'build/stamps'), { recursive: true, force: true });
}

/** Writes a file so that nobody ever reads half of it. */
export function writeWhole(path: string, data: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, data);
  renameSync(draft, path);
}

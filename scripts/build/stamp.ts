// Whether a step's outputs are what its inputs make: a hash of both is kept after each build. Times of modification
// would be cheaper, but a checkout or an unpacked archive sets them at will.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** The files below a path, itself if it is one; relative to the root, sorted. */
export function filesBelow(path: string): string[] {
  if (!existsSync(join(root, path))) return [];
  if (statSync(join(root, path)).isFile()) return [path];
  return readdirSync(join(root, path))
    .sort()
    .flatMap((name) => filesBelow(`${path}/${name}`));
}

/** A hash of the names and the bytes of these files and of those below these folders. */
export function hashOf(...paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths.flatMap(filesBelow)) {
    const bytes = readFileSync(join(root, path));
    hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

/** Runs `make` unless nothing that it reads or writes has changed since it last did. Paths are files or folders. */
export async function step(
  name: string,
  inputs: readonly string[],
  outputs: readonly string[],
  make: () => Promise<void> | void,
): Promise<void> {
  const stamp = join(root, 'build/stamps', name);
  const complete = outputs.every((path) => existsSync(join(root, path)));
  if (complete && existsSync(stamp) && readFileSync(stamp, 'utf8') === hashOf(...inputs, ...outputs)) return;
  const started = performance.now();
  await make();
  writeWhole(stamp, hashOf(...inputs, ...outputs));
  console.error(`built ${name} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

/** Writes a file so that nobody ever reads half of it. */
export function writeWhole(path: string, data: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, data);
  renameSync(draft, path);
}

// Installs what only the benchmarks need: the other libraries, and other versions of Node. They come from npm when a question
// needs them, and go into bench/node_modules.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));

function npm(args: readonly string[], cwd: string): void {
  execFileSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd, stdio: ['ignore', 2, 2] });
}

export function hasLibraries(): boolean {
  return existsSync(`${folder}node_modules/.package-lock.json`);
}

export function installLibraries(): void {
  npm(['ci'], folder);
}

/** The path of the Node that runs this, or of another version. */
export function engineOf(version: string | undefined): string {
  if (version === undefined) return process.execPath;
  if (!/^\d+(\.\d+)*$/.test(version)) throw new Error(`--node: expected a version, got ${version}`);
  const home = `${folder}node_modules/.engines/${version}`;
  const binary = `${home}/node_modules/node/bin/node`;
  if (!existsSync(binary)) {
    mkdirSync(home, { recursive: true });
    writeFileSync(`${home}/package.json`, '{"private":true}\n');
    npm(['install', `node@${version}`], home);
  }
  return binary;
}

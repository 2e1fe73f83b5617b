// The packed tarball, installed in an empty folder as a user would. The runner has built dist/ before.

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pack } from '../../scripts/package.js';

export const repository = fileURLToPath(new URL('../../', import.meta.url));

export interface Installed {
  readonly tarball: string;
  /** The paths in it, below the package's folder. */
  readonly files: readonly string[];
  /** A project without anything but the package. */
  readonly project: string;
  /** The package in it. */
  readonly package: string;
}

/** Packs and installs; the folder goes when the process does. */
export function install(): Installed {
  if (!existsSync(join(repository, 'dist/index.js'))) throw new Error('dist/ is missing: run `npm run build` first');
  const folder = mkdtempSync(join(tmpdir(), 'peergate-package-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const tarball = pack(folder);
  const project = join(folder, 'project');
  put(project, 'package.json', JSON.stringify({ name: 'user', private: true, type: 'module' }));
  const flags = ['install', '--offline', '--no-audit', '--no-fund', '--omit=peer', '--silent', tarball];
  execFileSync('npm', flags, { cwd: project, stdio: ['ignore', 'ignore', 'inherit'] });
  const listed = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' }).trim().split('\n');
  const files = listed.map((path) => path.replace(/^package\//, ''));
  return { tarball, files, project, package: join(project, 'node_modules/peergate') };
}

/** A further package of the repository's own dependencies, as if the user had installed it. */
export function add(project: string, name: string): void {
  cpSync(join(repository, 'node_modules', name), join(project, 'node_modules', name), { recursive: true });
}

/** The same for a package, or a scope of packages, that has dependencies of its own. */
export function link(project: string, name: string): void {
  symlinkSync(join(repository, 'node_modules', name), join(project, 'node_modules', name));
}

/** Writes a file of the user's. */
export function put(project: string, path: string, text: string): void {
  mkdirSync(dirname(join(project, path)), { recursive: true });
  writeFileSync(join(project, path), text);
}

export interface Ran {
  readonly status: number | null;
  readonly output: string;
}

/** Runs Node in a folder; what it printed, errors included. */
export function node(cwd: string, ...args: string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}`.trim() };
}

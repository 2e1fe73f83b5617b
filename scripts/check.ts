// `npm run check`: all that can be said of the tree without running it. Every step runs, also after one has failed.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildCore } from './build/core.js';
import { buildDist } from './build/dist.js';
import { buildReference } from './build/reference.js';
import { root } from './build/stamp.js';
import { attwFindings, pack, publintFindings } from './package.js';

let failed = false;

function report(name: string, ok: boolean, findings = ''): void {
  if (findings !== '') console.error(findings);
  console.error(`${ok ? 'ok    ' : 'FAILED'} ${name}`);
  failed ||= !ok;
}

function run(name: string, bin: string, ...args: string[]): void {
  const { status } = spawnSync(process.execPath, [join(root, 'node_modules', bin), ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  report(name, status === 0);
}

async function lookOverPackage(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'peergate-check-'));
  try {
    const tarball = pack(folder);
    const found = await publintFindings(tarball);
    report('publint', found.length === 0, found.join('\n'));
    const wrong = attwFindings(tarball);
    report('attw', wrong === '', wrong);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// First, because the benchmarks import the package by its name, types and all.
let built = true;
try {
  await buildCore();
  await buildDist();
  await buildReference();
} catch (error) {
  built = false;
  report('build', false, String(error));
}
run('biome', '@biomejs/biome/bin/biome', 'check', '--error-on-warnings');
run('tsc', 'typescript/bin/tsc', '-p', 'tsconfig.json');
if (built) await lookOverPackage();
process.exitCode = failed ? 1 : 0;

// Runs a program with the installed package in each kind of engine: as a command, as a Worker, in a page.

import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Installed } from '../test/package/installed.js';
import { chromiumPath, inPage } from '../test/package/page.js';
import { runWorker } from '../test/package/worker.js';

/** What went wrong; empty if all that the program expects holds. */
export type Run = (installed: Installed, program: string) => Promise<string>;

export interface Engine {
  readonly name: string;
  readonly version: string;
  readonly run: Run;
}

const workerd = createRequire(import.meta.url)('workerd/package.json') as { version: string };

const bin = (path: string) => fileURLToPath(new URL(`node_modules/${path}`, import.meta.url));

/** A program that hangs must fail, not stop the others. */
const GIVE_UP_AFTER_MS = 120_000;

function ask(command: string, args: readonly string[], cwd?: string): { status: number | null; output: string } {
  const env = { ...process.env, NO_COLOR: '1' };
  const options = { cwd, env, encoding: 'utf8', timeout: GIVE_UP_AFTER_MS, killSignal: 'SIGKILL' } as const;
  const { status, stdout, stderr, error } = spawnSync(command, args, options);
  return { status, output: error === undefined ? `${stdout}${stderr}`.trim() : String(error) };
}

/** An engine that takes a script on its command line. */
export function command(name: string, path: string, args: readonly string[] = []): Engine {
  const run: Run = async ({ project }, program) => {
    const { status, output } = ask(path, [...args, join(project, 'programs/run.mjs'), program], project);
    return status === 0 && output.endsWith('holds') ? '' : output || `ended with ${status}`;
  };
  return { name, version: versionIn(ask(path, ['--version']).output), run };
}

const worker: Run = async (installed, program) => {
  const { status, output } = await runWorker(
    installed,
    `import { expect } from './programs/expect.mjs';
     import { check } from './programs/${program}.mjs';
     export default { async test() { await check(expect); } };`,
  );
  return status === 0 ? '' : output;
};

const page: Run = async ({ project }, program) => {
  const stdin = {
    contents: `import { expect } from './programs/expect.mjs';
      import { check } from './programs/${program}.mjs';
      try { await check(expect); document.body.textContent = 'holds'; }
      catch (error) { document.body.textContent = String(error); }
      document.title = 'done';`,
    resolveDir: project,
  };
  const { outputFiles } = await build({ stdin, bundle: true, write: false, format: 'esm', target: 'es2022' });
  const { text, errors } = await inPage({ 'page.js': outputFiles[0]?.text ?? '' });
  return text === 'holds' ? errors.join('\n') : [text, ...errors].join('\n');
};

function versionIn(text: string): string {
  return /\d+(\.\d+)+/.exec(text)?.[0] ?? 'missing';
}

/** Every engine, with the version that is there. */
export function engines(): Engine[] {
  return [
    ...[20, 22, 24, 26].map((version) => command(`Node ${version}`, bin(`node${version}/bin/node`))),
    command('Bun', bin('.bin/bun')),
    command('Deno', bin('.bin/deno'), ['run', '--allow-all']),
    { name: 'workerd', version: workerd.version, run: worker },
    {
      name: 'Chromium',
      version: chromiumPath === undefined ? 'missing' : versionIn(ask(chromiumPath, ['--version']).output),
      run: page,
    },
  ];
}

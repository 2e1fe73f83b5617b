// Runs code in the Workers runtime, with what its bundler makes of the package's `workerd` condition.

import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { type Installed, put, type Ran } from './installed.js';

/** The package exports the path of its executable, untyped. */
const { default: workerd } = createRequire(import.meta.url)('workerd') as { default: string };

const CONFIG = `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = ( services = [ ( name = "main", worker = .worker ) ] );
const worker :Workerd.Worker = (
  compatibilityDate = "2026-01-01",
  bindings = [ ( name = "SELF", service = "main" ) ],
  modules = [
    ( name = "bundle.js", esModule = embed "bundle.js" ),
    ( name = "core.wasm", wasm = embed "core.wasm" ),
  ],
);
`;

/** A worker that hangs must fail its test, not the whole run. */
const GIVE_UP_AFTER_MS = 120_000;

/** Bundles a worker as Wrangler does, `.wasm` files left as modules, and runs its `test` handler in `workerd`. */
export async function runWorker({ project, package: folder }: Installed, code: string): Promise<Ran> {
  put(project, 'worker.js', code);
  put(project, 'config.capnp', CONFIG);
  await build({
    absWorkingDir: project,
    entryPoints: ['worker.js'],
    outfile: join(project, 'bundle.js'),
    bundle: true,
    format: 'esm',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['*.wasm'],
  });
  cpSync(join(folder, 'dist/core.wasm'), join(project, 'core.wasm'));
  const { status, stdout, stderr } = spawnSync(workerd, ['test', 'config.capnp'], {
    cwd: project,
    encoding: 'utf8',
    timeout: GIVE_UP_AFTER_MS,
    killSignal: 'SIGKILL',
  });
  return { status, output: `${stdout}${stderr}` };
}

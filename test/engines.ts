/**
 * The builds that every suite runs over, compiled once and synchronously.
 *
 * A suite loops over `engines` and spreads `using` into the limiter's options, so that each build keeps each promise.
 */

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface Engine {
  readonly name: 'release' | 'debug' | 'shared';
  readonly module: WebAssembly.Module;
  /** The options that make a limiter use it. */
  readonly using: { readonly module: WebAssembly.Module; readonly shared?: true };
}

const builds = [
  { name: 'release', file: 'core.wasm', required: true },
  { name: 'debug', file: 'core.debug.wasm', required: true },
  { name: 'shared', file: 'core.shared.wasm', required: false },
] as const;

function compile(): Engine[] {
  const found: Engine[] = [];
  for (const { name, file, required } of builds) {
    const path = fileURLToPath(new URL(`../build/${file}`, import.meta.url));
    if (existsSync(path)) {
      const module = new WebAssembly.Module(readFileSync(path));
      found.push({ name, module, using: name === 'shared' ? { module, shared: true as const } : { module } });
    } else if (required) throw new Error(`build/${file} is missing: run \`npm run build\` first`);
  }
  return found;
}

export const engines: readonly Engine[] = compile();

// The core for runtimes that compile no bytes and import a `.wasm` file as a module (Workers).

import compiled from './core.wasm';

export function coreModule(): WebAssembly.Module {
  return compiled;
}

// The core for runtimes that compile no bytes and import a `.wasm` file as a module (Workers). They have no threads.

import { SharingError } from '../errors.js';
import plain from './core.wasm';

export function coreModule(forThreads: boolean): WebAssembly.Module {
  if (!forThreads) return plain;
  throw new SharingError('ERR_PEERGATE_SHARED_MEMORY', 'shared: expected a runtime with threads, got one without');
}

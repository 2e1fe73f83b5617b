// The embedded core, compiled once, when the first limiter needs it. Synchronous compiling is fine at this size; where
// bytes may not be compiled at all, a module is imported or injected instead.

import { CORE_BASE64 } from './embedded.js';

let compiled: WebAssembly.Module | undefined;

export function coreModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(Uint8Array.from(atob(CORE_BASE64), (char) => char.charCodeAt(0)));
  return compiled;
}

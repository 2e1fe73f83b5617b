// The embedded cores, each compiled once, when the first limiter needs it. Synchronous compiling is fine at this size;
// where bytes may not be compiled at all, a module is imported or injected instead.

import { CORE_BASE64, SHARED_CORE_BASE64 } from './embedded.js';

let plain: WebAssembly.Module | undefined;
let shared: WebAssembly.Module | undefined;

export function coreModule(forThreads: boolean): WebAssembly.Module {
  if (forThreads) return (shared ??= compiled(SHARED_CORE_BASE64));
  return (plain ??= compiled(CORE_BASE64));
}

function compiled(base64: string): WebAssembly.Module {
  return new WebAssembly.Module(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
}

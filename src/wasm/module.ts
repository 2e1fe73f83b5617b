// The embedded cores, each compiled once, when the first limiter needs it. Synchronous compiling is fine at this size;
// where bytes may not be compiled at all, a module is imported or injected instead.

import { CORE_BASE64, SHARED_CORE_BASE64 } from './embedded.js';

const compiled = new Map<string, WebAssembly.Module>();

export function coreModule(forThreads: boolean): WebAssembly.Module {
  const base64 = forThreads ? SHARED_CORE_BASE64 : CORE_BASE64;
  const module = compiled.get(base64) ?? compile(base64);
  compiled.set(base64, module);
  return module;
}

function compile(base64: string): WebAssembly.Module {
  return new WebAssembly.Module(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
}

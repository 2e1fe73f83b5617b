// What a bundler or a runtime that imports `.wasm` files makes of one.

declare const module: WebAssembly.Module;
export default module;

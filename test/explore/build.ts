// Compiles the core so that every access to shared memory goes through a function of the explorer's. The sources are those
// of the shared build; only memory.ts, in which such accesses are made, is replaced, and limits.ts and settings.ts, whose
// records are read and written plainly, are made to go through it as well. A fault can be planted by replacing a piece of a source.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('../..', import.meta.url));

const HOOKED = `
@external("explorer", "access")
declare function access(kind: i32, at: usize, a: u64, b: u64): u64;
export const SHARED: bool = true;
export function load32(at: usize): u32 { return <u32>access(0, at, 0, 0); }
export function store32(at: usize, value: u32): void { access(1, at, value, 0); }
export function load64(at: usize): u64 { return access(2, at, 0, 0); }
export function store64(at: usize, value: u64): void { access(3, at, value, 0); }
export function cas32(at: usize, expected: u32, value: u32): bool { return access(4, at, expected, value) == expected; }
export function cas64(at: usize, expected: u64, value: u64): bool { return access(5, at, expected, value) == expected; }
export function add32(at: usize, value: u32): u32 { return <u32>access(6, at, value, 0); }
export function or64(at: usize, bits: u64): u64 { return access(7, at, bits, 0); }
export function and64(at: usize, bits: u64): u64 { return access(8, at, bits, 0); }
export function loadCount32(at: usize): u32 { return load32(at); }
export function storeCount32(at: usize, value: u32): void { store32(at, value); }
export function loadCount64(at: usize): u64 { return load64(at); }
export function storeCount64(at: usize, value: u64): void { store64(at, value); }
export function loadAside(at: usize): u32 { return load<u32>(at); }
export function storeAside(at: usize, value: u32): void { store<u32>(at, value); }
export function storeAside64(at: usize, value: u64): void { store<u64>(at, value); }
export function raise(at: usize): void { store32(at, 1); }
export function own(at: usize): f64 { return load<f64>(at); }
export function plainLoad<T>(at: usize, offset: usize = 0): T {
  const word = load64((at + offset) & ~7) >> (((at + offset) & 7) * 8);
  return isFloat<T>() ? reinterpret<T>(word) : <T>word;
}
export function plainStore<T>(at: usize, value: T, offset: usize = 0): void {
  const word = (at + offset) & ~7;
  if (isFloat<T>()) return store64(word, reinterpret<u64>(value));
  if (sizeof<T>() == 8) return store64(word, <u64>value);
  const shift = ((at + offset) & 7) * 8;
  const mask = ((<u64>1 << (sizeof<T>() * 8)) - 1) << shift;
  store64(word, (load64(word) & ~mask) | (<u64>value << shift));
}
`;

export const LOAD32 = 0;
export const STORE32 = 1;
export const LOAD64 = 2;
export const STORE64 = 3;
export const CAS32 = 4;
export const CAS64 = 5;
export const ADD32 = 6;
export const OR64 = 7;
export const AND64 = 8;

/** The record of limits is written by who configures while others may still read it: its fields are shared words, too. */
function withHookedFields(limits: string): string {
  const hooked = limits
    .replaceAll(/\b(load|store)(?=<\w+>\()/g, (_, name) => (name === 'load' ? 'plainLoad' : 'plainStore'))
    .replace("} from './memory';", ", plainLoad, plainStore } from './memory';");
  if (!/plainLoad, plainStore } from/.test(hooked) || !/plainStore</.test(hooked))
    throw new Error('limits.ts or settings.ts has changed');
  return hooked;
}

/** What is replaced in which source. */
export interface Fault {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export async function compile(fault?: Fault): Promise<WebAssembly.Module> {
  let binary: Uint8Array | undefined;
  const flags = [
    '--runtime',
    'stub',
    '--importMemory',
    '--noExportMemory',
    '--initialMemory',
    '1',
    '--zeroFilledMemory',
  ];
  const { error, stderr } = await asc.main(
    [
      'assembly/exports.ts',
      'assembly/exports.shared.ts',
      ...flags,
      '--use',
      'abort=',
      '--noAssert',
      '-O0',
      '--outFile',
      'out.wasm',
    ],
    {
      readFile(name, baseDir) {
        if (name === 'assembly/memory.ts') return HOOKED;
        let text: string;
        try {
          text = readFileSync(join(root, baseDir, name), 'utf8');
        } catch {
          return null;
        }
        if (/\/(limits|settings)\.ts$/.test(name)) text = withHookedFields(text);
        if (fault === undefined || name !== `assembly/${fault.file}`) return text;
        if (!text.includes(fault.from)) throw new Error(`${fault.file} has no ${fault.from}`);
        return text.replace(fault.from, fault.to);
      },
      writeFile(_name, contents) {
        if (typeof contents !== 'string') binary = contents;
      },
      listFiles: () => [],
    },
  );
  if (error || binary === undefined) throw new Error(`${error?.message}\n${stderr.toString()}`);
  return new WebAssembly.Module(binary.slice());
}

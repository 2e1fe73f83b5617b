// Which tests could notice a change of a source.

import { build } from 'esbuild';
import { filesBelow, root } from '../build/stamp.js';

/** Tests of the package, of the sources' text, of worker threads that import the package; and the long ones. */
const LEFT_OUT = /^test\/(package\/|threads\/|demo|examples|explore-faults|readme)/;
/** Through these a test runs the builds of the core. */
const LOADS_CORE = /^(test\/explore\/build|test\/engines|src\/wasm\/module)\.ts$/;
const CORE_TEST = /^test\/(?!flood)[^/]+$/;
/** Longer than a second each. */
export const SLOW = /allocation|explore|exhaustive|model|flood|fuzz|retry-after|memory|snapshot-/;

/** Each test file with all sources that it imports, directly or not. */
export async function importsOfTests(): Promise<ReadonlyMap<string, readonly string[]>> {
  const tests = filesBelow('test').filter((file) => file.endsWith('.test.ts') && !LEFT_OUT.test(file));
  const { metafile } = await build({
    ...{ absWorkingDir: root, entryPoints: tests, outdir: '.', bundle: true, write: false, metafile: true },
    ...{ format: 'esm', platform: 'node', packages: 'external', logLevel: 'error' },
  });
  const outputs = Object.values(metafile.outputs);
  return new Map(outputs.map(({ entryPoint = '', inputs }) => [entryPoint, Object.keys(inputs)]));
}

/** Whether a test runs the file. The core has its tests in test/ itself; those of what stands on it add nothing. */
export function canNotice(file: string, test: string, imports: readonly string[]): boolean {
  if (!file.startsWith('assembly/')) return imports.includes(file);
  return CORE_TEST.test(test) && imports.some((path) => LOADS_CORE.test(path));
}

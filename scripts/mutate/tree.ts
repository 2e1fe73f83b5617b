// A copy of the project, in which one mutant at a time is built and tested. The working tree is never changed.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { embed, TARGETS } from '../build/core.js';
import { root } from '../build/stamp.js';

const LEFT_OUT = /^(node_modules|\.git|dist|docs\/api)$/;

export class Tree {
  readonly #folder = mkdtempSync(join(tmpdir(), 'peergate-mutate-'));
  #compiler: ChildProcess | undefined;
  #program: ts.Program | undefined;

  constructor() {
    cpSync(root, this.#folder, { recursive: true, filter: (path) => !LEFT_OUT.test(relative(root, path)) });
    symlinkSync(join(root, 'node_modules'), join(this.#folder, 'node_modules'));
  }

  remove(): void {
    this.#compiler?.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Replaces the text of a file; the text before. */
  replace(file: string, text: string): string {
    const path = join(this.#folder, file);
    const before = readFileSync(path, 'utf8');
    writeFileSync(path, text);
    return before;
  }

  /** Whether the file has right types. What a change makes unnecessary is no error: the change may still matter. */
  hasRightTypes(file: string): boolean {
    const { config } = ts.readConfigFile(join(this.#folder, 'tsconfig.json'), ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, this.#folder);
    const path = join(this.#folder, file);
    const host = ts.createCompilerHost(options);
    const { getSourceFile } = host;
    host.getSourceFile = (name, ...rest) =>
      (name === path ? undefined : this.#program?.getSourceFile(name)) ?? getSourceFile(name, ...rest);
    this.#program = ts.createProgram([path], { ...options, noUnusedLocals: false, noUnusedParameters: false }, host);
    return ts.getPreEmitDiagnostics(this.#program, this.#program.getSourceFile(path)).length === 0;
  }

  /** Compiles every build of the core; whether the compiler takes the sources. */
  async compile(): Promise<boolean> {
    this.#compiler ??= this.#startCompiler();
    this.#compiler.send(Object.entries(TARGETS).map(([target, file]) => `${target}=${file}`));
    const [failure] = await once(this.#compiler, 'message');
    if (failure !== '') return false;
    embed(this.#folder);
    return true;
  }

  #startCompiler(): ChildProcess {
    const child = fork('scripts/build/asc.mjs', { cwd: this.#folder, execArgv: [], stdio: 'ignore' });
    child.once('exit', () => {
      this.#compiler = undefined;
      child.emit('message', 'the compiler ended');
    });
    return child;
  }

  /** Runs test files in one process, up to the first suite that fails: that file, or undefined where all pass. */
  async firstToFail(files: readonly string[], msPerFile: number): Promise<string | undefined> {
    const execArgv = ['--import', 'tsx', '--max-old-space-size=2048'];
    const child = fork('scripts/mutate/run.ts', files, { cwd: this.#folder, execArgv, stdio: 'ignore' });
    let current = '';
    let timer: NodeJS.Timeout | undefined;
    child.on('message', (file) => {
      current = String(file);
      clearTimeout(timer);
      timer = setTimeout(() => child.kill('SIGKILL'), msPerFile);
    });
    const [exitCode, signal] = await once(child, 'exit');
    clearTimeout(timer);
    if (exitCode === 0) return undefined;
    return signal === 'SIGKILL' ? `${current}, which did not end` : current;
  }
}

// Another Node process, while this one goes on telling what is being built.

import { spawn } from 'node:child_process';
import { root } from './stamp.js';

/** Runs a script in the repository's root, with its output here. Rejects unless it exits with 0. */
export function runNode(script: string, ...args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${script} ended with ${signal ?? code}`));
    });
  });
}

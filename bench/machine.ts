// Describes the machine. Absolute figures mean nothing without it.

import { execFileSync } from 'node:child_process';
import { cpus, loadavg } from 'node:os';

export function machine(engine: string): string {
  const node = execFileSync(engine, ['--version'], { encoding: 'utf8' }).trim();
  const model = cpus()[0]?.model.trim() ?? 'unknown processor';
  return `${model}, ${cpus().length} cores (load ${loadavg()[0]?.toFixed(1)}), Node ${node}`;
}

// The demo's command line.

import { parseArgs } from 'node:util';
import { presets } from '../../src/index.js';

export interface DemoOptions {
  /** How long it runs: three tenths quiet, the rest under attack. */
  readonly seconds: number;
  readonly preset: keyof typeof presets;
  /** Whether the limiter is on. */
  readonly isProtected: boolean;
  /** Threads that serve behind one port, with one table. */
  readonly workers: number;
  /** One JSON object at the end instead of tables. */
  readonly json: boolean;
}

export const USAGE = `usage: npm run demo -- [--seconds N] [--preset ${Object.keys(presets).join('|')}] [--workers N] [--unprotected] [--json]`;

const LEAST_SECONDS = 5;
const MOST_SECONDS = 3600;
const MOST_WORKERS = 32;

/** @throws Error that says what was expected and what came. */
export function readOptions(args: readonly string[]): DemoOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '10' },
      preset: { type: 'string', default: 'default' },
      workers: { type: 'string', default: '1' },
      unprotected: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const seconds = Number(values.seconds);
  if (!(seconds >= LEAST_SECONDS && seconds <= MOST_SECONDS)) {
    throw new Error(`--seconds: expected a number from ${LEAST_SECONDS} to ${MOST_SECONDS}, got '${values.seconds}'`);
  }
  if (!Object.hasOwn(presets, values.preset)) {
    throw new Error(`--preset: expected one of ${Object.keys(presets).join(', ')}, got '${values.preset}'`);
  }
  const workers = Number(values.workers);
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= MOST_WORKERS)) {
    throw new Error(`--workers: expected an integer from 1 to ${MOST_WORKERS}, got '${values.workers}'`);
  }
  if (workers > 1 && process.platform === 'win32') {
    throw new Error(`--workers: expected 1 on Windows, where threads cannot share a port, got '${values.workers}'`);
  }
  const preset = values.preset as keyof typeof presets;
  return { seconds, preset, isProtected: !values.unprotected, workers, json: values.json };
}

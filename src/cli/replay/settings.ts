// The options of `replay`.

import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ConfigError, type Limits, presets, RateLimiter } from '../../index.js';
import { suggestion } from '../../options.js';
import { UsageError } from '../usage.js';

export interface Settings {
  readonly files: readonly string[];
  readonly preset: string;
  readonly limits: Pick<Limits, 'maxRequestsPerSec' | 'burstSize'>;
  /** In percent. */
  readonly spare: number;
  readonly peerField: string | undefined;
  readonly timeField: string | undefined;
  readonly json: boolean;
  readonly html: string | undefined;
}

const FLAGS = ['json', 'help'];
const VALUES = ['preset', 'rate', 'burst', 'spare', 'peer', 'time', 'html'];
const NUMBER = /^(\d+\.?\d*|\.\d+)(e\d+)?$/i;

/** @throws UsageError that names the option. */
export function settingsOf(args: readonly string[]): Settings {
  const { files, given, flags } = split(args);
  if (files.length === 0) throw new UsageError('expected the path of an access log, or - for standard input');
  if (files.filter((file) => file === '-').length > 1) throw new UsageError('standard input (-) can be read once');
  const html = given.get('html');
  if (html !== undefined && files.some((file) => file !== '-' && resolve(file) === resolve(html))) {
    throw new UsageError(`--html: ${html} is a log that is to be read, and would be overwritten`);
  }
  const preset = given.get('preset') ?? 'default';
  if (!Object.hasOwn(presets, preset)) {
    throw new UsageError(`--preset: expected ${Object.keys(presets).join(', ')}, got ${preset}`);
  }
  const { maxRequestsPerSec, burstSize } = presets[preset as keyof typeof presets];
  const limits = {
    maxRequestsPerSec: numberOf(given, 'rate') ?? maxRequestsPerSec,
    burstSize: numberOf(given, 'burst') ?? burstSize,
  };
  requireLimits(limits);
  const spare = numberOf(given, 'spare') ?? 0.1;
  if (spare >= 100) throw new UsageError(`--spare: expected a percentage below 100, got ${given.get('spare')}`);
  return {
    files,
    preset,
    limits,
    spare,
    peerField: given.get('peer'),
    timeField: given.get('time'),
    json: flags.has('json'),
    html,
  };
}

function split(args: readonly string[]): { files: string[]; given: Map<string, string>; flags: Set<string> } {
  const options = Object.fromEntries([
    ...FLAGS.map((name) => [name, { type: 'boolean' }] as const),
    ...VALUES.map((name) => [name, { type: 'string' }] as const),
  ]);
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const files: string[] = [];
  const given = new Map<string, string>();
  const flags = new Set<string>();
  for (const token of tokens) {
    if (token.kind === 'positional') {
      // `--spare 0.1 %` reads better, and means the same.
      if (token.value !== '%') files.push(token.value);
    } else if (token.kind === 'option') {
      if (FLAGS.includes(token.name)) {
        if (token.value !== undefined) throw new UsageError(`--${token.name} takes no value, got ${token.value}`);
        flags.add(token.name);
      } else if (VALUES.includes(token.name)) {
        if (!token.value || token.value.startsWith('--')) throw new UsageError(`--${token.name} needs a value`);
        given.set(token.name, token.value);
      } else {
        const near = suggestion(
          token.rawName,
          [...VALUES, ...FLAGS].map((name) => `--${name}`),
        );
        throw new UsageError(`there is no option ${token.rawName}${near}`);
      }
    }
  }
  return { files, given, flags };
}

function numberOf(given: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = given.get(name);
  if (text === undefined) return undefined;
  const digits = name === 'spare' ? text.replace(/ ?%$/, '') : text;
  if (!NUMBER.test(digits)) throw new UsageError(`--${name}: expected a number, got ${text}`);
  return Number(digits);
}

/** The limiter knows the bounds. */
function requireLimits(limits: Settings['limits']): void {
  try {
    new RateLimiter({ ...limits, maxPeers: 1 }).close();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const option = error.field === 'burstSize' ? '--burst' : '--rate';
    throw new UsageError(error.message.replace(/^\w+/, option).replaceAll('maxRequestsPerSec', '--rate'));
  }
}

// What each field of the configuration may be.

import type { ResolvedConfig } from './config.js';
import { ConfigError } from './errors.js';
import { requireKnownFields } from './options.js';
import { MAX_PEERS } from './wasm/core.js';
import { CLASS_NAME_BYTES, CLASSES } from './wasm/settings.js';

const MAX_RATE = 1e6;
const MAX_MS = 2 ** 31 - 1;

/** What was expected, whether the value is that, and what is kept of it. */
interface Rule {
  readonly expected: string;
  readonly holds: (value: unknown) => boolean;
  readonly kept?: (value: never, field: string) => unknown;
}

const number = (expected: string, holds: (value: number) => boolean): Rule => ({
  expected,
  holds: (value) => typeof value === 'number' && holds(value),
});
const positive = (most: number, expected: string) => number(expected, (value) => value > 0 && value <= most);
const whole = (most: number, expected: string) =>
  number(expected, (value) => Number.isInteger(value) && value >= 1 && value <= most);
const between = (least: number, most: number, expected: string) =>
  number(expected, (value) => value >= least && value <= most);
const milliseconds = positive(MAX_MS, 'milliseconds above 0 and at most 2^31 - 1');
const points = between(-100, 100, 'points from -100 to 100');

/** An object with fields of its own, each with its default; a copy of it is kept. */
const object = (rules: Readonly<Record<string, Rule>>, defaults: Readonly<Record<string, unknown>>): Rule => ({
  expected: `an object with ${Object.keys(rules).join(', ')}`,
  holds: (value) => typeof value === 'object' && value !== null,
  kept: (given: Readonly<Record<string, unknown>>, field) => {
    requireKnownFields(given, Object.keys(rules), field);
    const kept: Record<string, unknown> = {};
    for (const [name, rule] of Object.entries(rules)) {
      kept[name] = apply(rule, given[name] === undefined ? defaults[name] : given[name], `${field}.${name}`);
    }
    return Object.freeze(kept);
  },
});

const rate = positive(MAX_RATE, 'a number above 0 and at most 1000000');
const burst = whole(Number.MAX_SAFE_INTEGER, 'an integer of at least 1');
const yesOrNo: Rule = { expected: 'true or false', holds: (value) => typeof value === 'boolean' };
const oneOf = (...values: readonly string[]): Rule => ({
  expected: values.map((value) => `'${value}'`).join(' or '),
  holds: (value) => values.includes(value as string),
});

const classLimit = object(
  { factor: between(1 / 256, 256, 'a number from 1/256 to 256'), exemptFromLoad: yesOrNo },
  { factor: 1, exemptFromLoad: false },
);

/** Names stand in the table, so that every thread knows them. */
function isClassName(name: string): boolean {
  const bytes = new TextEncoder().encode(name);
  return bytes.length >= 1 && bytes.length <= CLASS_NAME_BYTES && !bytes.includes(0) && name.isWellFormed();
}

const classes: Rule = {
  expected: `an object with at most ${CLASSES - 1} classes by names of 1 to ${CLASS_NAME_BYTES} bytes`,
  holds: (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.keys(value).length < CLASSES &&
    Object.keys(value).every(isClassName),
  kept: (given: Readonly<Record<string, unknown>>, field) =>
    Object.freeze(
      Object.fromEntries(
        Object.entries(given).map(([name, limit]) => [name, apply(classLimit, limit, `${field}.${name}`)]),
      ),
    ),
};

export const RULES: { readonly [K in keyof ResolvedConfig]-?: Rule } = {
  maxRequestsPerSec: rate,
  burstSize: burst,
  circuitBreakerThreshold: whole(2 ** 30, 'an integer from 1 to 2^30'),
  circuitBreakerTimeoutMs: milliseconds,
  halfOpenProbes: whole(15, 'an integer from 1 to 15'),
  probeTimeoutMs: milliseconds,
  maxPeers: whole(MAX_PEERS, `an integer from 1 to ${MAX_PEERS}`),
  onFull: oneOf('overflow', 'reject'),
  failureRateThreshold: positive(1, 'a number above 0 and at most 1, or false'),
  minimumCalls: whole(1_000, 'an integer from 1 to 1000'),
  windowMs: between(100, MAX_MS, 'milliseconds from 100 to 2^31 - 1'),
  slowCallMs: positive(Number.MAX_VALUE, 'milliseconds above 0, or false'),
  relativeThreshold: number('a number above 1, or false', (value) => value > 1 && value <= Number.MAX_VALUE),
  maxOpenFraction: positive(1, 'a number above 0 and at most 1'),
  circuitBreakerMaxTimeoutMs: milliseconds,
  recovery: object(
    {
      stages: whole(6, 'an integer from 1 to 6'),
      stageMs: between(1, MAX_MS, 'milliseconds from 1 to 2^31 - 1'),
      minCalls: whole(31, 'an integer from 1 to 31'),
    },
    { stages: 4, stageMs: 2_000, minCalls: 5 },
  ),
  mode: oneOf('enforce', 'shadow'),
  classes,
  newcomers: object({ maxRequestsPerSec: rate, burstSize: burst }, {}),
  reputation: object(
    {
      halfLifeMs: between(1_000, MAX_MS, 'milliseconds from 1000 to 2^31 - 1'),
      perTrip: points,
      perCleanWindow: points,
    },
    { halfLifeMs: 600_000, perTrip: -10, perCleanWindow: 1 },
  ),
  clock: { expected: 'a function that returns milliseconds', holds: (value) => typeof value === 'function' },
  shared: yesOrNo,
  module: { expected: 'a WebAssembly.Module of the core', holds: isCore },
};

/** What is kept of a field's value. @throws ConfigError that names the field, what was expected and what came. */
export function checked(field: keyof typeof RULES, value: unknown): unknown {
  return apply(RULES[field], value, field);
}

function apply({ expected, holds, kept }: Rule, value: unknown, field: string): unknown {
  if (!holds(value)) throw new ConfigError(field, expected, value);
  return kept === undefined ? value : kept(value as never, field);
}

/** Taken when this file is loaded: a page may forbid compiling later on by replacing the class. */
const exportsOf = WebAssembly.Module.exports;

/** Whether it is a compiled module, of this realm or another, that makes tables. */
function isCore(value: unknown): boolean {
  try {
    return exportsOf(value as WebAssembly.Module).some(({ name }) => name === 'init');
  } catch {
    return false;
  }
}

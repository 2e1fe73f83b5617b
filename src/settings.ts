// The limits of a configuration as the numbers that the core knows, and back.

import type { ClassLimits, Limits } from './config.js';
import {
  CLASSES,
  SET_AUTOMATIC,
  SET_BURST,
  SET_FAILURE_RATE,
  SET_HALF_LIFE_MS,
  SET_MAX_OPEN,
  SET_MAX_TIMEOUT_MS,
  SET_MINIMUM_CALLS,
  SET_NEWCOMERS_BURST,
  SET_NEWCOMERS_RATE,
  SET_ON_FULL,
  SET_PER_CLEAN_WINDOW,
  SET_PER_TRIP,
  SET_PROBE_TIMEOUT_MS,
  SET_PROBES,
  SET_RATE_PER_SEC,
  SET_RELATIVE,
  SET_SHADOW,
  SET_SLOW_CALL_MS,
  SET_STAGE_CALLS,
  SET_STAGE_MS,
  SET_STAGES,
  SET_THRESHOLD,
  SET_TIMEOUT_MS,
  SET_WINDOW_MS,
  type StoredClass,
  type StoredSettings,
} from './wasm/settings.js';

/** The half-life of reputations that only the operator changes. */
const HALF_LIFE_MS = 600_000;

/** What the core is to be told. Classes keep the numbers that they have in `before`. */
export function settingsOf(limits: Limits, before: readonly StoredClass[]): Omit<StoredSettings, 'changedAtMs'> {
  const { recovery, newcomers, reputation } = limits;
  const values: number[] = [];
  values[SET_RATE_PER_SEC] = limits.maxRequestsPerSec;
  values[SET_BURST] = limits.burstSize;
  values[SET_THRESHOLD] = limits.circuitBreakerThreshold;
  values[SET_TIMEOUT_MS] = limits.circuitBreakerTimeoutMs;
  values[SET_PROBES] = limits.halfOpenProbes;
  values[SET_PROBE_TIMEOUT_MS] = limits.probeTimeoutMs;
  values[SET_ON_FULL] = Number(limits.onFull === 'reject');
  values[SET_FAILURE_RATE] = limits.failureRateThreshold ?? 0;
  values[SET_MINIMUM_CALLS] = limits.minimumCalls;
  values[SET_WINDOW_MS] = limits.windowMs;
  values[SET_SLOW_CALL_MS] = limits.slowCallMs ?? 0;
  values[SET_RELATIVE] = limits.relativeThreshold ?? 0;
  values[SET_MAX_OPEN] = limits.maxOpenFraction;
  values[SET_MAX_TIMEOUT_MS] = limits.circuitBreakerMaxTimeoutMs;
  values[SET_STAGES] = recovery?.stages ?? 0;
  values[SET_STAGE_MS] = recovery?.stageMs ?? 0;
  values[SET_STAGE_CALLS] = recovery?.minCalls ?? 0;
  values[SET_SHADOW] = Number(limits.mode === 'shadow');
  values[SET_NEWCOMERS_RATE] = newcomers?.maxRequestsPerSec ?? 0;
  values[SET_NEWCOMERS_BURST] = newcomers?.burstSize ?? 0;
  values[SET_HALF_LIFE_MS] = reputation?.halfLifeMs ?? HALF_LIFE_MS;
  values[SET_AUTOMATIC] = Number(reputation !== undefined);
  values[SET_PER_TRIP] = reputation?.perTrip ?? 0;
  values[SET_PER_CLEAN_WINDOW] = reputation?.perCleanWindow ?? 0;
  return { values, classes: numbered(limits.classes, before) };
}

/** Classes keep their numbers; new ones get numbers that are free, those that were never used first. */
function numbered(classes: ClassLimits, before: readonly StoredClass[]): StoredClass[] {
  const known = new Map(before.map(({ name, number }) => [name, number]));
  const kept = new Set(Object.keys(classes).map((name) => known.get(name)));
  const used = new Set(before.map(({ number }) => number));
  const numbers = Array.from({ length: CLASSES - 1 }, (_, i) => i + 1).filter((number) => !kept.has(number));
  numbers.sort((a, b) => Number(used.has(a)) - Number(used.has(b)) || a - b);
  return Object.entries(classes).map(([name, { factor, exemptFromLoad }]) => ({
    number: known.get(name) ?? (numbers.shift() as number),
    name,
    factor,
    exempt: exemptFromLoad,
  }));
}

/** The limits that the core was told. */
export function limitsFrom({ values, classes }: Omit<StoredSettings, 'changedAtMs'>): Limits {
  const value = (index: number) => values[index] as number;
  return Object.freeze({
    maxRequestsPerSec: value(SET_RATE_PER_SEC),
    burstSize: value(SET_BURST),
    circuitBreakerThreshold: value(SET_THRESHOLD),
    circuitBreakerTimeoutMs: value(SET_TIMEOUT_MS),
    halfOpenProbes: value(SET_PROBES),
    probeTimeoutMs: value(SET_PROBE_TIMEOUT_MS),
    onFull: value(SET_ON_FULL) === 0 ? 'overflow' : 'reject',
    minimumCalls: value(SET_MINIMUM_CALLS),
    windowMs: value(SET_WINDOW_MS),
    maxOpenFraction: value(SET_MAX_OPEN),
    circuitBreakerMaxTimeoutMs: value(SET_MAX_TIMEOUT_MS),
    mode: value(SET_SHADOW) === 0 ? 'enforce' : 'shadow',
    classes: Object.freeze(
      Object.fromEntries(
        classes.map(({ name, factor, exempt }) => [name, Object.freeze({ factor, exemptFromLoad: exempt })]),
      ),
    ),
    ...(value(SET_FAILURE_RATE) > 0 && { failureRateThreshold: value(SET_FAILURE_RATE) }),
    ...(value(SET_SLOW_CALL_MS) > 0 && { slowCallMs: value(SET_SLOW_CALL_MS) }),
    ...(value(SET_RELATIVE) > 0 && { relativeThreshold: value(SET_RELATIVE) }),
    ...(value(SET_STAGES) > 0 && {
      recovery: Object.freeze({
        stages: value(SET_STAGES),
        stageMs: value(SET_STAGE_MS),
        minCalls: value(SET_STAGE_CALLS),
      }),
    }),
    ...(value(SET_NEWCOMERS_RATE) > 0 && {
      newcomers: Object.freeze({
        maxRequestsPerSec: value(SET_NEWCOMERS_RATE),
        burstSize: value(SET_NEWCOMERS_BURST),
      }),
    }),
    ...(value(SET_AUTOMATIC) !== 0 && {
      reputation: Object.freeze({
        halfLifeMs: value(SET_HALF_LIFE_MS),
        perTrip: value(SET_PER_TRIP),
        perCleanWindow: value(SET_PER_CLEAN_WINDOW),
      }),
    }),
  });
}

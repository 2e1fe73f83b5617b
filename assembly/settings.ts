// The settings in a record of limits: what the configuration says, an f64 each. What every check needs is worked out once,
// in limits.ts; the rest is read from here when it is needed.

import { LIMITS_SETTINGS } from './layout';
import { own } from './memory';
import {
  SET_AUTOMATIC,
  SET_FAILURE_RATE,
  SET_MAX_OPEN,
  SET_MAX_TIMEOUT_MS,
  SET_PER_CLEAN_WINDOW,
  SET_PER_TRIP,
  SET_RELATIVE,
  SET_SHADOW,
  SET_SLOW_CALL_MS,
  SET_STAGE_CALLS,
  SET_STAGE_MS,
  SET_STAGES,
  SETTINGS,
} from './setting-layout';

const MOST_STAGES: f64 = 6;
const MOST_STAGE_CALLS: f64 = 31;
const MOST_MS: f64 = 2147483647;
/** The rate at which a ramp is judged where the failure rate is off. */
const RAMP_RATE: f64 = 0.5;

export function setting(limits: usize, index: usize): f64 {
  return load<f64>(limits + LIMITS_SETTINGS + (index << 3));
}

/** Copies the settings from a room into a record. */
export function takeSettings(limits: usize, room: usize): void {
  for (let i: usize = 0; i < <usize>SETTINGS; i++)
    store<f64>(limits + LIMITS_SETTINGS + (i << 3), own(room + (i << 3)));
}

function between(value: f64, least: f64, most: f64): f64 {
  // A comparison with NaN is false, so NaN becomes the least.
  return value > least ? min<f64>(value, most) : least;
}

/** 0: the rule of failure rates is off. */
export function failureRate(limits: usize): f64 {
  return setting(limits, SET_FAILURE_RATE);
}

export function slowCallMs(limits: usize): f64 {
  return setting(limits, SET_SLOW_CALL_MS);
}

export function relativeThreshold(limits: usize): f64 {
  return setting(limits, SET_RELATIVE);
}

/** 1: circuits may open however many are. */
export function maxOpenFraction(limits: usize): f64 {
  return setting(limits, SET_MAX_OPEN);
}

export function maxTimeoutMs(limits: usize): f64 {
  return setting(limits, SET_MAX_TIMEOUT_MS);
}

/** How many stages a ramp has; 0: there are no ramps. */
export function stages(limits: usize): u32 {
  return <u32>between(setting(limits, SET_STAGES), 0, MOST_STAGES);
}

export function stageMs(limits: usize): f64 {
  return between(setting(limits, SET_STAGE_MS), 1, MOST_MS);
}

/** Requests of a stage that pass in any case, and results without which it is not judged. */
export function stageCalls(limits: usize): u32 {
  return <u32>between(setting(limits, SET_STAGE_CALLS), 1, MOST_STAGE_CALLS);
}

export function rampRate(limits: usize): f64 {
  const rate = failureRate(limits);
  return rate > 0 ? rate : RAMP_RATE;
}

export function isShadow(limits: usize): bool {
  return setting(limits, SET_SHADOW) != 0;
}

/** Whether trips and clean windows change reputations. */
export function isAutomatic(limits: usize): bool {
  return setting(limits, SET_AUTOMATIC) != 0;
}

export function perTrip(limits: usize): f64 {
  return setting(limits, SET_PER_TRIP);
}

export function perCleanWindow(limits: usize): f64 {
  return setting(limits, SET_PER_CLEAN_WINDOW);
}

// The settings of a table that is explored, as the core finds them in its room.

import * as layout from '../../assembly/layout.js';

/** What scenarios say; all else is as it is by default, but that a new peer without a row is rejected. */
export interface ExploredLimits {
  readonly rate: number;
  readonly burst: number;
  readonly threshold: number;
  readonly timeoutMs: number;
  readonly probes: number;
  readonly others?: Readonly<Record<number, number>>;
}

export function settingsOf({ rate, burst, threshold, timeoutMs, probes, others = {} }: ExploredLimits): number[] {
  const settings = new Array<number>(layout.SETTINGS).fill(0);
  settings[layout.SET_RATE_PER_SEC] = rate;
  settings[layout.SET_BURST] = burst;
  settings[layout.SET_THRESHOLD] = threshold;
  settings[layout.SET_TIMEOUT_MS] = timeoutMs;
  settings[layout.SET_PROBES] = probes;
  settings[layout.SET_PROBE_TIMEOUT_MS] = timeoutMs;
  settings[layout.SET_ON_FULL] = 1;
  settings[layout.SET_MINIMUM_CALLS] = 20;
  settings[layout.SET_WINDOW_MS] = 10_000;
  settings[layout.SET_MAX_OPEN] = 0.5;
  settings[layout.SET_MAX_TIMEOUT_MS] = timeoutMs;
  settings[layout.SET_HALF_LIFE_MS] = 600_000;
  for (const [index, value] of Object.entries(others)) settings[Number(index)] = value;
  return settings;
}

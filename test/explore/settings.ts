// The settings of a table that is explored, as the core finds them in its room.

import * as settingLayout from '../../assembly/setting-layout.js';

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
  const settings = new Array<number>(settingLayout.SETTINGS).fill(0);
  settings[settingLayout.SET_RATE_PER_SEC] = rate;
  settings[settingLayout.SET_BURST] = burst;
  settings[settingLayout.SET_THRESHOLD] = threshold;
  settings[settingLayout.SET_TIMEOUT_MS] = timeoutMs;
  settings[settingLayout.SET_PROBES] = probes;
  settings[settingLayout.SET_PROBE_TIMEOUT_MS] = timeoutMs;
  settings[settingLayout.SET_ON_FULL] = 1;
  settings[settingLayout.SET_MINIMUM_CALLS] = 20;
  settings[settingLayout.SET_WINDOW_MS] = 10_000;
  settings[settingLayout.SET_MAX_OPEN] = 0.5;
  settings[settingLayout.SET_MAX_TIMEOUT_MS] = timeoutMs;
  settings[settingLayout.SET_HALF_LIFE_MS] = 600_000;
  for (const [index, value] of Object.entries(others)) settings[Number(index)] = value;
  return settings;
}

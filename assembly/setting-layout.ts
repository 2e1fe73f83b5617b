// Settings: what `configure` finds in the batch room, an f64 each; 0 is off where a rule can be off. Two compilers read this file,
// like layout.ts, so it imports nothing.

export const SETTINGS = 24;
export const SET_RATE_PER_SEC = 0;
export const SET_BURST = 1;
export const SET_THRESHOLD = 2;
export const SET_TIMEOUT_MS = 3;
export const SET_PROBES = 4;
export const SET_PROBE_TIMEOUT_MS = 5;
export const SET_ON_FULL = 6;
export const SET_FAILURE_RATE = 7;
export const SET_MINIMUM_CALLS = 8;
export const SET_WINDOW_MS = 9;
export const SET_SLOW_CALL_MS = 10;
export const SET_RELATIVE = 11;
export const SET_MAX_OPEN = 12;
export const SET_MAX_TIMEOUT_MS = 13;
export const SET_STAGES = 14;
export const SET_STAGE_MS = 15;
export const SET_STAGE_CALLS = 16;
export const SET_SHADOW = 17;
export const SET_NEWCOMERS_RATE = 18;
export const SET_NEWCOMERS_BURST = 19;
export const SET_HALF_LIFE_MS = 20;
export const SET_AUTOMATIC = 21;
export const SET_PER_TRIP = 22;
export const SET_PER_CLEAN_WINDOW = 23;
/** Behind the settings: for each class its factor and whether it is exempt, an f64 each; then the names. */
export const ROOM_CLASSES = 192; // SETTINGS * 8
export const ROOM_CLASS_NAMES = 1216; // ROOM_CLASSES + CLASSES * 16

// The settings of a table: numbers in the order of assembly/layout.ts, and its classes. They go in through the room that
// batches pass through, and are read back from the record of limits that is in force.

import * as layout from '../../assembly/layout.js';
import * as settingLayout from '../../assembly/setting-layout.js';
import type { Core } from './core.js';

export { CLASS_NAME_BYTES, CLASSES } from '../../assembly/layout.js';
export {
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
  SETTINGS,
} from '../../assembly/setting-layout.js';

/** A class as the table has it. Its number is what rows name it by. */
export interface StoredClass {
  readonly number: number;
  readonly name: string;
  readonly factor: number;
  readonly exempt: boolean;
}

export interface StoredSettings {
  readonly values: readonly number[];
  readonly classes: readonly StoredClass[];
  /** Since when they are in force. */
  readonly changedAtMs: number;
}

/** Puts settings where `configure` finds them. */
export function writeSettings({ batchRoom }: Core, { values, classes }: Omit<StoredSettings, 'changedAtMs'>): void {
  const { buffer, byteOffset } = batchRoom;
  new Float64Array(buffer, byteOffset, settingLayout.SETTINGS).set(values);
  const numbers = new Float64Array(buffer, byteOffset + settingLayout.ROOM_CLASSES, layout.CLASSES * 2).fill(0);
  const room = new Uint8Array(
    buffer,
    byteOffset + settingLayout.ROOM_CLASS_NAMES,
    layout.CLASSES * layout.CLASS_NAME_BYTES,
  );
  room.fill(0);
  for (const { number, name, factor, exempt } of classes) {
    numbers[2 * number] = factor;
    numbers[2 * number + 1] = Number(exempt);
    room.set(new TextEncoder().encode(name), number * layout.CLASS_NAME_BYTES);
  }
}

/** The settings in force, which another thread may have written. */
export function readSettings({ memory }: Core): StoredSettings {
  const { buffer } = memory;
  const address = new DataView(buffer).getUint32(layout.AT_FORCE, true);
  const record = new DataView(buffer, address, layout.LIMITS_BYTES);
  const values = Array.from({ length: settingLayout.SETTINGS }, (_, i) =>
    record.getFloat64(layout.LIMITS_SETTINGS + 8 * i, true),
  );
  const ticks = Number(record.getBigUint64(layout.LIMITS_CHANGED_AT, true)) - layout.TICKS_START;
  const classes = readClasses(buffer, record.getUint32(layout.LIMITS_CLASSES, true));
  return { values, classes, changedAtMs: ticks / layout.TICKS_PER_MS };
}

function readClasses(buffer: ArrayBufferLike, address: number): StoredClass[] {
  const table = new DataView(buffer, address, layout.CLASSES_BYTES);
  const classes: StoredClass[] = [];
  for (let number = 1; number < layout.CLASSES; number++) {
    const entry = number * layout.CLASS_BYTES;
    const factor = table.getFloat64(entry + 16, true);
    if (factor === 0) continue;
    const start = address + layout.CLASS_NAMES + number * layout.CLASS_NAME_BYTES;
    // A decoder takes no shared memory, so it gets a copy.
    const bytes = new Uint8Array(buffer, start, layout.CLASS_NAME_BYTES).slice();
    const end = bytes.indexOf(0);
    const name = new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
    classes.push({ number, name, factor, exempt: table.getUint32(entry + 12, true) === 0 });
  }
  return classes;
}

/** The load factor in force: the power of two that its exponent stands for. */
export function readLoadFactor({ memory }: Core): number {
  return 2 ** -((new DataView(memory.buffer).getUint32(layout.AT_EXTRAS, true) & layout.EXTRAS_LOAD) / 16);
}

/** From how many ms on a success is slow; undefined where that is off. */
export function readSlowCallMs({ memory }: Core): number | undefined {
  const bytes = new DataView(memory.buffer);
  const record = bytes.getUint32(layout.AT_FORCE, true);
  const slowCallMs = bytes.getFloat64(record + layout.LIMITS_SETTINGS + 8 * settingLayout.SET_SLOW_CALL_MS, true);
  return slowCallMs > 0 ? slowCallMs : undefined;
}

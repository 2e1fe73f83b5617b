// What can be done to one peer by hand: its circuit, its class, its reputation.

import { requireNow } from './args.js';
import { ArgumentRangeError, shown } from './errors.js';
import type { PeerId } from './slots.js';
import type { Table } from './table.js';
import { epochOf, STALE, STATE_CLOSED, STATE_FORCED_CLOSED, STATE_FORCED_OPEN, slotOf } from './wasm/core.js';
import { readSettings } from './wasm/settings.js';

const STATES = { closed: STATE_CLOSED, forced_open: STATE_FORCED_OPEN, forced_closed: STATE_FORCED_CLOSED };

/** Does something to a row until it is still its peer's when it is done; undefined where there is no row. */
function withRow(find: () => number, act: (slot: number, epoch: number) => number): number | undefined {
  for (let ref = find(); ref >= 0; ref = find()) {
    const came = act(slotOf(ref), epochOf(ref));
    if (came !== STALE && !Number.isNaN(came)) return came;
  }
  return undefined;
}

/** Forces the circuit, or resets it; whether the peer has a row now. Only the first claims one. */
export function force(table: Table, id: PeerId, state: keyof typeof STATES, now: number): boolean {
  requireNow(now);
  const { core, slots } = table;
  const find = () => (state === 'closed' ? slots.find(id) : core.seat(slots.write(id), now));
  return withRow(find, (slot, epoch) => core.force(slot, epoch, STATES[state], now)) !== undefined;
}

/** Gives the peer a class, or takes it away; whether the peer has a row now. Only the first claims one. */
export function setClass(table: Table, id: PeerId, name: string | undefined, now: number): boolean {
  requireNow(now);
  const { core, slots } = table;
  const number = name === undefined ? 0 : numberOf(table, name);
  const find = () => (name === undefined ? slots.find(id) : core.seat(slots.write(id), now));
  return withRow(find, (slot, epoch) => core.setClass(slot, epoch, number)) !== undefined;
}

function numberOf({ core }: Table, name: string): number {
  const { classes } = readSettings(core);
  const found = classes.find((known) => known.name === name);
  if (found !== undefined) return found.number;
  const names = classes.map((known) => known.name).join(', ');
  throw new ArgumentRangeError(
    'ERR_PEERGATE_CLASS',
    `class: expected one of the configured classes (${names === '' ? 'there are none' : names}), got ${shown(name)}`,
  );
}

/** The name of the peer's class; undefined where it has none. */
export function classOf({ core, slots }: Table, id: PeerId): string | undefined {
  const ref = slots.find(id);
  const number = core.classNumber(slotOf(ref), epochOf(ref));
  return readSettings(core).classes.find((known) => known.number === number)?.name;
}

const MOST_POINTS = 100;

/** Adds points to the peer's reputation; what it is then. A peer that finds no row has none. */
export function adjustReputation(table: Table, id: PeerId, delta: number, now: number): number {
  requireNow(now);
  if (typeof delta !== 'number' || !(delta >= -2 * MOST_POINTS && delta <= 2 * MOST_POINTS)) {
    throw new ArgumentRangeError(
      'ERR_PEERGATE_REPUTATION',
      `delta: expected points from ${-2 * MOST_POINTS} to ${2 * MOST_POINTS}, got ${shown(delta)}`,
    );
  }
  const { core, slots } = table;
  return (
    withRow(
      () => core.seat(slots.write(id), now),
      (slot, epoch) => core.adjust(slot, epoch, delta, now),
    ) ?? 0
  );
}

export function reputationOf({ core, slots }: Table, id: PeerId, now: number): number {
  requireNow(now);
  const ref = slots.find(id);
  return core.reputation(slotOf(ref), epochOf(ref), now);
}

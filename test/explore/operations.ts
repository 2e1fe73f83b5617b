// What threads do in scenarios, and what judges ask. Time stands still at NOW.

import * as layout from '../../assembly/layout.js';
import type { Actor, World } from './explorer.js';
import type { Machine, Operation } from './machine.js';
import { settingsOf } from './settings.js';

export const NOW = 1_000_000;
export const LIMITS = { rate: 1, burst: 2, threshold: 2, timeoutMs: 50, probes: 1 };
const { NO_PERMIT, OUTCOME_FAILURE, STALE } = layout;

/** The first row that a table gives away, as a handle knows it. */
const SLOT = 0;
const EPOCH = 1;

/** By ID: the peer's row is looked for, and claimed where there is none. */
export const checkId = (id: string, now = NOW): Operation => ({
  what: `check ${id}`,
  id,
  call: (core, length) => core['checkId']?.(length, 1, now) as number,
});
/** By a handle of the first row, as a connection does it: by ID only where that row is no longer its peer's. */
export const check = (id: string, now = NOW): Operation => ({
  what: `check ${id}`,
  id,
  call(core, length) {
    const decision = core['check']?.(SLOT, EPOCH, 1, now) as number;
    return decision === STALE ? (core['checkId']?.(length, 1, now) as number) : decision;
  },
});

/** The same without the ID: a row that is no longer its peer's ends it. */
export const checkHandle: Operation = {
  what: 'check by handle',
  id: 'nobody',
  call: (core) => core['check']?.(SLOT, EPOCH, 1, NOW) as number,
};

const settled = (what: string, id: string, outcome: number, now: number, permit: Permit): Operation => ({
  what,
  id,
  call(core, length, results) {
    const counted = core['settle']?.(SLOT, EPOCH, outcome, permit(results), now, 0) as number;
    return counted === STALE ? (core['settleId']?.(length, outcome, permit(results), now, 0) as number) : counted;
  },
});
type Permit = (results: readonly number[]) => number;

export const record = (id: string, outcome: number, now = NOW) =>
  settled(`record ${outcome === OUTCOME_FAILURE ? 'failure' : 'success'} of ${id}`, id, outcome, now, () => NO_PERMIT);
/** Settles with the permit that the thread's operation before gave. */
export const settle = (id: string, outcome: number, now = NOW) =>
  settled(`settle ${id}`, id, outcome, now, (results) => results.at(-1) as number);

/** Gives a token back, by the handle of the first row. */
export const refund: Operation = {
  what: 'refund',
  id: 'nobody',
  call: (core) => core['refund']?.(SLOT, EPOCH, 1) as number,
};
export const remove = (id: string): Operation => ({
  what: `remove ${id}`,
  id,
  call: (core, length) => core['remove']?.(length) as number,
});
export const pin = (id: string): Operation => ({
  what: `pin ${id}`,
  id,
  call: (core, length) => core['acquire']?.(length, NOW) as number,
});
export const configure = (rate: number, threshold = LIMITS.threshold): Operation => ({
  what: `configure ${rate}/s`,
  id: 'nobody',
  settings: settingsOf({ ...LIMITS, rate, threshold }),
  call: (core) => {
    core['configure']?.(NOW);
    return 0;
  },
});
/** Ends the tenancy of a thread that died, and joins under its number. */
export const succeed = (thread: number): Operation => ({
  what: `succeed thread ${thread}`,
  id: 'nobody',
  call: (core) => {
    core['detach']?.(thread, core['tenancyOf']?.(thread) as number);
    if (core['reserve']?.() !== thread) return -1;
    return core['attach']?.(thread, core['tenancyOf']?.(thread) as number) as number;
  },
});

export const actor = (...operations: Operation[]): Actor => ({ operations });
export const mortal = (...operations: Operation[]): Actor => ({ operations, mortal: true });

export const allowed = ({ results }: World) => results.flat().filter((result) => result >= 0).length;
export const decide = (table: Machine, id: string, now = NOW, cost = 1) => table.callFor(id, 'checkId', cost, now);
export const failed = (table: Machine, id: string, now = NOW) =>
  table.callFor(id, 'settleId', OUTCOME_FAILURE, NO_PERMIT, now, 0);
const look = (table: Machine, name: string, id: string, now: number) => {
  const ref = table.callFor(id, 'find');
  return table.call(name, ref % layout.MAX_PEERS, Math.floor(ref / layout.MAX_PEERS), now);
};
export const tokens = ({ table }: World, id: string, now = NOW) => look(table, 'availableTokens', id, now);
export const state = ({ table }: World, id: string, now = NOW) => look(table, 'circuitState', id, now);

/** Says what differs. */
export function differs(what: string, expected: unknown, came: unknown): string | undefined {
  return JSON.stringify(expected) === JSON.stringify(came) ? undefined : `${what}: expected ${expected}, got ${came}`;
}

/**
 * Whether newcomers find all the rows that there are, once everybody's debts are paid: all but one while a thread that
 * died is not detached, all of them afterwards.
 */
export function allUsable({ table, dead, bury }: World): string | undefined {
  const lost = (from: number) => {
    for (let i = 0; i < 3 * table.rows; i++) decide(table, `newcomer ${i} of ${from}`, from + i * 1e8);
    let without = 0;
    for (let i = 0; i < table.rows; i++) without += Number(decide(table, `last ${i} of ${from}`, from + 1e10) < 0);
    return without;
  };
  const before = lost(NOW + 1e9);
  if (before > Number(dead)) return `${before} of ${table.rows} rows are lost`;
  bury();
  const after = lost(NOW + 1e11);
  return after > 0 ? `${after} of ${table.rows} rows are lost for ever` : undefined;
}

// One thread saves the row, while another goes on with it: what is saved is a row as it was at one instant.

import * as layout from '../../assembly/layout.js';
import type { Scenario, World } from './explorer.js';
import type { Operation } from './machine.js';
import { actor, check, checkId, configure, decide, LIMITS, mortal, NOW, record, remove } from './operations.js';

const { OUTCOME_FAILURE, SAVE_CHANGED } = layout;
/** That of a table that was configured once. */
const VERSION = 2;
const TICKS_PER_TOKEN = BigInt((1000 / LIMITS.rate) * layout.TICKS_PER_MS);
const START = BigInt(NOW * layout.TICKS_PER_MS + layout.TICKS_START);
const NO_ROW = 0;

/** What a record says, as one number: whose it is (the first character of the ID), the debt in tokens, the failures. */
const saying = (id: string, debt: number, failures: number) => id.charCodeAt(0) * 100 + debt * 10 + failures;

const save: Operation = {
  what: 'save',
  id: 'nobody',
  call(core, _length, _results, room) {
    const saved = core['save']?.(0, VERSION) as number;
    if (saved < 0) return saved;
    // The overflow row comes last.
    if (saved % 64 < 2) return NO_ROW;
    const debt = (room.getBigUint64(layout.ROW_BUCKET, true) >> 3n) - START;
    const tokens = debt <= 0n ? 0 : Number((debt + TICKS_PER_TOKEN - 1n) / TICKS_PER_TOKEN);
    const failures = Number((room.getBigUint64(layout.ROW_BREAKER, true) >> 16n) & 0xffffffffn);
    return room.getUint8(layout.ROW_BYTES + layout.COLD_ID) * 100 + tokens * 10 + failures;
  },
};

/** What may have been saved. */
const oneOf =
  (...possible: number[]) =>
  ({ results }: World) => {
    const saved = results[0]?.[0] as number;
    return possible.includes(saved) ? undefined : `saved: expected one of ${possible.join(', ')}, got ${saved}`;
  };

/** For the long run: nearly two hundred thousand states. */
export const savingLong: readonly Scenario[] = [
  {
    name: 'save / reclaim, whose thread dies: a peer that keeps its row is saved',
    rows: 1,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'peer', NOW - 1e6),
    actors: [actor(save), mortal(checkId('other'))],
    judge: (world) => {
      const kept = world.table.callFor('peer', 'find') >= 0;
      return oneOf(saying('peer', 0, 0), ...(kept ? [] : [NO_ROW, saying('other', 1, 0)]))(world);
    },
  },
];

export const saving: readonly Scenario[] = [
  {
    name: 'save / a check, then a failure: bucket and breaker are of one instant',
    rows: 1,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'peer'),
    actors: [actor(save), actor(check('peer'), record('peer', OUTCOME_FAILURE))],
    judge: oneOf(saying('peer', 1, 0), saying('peer', 2, 0), saying('peer', 2, 1)),
  },
  {
    name: 'save / remove, claim of another: nothing of one peer is saved with the other',
    rows: 1,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'peer', NOW, 2),
    actors: [actor(save), actor(remove('peer'), record('other', OUTCOME_FAILURE))],
    judge: oneOf(NO_ROW, saying('peer', 2, 0), saying('other', 0, 1)),
  },
  {
    name: 'save / claim by reclaiming: the row is saved as its last owner’s or as its next one’s',
    rows: 1,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'peer', NOW - 1e6),
    actors: [actor(save), actor(checkId('other'))],
    judge: oneOf(NO_ROW, saying('peer', 0, 0), saying('other', 1, 0)),
  },
  {
    name: 'save / configure: a debt is in the limits that were asked for, or nothing is saved',
    rows: 1,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'peer'),
    actors: [actor(save), actor(configure(LIMITS.rate / 2), check('peer'))],
    judge: oneOf(SAVE_CHANGED, saying('peer', 1, 0)),
  },
];

// Threads that meet at what moves: windows, ramps, reputations and classes, the buckets that several share.

import * as layout from '../../assembly/layout.js';
import * as settingLayout from '../../assembly/setting-layout.js';
import type { Scenario, World } from './explorer.js';
import type { Machine, Operation } from './machine.js';
import {
  actor,
  allowed,
  allUsable,
  check,
  checkHandle,
  checkId,
  decide,
  differs,
  failed,
  LIMITS,
  mortal,
  NOW,
  record,
  remove,
  settle,
  state,
  tokens,
} from './operations.js';

const { NO_PERMIT, OUTCOME_FAILURE, OUTCOME_SUCCESS, STALE } = layout;
const SLOT = 0;
const EPOCH = 1;

const limitsWith = (others: Readonly<Record<number, number>>, limits = {}) => ({
  ...LIMITS,
  burst: 9,
  ...limits,
  others,
});
/** Two results make a window, one failure of two trips; the run of failures never does. */
const RATE = limitsWith(
  { [settingLayout.SET_FAILURE_RATE]: 0.5, [settingLayout.SET_MINIMUM_CALLS]: 3 },
  { threshold: 1_000 },
);
/** One stage, which lets half of the requests through and is judged from two results on. */
const RAMP = limitsWith(
  { [settingLayout.SET_STAGES]: 1, [settingLayout.SET_STAGE_MS]: 10, [settingLayout.SET_STAGE_CALLS]: 2 },
  { threshold: 1, burst: 99 },
);

const onRow = (what: string, name: string, ...args: number[]): Operation => ({
  what,
  id: 'nobody',
  call: (core) => core[name]?.(SLOT, EPOCH, ...args) as number,
});
const adjust = (points: number) => onRow(`adjust by ${points}`, 'adjust', points, NOW);
const setClass = (number: number) => onRow(`class ${number}`, 'setClass', number);
const force = (state: number) => onRow(`force ${state}`, 'force', state, NOW);
/** The first row and the second together. */
const checkBoth: Operation = {
  what: 'check both',
  id: 'nobody',
  call(core, _length, _results, room) {
    for (const place of [0, 1]) {
      room.setInt32(place * 4, place, true);
      room.setInt32((layout.BATCH + place) * 4, place + 1, true);
    }
    return core['checkAll']?.(2, 1, NOW) as number;
  },
};
/** A success with the permit of the operation before, as a handle records it first. */
const succeedHandle: Operation = {
  what: 'success by handle',
  id: 'nobody',
  call: (core, _length, results) => core['succeedAt']?.(SLOT, EPOCH, results.at(-1) as number, NOW) as number,
};
const checkSecond: Operation = {
  what: 'check the second',
  id: 'nobody',
  call: (core) => core['check']?.(1, 2, 1, NOW) as number,
};

const succeeded = (table: Machine, now = NOW) => table.call('settle', SLOT, EPOCH, OUTCOME_SUCCESS, NO_PERMIT, now, 0);
/** Opens the circuit, and lets its probe succeed 10 ms before NOW. */
function inRamp(table: Machine): void {
  failed(table, 'peer', NOW - 100);
  const probe = decide(table, 'peer', NOW - 10);
  table.call('settle', SLOT, EPOCH, OUTCOME_SUCCESS, probe, NOW - 10, 0);
}
const opened = ({ table }: World) => table.total(layout.COUNT_CIRCUIT_OPENED);
const points = ({ table }: World) => table.call('reputation', SLOT, EPOCH, NOW);
const isGiven = (decision: number | undefined) => decision !== undefined && decision >= 0 && decision !== STALE;

export const adaptive: readonly Scenario[] = [
  {
    name: 'failure / failure at the failure rate',
    rows: 1,
    limits: RATE,
    setUp: (table) => {
      decide(table, 'peer');
      succeeded(table);
    },
    actors: [actor(record('peer', OUTCOME_FAILURE)), actor(record('peer', OUTCOME_FAILURE))],
    judge: (world) => differs('opened', 1, opened(world)) ?? differs('state', layout.STATE_OPEN, state(world, 'peer')),
  },
  {
    name: 'failure / success: no result of a window is lost',
    rows: 1,
    limits: RATE,
    setUp: (table) => void decide(table, 'peer'),
    actors: [actor(record('peer', OUTCOME_FAILURE)), actor(record('peer', OUTCOME_SUCCESS))],
    judge(world) {
      failed(world.table, 'peer');
      return differs('state after two failures of three', layout.STATE_OPEN, state(world, 'peer'));
    },
  },
  {
    // The window tells four lives apart, so there are as many before the one that it would be taken for.
    name: 'success by handle / remove and claim, four times: no result lands on another peer’s row',
    rows: 1,
    limits: limitsWith(
      { [settingLayout.SET_FAILURE_RATE]: 0.6, [settingLayout.SET_MINIMUM_CALLS]: 3 },
      { threshold: 1_000 },
    ),
    setUp: (table) => void decide(table, 'life 0'),
    actors: [
      actor(checkHandle, succeedHandle),
      actor(
        ...[0, 1, 2, 3].flatMap((life) => [remove(`life ${life}`), checkId(`life ${life + 1}`)]),
        ...[1, 2, 3].map(() => record('life 4', OUTCOME_SUCCESS)),
      ),
    ],
    judge(world) {
      for (let i = 0; i < 5; i++) failed(world.table, 'life 4');
      return differs('state after five failures of eight', layout.STATE_OPEN, state(world, 'life 4'));
    },
  },
  {
    name: 'late result / new generation, with a window',
    rows: 1,
    limits: { ...RATE, threshold: 1 },
    setUp: (table) => void decide(table, 'peer'),
    actors: [
      actor(check('peer'), settle('peer', OUTCOME_FAILURE)),
      actor(force(layout.STATE_CLOSED), force(layout.STATE_CLOSED)),
    ],
    judge: (world) => differs('opened by what counted', world.results[0]?.[1], opened(world)),
  },
  {
    name: 'a lease that lapsed, seen by two',
    rows: 1,
    limits: { ...LIMITS, burst: 9, threshold: 1 },
    setUp: (table) => {
      failed(table, 'peer', NOW - 100);
      decide(table, 'peer', NOW - 50);
    },
    actors: [actor(check('peer')), actor(record('peer', OUTCOME_SUCCESS))],
    judge: (world) => differs('opened', 2, opened(world)),
  },
  {
    name: 'check / check in a ramp: every second one passes',
    rows: 1,
    limits: RAMP,
    setUp: (table) => {
      inRamp(table);
      for (let i = 0; i < 2; i++) decide(table, 'peer', NOW - 5);
    },
    actors: [actor(check('peer', NOW - 5)), actor(check('peer', NOW - 5))],
    judge: (world) => differs('allowed', 1, allowed(world)),
  },
  {
    name: 'success / success at the end of a stage: one of them ends it',
    rows: 1,
    limits: RAMP,
    setUp: (table) => {
      inRamp(table);
      succeeded(table, NOW - 5);
    },
    actors: [actor(record('peer', OUTCOME_SUCCESS)), actor(record('peer', OUTCOME_SUCCESS))],
    judge: (world) =>
      differs('recovered', 1, world.table.total(layout.COUNT_RECOVERED)) ??
      differs('state', layout.STATE_CLOSED, state(world, 'peer')),
  },
  {
    name: 'failure / failure in a ramp: one of them opens it',
    rows: 1,
    limits: RAMP,
    setUp: inRamp,
    actors: [actor(record('peer', OUTCOME_FAILURE)), actor(record('peer', OUTCOME_FAILURE))],
    judge: (world) => differs('opened', 2, opened(world)) ?? differs('state', layout.STATE_OPEN, state(world, 'peer')),
  },
  {
    name: 'failure that trips, whose thread dies / check',
    rows: 1,
    limits: { ...RATE, threshold: 1 },
    setUp: (table) => void decide(table, 'peer'),
    actors: [mortal(record('peer', OUTCOME_FAILURE)), actor(check('peer'))],
    judge: (world) => {
      const shut = state(world, 'peer') === layout.STATE_OPEN;
      return world.dead || shut ? allUsable(world) : 'the failure was lost';
    },
  },
  {
    name: 'forced open / failure / nothing opens it again',
    rows: 1,
    limits: { ...LIMITS, burst: 9, threshold: 1 },
    setUp: (table) => void decide(table, 'peer'),
    actors: [actor(force(layout.STATE_FORCED_OPEN)), actor(record('peer', OUTCOME_FAILURE))],
    judge: (world) => differs('state', layout.STATE_FORCED_OPEN, state(world, 'peer')),
  },
  {
    name: 'adjust / adjust / class: nothing is lost',
    rows: 1,
    limits: limitsWith({}),
    setUp: (table) => void decide(table, 'peer'),
    actors: [actor(adjust(-10), setClass(5)), actor(adjust(-20))],
    judge: (world) =>
      differs('points', -30, points(world)) ?? differs('class', 5, world.table.call('classNumber', SLOT, EPOCH)),
  },
  {
    name: 'success / success: a peer is established and active once, one dies',
    rows: 1,
    limits: limitsWith({ [settingLayout.SET_MINIMUM_CALLS]: 1 }),
    setUp: (table) => void decide(table, 'peer'),
    actors: [mortal(record('peer', OUTCOME_SUCCESS)), actor(record('peer', OUTCOME_SUCCESS))],
    judge(world) {
      const active = world.table.call('fleet', 1, NOW);
      // A death between the two words leaves one peer out of the count, for a window.
      return world.dead && active === 0 ? undefined : differs('active', 1, active);
    },
  },
  {
    name: 'remove, claim of another / adjust: no points land on another peer’s row',
    rows: 1,
    limits: limitsWith({}),
    setUp: (table) => void decide(table, 'peer'),
    actors: [
      actor(
        { what: 'remove', id: 'peer', call: (core, length) => core['remove']?.(length) as number },
        checkId('other'),
      ),
      actor(adjust(-20)),
    ],
    judge: ({ table }) => differs('points of the other', 0, table.call('reputation', SLOT, EPOCH + 2, NOW)),
  },
  {
    name: 'newcomer / newcomer at the last token that newcomers share',
    rows: 3,
    limits: limitsWith({ [settingLayout.SET_NEWCOMERS_RATE]: 1, [settingLayout.SET_NEWCOMERS_BURST]: 2 }),
    setUp: (table) => {
      decide(table, 'peer');
    },
    actors: [actor(check('peer')), actor(check('peer'))],
    judge: (world) => differs('allowed', 1, allowed(world)) ?? differs('tokens', 7, tokens(world, 'peer')),
  },
  {
    name: 'newcomer / newcomer at the last token of its own: what newcomers share is given back',
    rows: 3,
    limits: limitsWith(
      { [settingLayout.SET_NEWCOMERS_RATE]: 1e-3, [settingLayout.SET_NEWCOMERS_BURST]: 4 },
      { burst: 2 },
    ),
    setUp: (table) => void decide(table, 'peer'),
    actors: [actor(check('peer')), actor(check('peer'))],
    judge(world) {
      const more = [0, 1, 2].filter((i) => decide(world.table, `newcomer ${i}`) >= 0).length;
      return differs('allowed', 1, allowed(world)) ?? differs('left for others', 2, more);
    },
  },
  {
    name: 'both / second, at the second’s last token: none is charged in vain, and none let through too much',
    rows: 2,
    limits: { ...LIMITS, burst: 2 },
    setUp: (table) => {
      decide(table, 'peer');
      decide(table, 'everyone');
    },
    actors: [actor(checkBoth), actor(checkSecond)],
    judge(world) {
      const [[both] = [], [second] = []] = world.results;
      const given = Number(isGiven(both)) + Number(isGiven(second));
      return (
        differs('allowed', 1, given) ??
        differs('tokens of the second', 0, tokens(world, 'everyone')) ??
        differs('tokens of the first', isGiven(both) ? 0 : 1, tokens(world, 'peer'))
      );
    },
  },
  {
    name: 'both / first, at the first’s last token: a refusal undoes what it took',
    rows: 2,
    limits: { ...LIMITS, burst: 2 },
    setUp: (table) => {
      decide(table, 'peer');
      decide(table, 'everyone');
    },
    actors: [actor(checkBoth), actor(check('peer'))],
    judge(world) {
      const [[both] = [], [first] = []] = world.results;
      return (
        differs('allowed', 1, Number(isGiven(both)) + Number(isGiven(first))) ??
        differs('tokens of the first', 0, tokens(world, 'peer')) ??
        differs('tokens of the second', isGiven(both) ? 0 : 1, tokens(world, 'everyone'))
      );
    },
  },
  {
    name: 'both, whose thread dies / both: at most one token of each is lost',
    rows: 2,
    limits: { ...LIMITS, burst: 3 },
    setUp: (table) => {
      decide(table, 'peer');
      decide(table, 'everyone');
    },
    actors: [mortal(checkBoth), actor(checkBoth)],
    judge: (world) =>
      world.results[1]?.[0] === undefined || !isGiven(world.results[1][0]) ? 'the living was refused' : undefined,
  },
  {
    name: 'check / check / success in a ramp',
    rows: 1,
    limits: RAMP,
    setUp: (table) => {
      inRamp(table);
      for (let i = 0; i < 2; i++) decide(table, 'peer', NOW - 5);
    },
    actors: [
      actor(check('peer', NOW - 5)),
      actor(check('peer', NOW - 5)),
      actor(record('peer', OUTCOME_SUCCESS, NOW - 5)),
    ],
    judge: (world) => differs('allowed', 1, world.results.slice(0, 2).filter(([d]) => isGiven(d)).length),
  },
];

/** Minutes. */
export const adaptiveLong: readonly Scenario[] = [
  {
    name: 'failure / failure / success at the failure rate',
    rows: 1,
    limits: RATE,
    setUp: (table) => void decide(table, 'peer'),
    actors: [OUTCOME_FAILURE, OUTCOME_FAILURE, OUTCOME_SUCCESS].map((outcome) => actor(record('peer', outcome))),
    judge(world) {
      // If the success came last, it is a failure more that trips: only a failure does.
      failed(world.table, 'peer');
      return differs('opened', 1, opened(world));
    },
  },
];

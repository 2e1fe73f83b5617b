// What is explored: two threads at the places where they can get in each other's way.

import * as layout from '../../assembly/layout.js';
import type { Scenario, World } from './explorer.js';
import {
  actor,
  allowed,
  allUsable,
  check,
  checkId,
  configure,
  decide,
  differs,
  failed,
  LIMITS,
  mortal,
  NOW,
  pin,
  record,
  refund,
  remove,
  settle,
  state,
  tokens,
} from './operations.js';

const { OUTCOME_FAILURE, OUTCOME_SUCCESS } = layout;
/** Permits only. */
const generationIn = (permit: number) => permit & (2 ** layout.GENERATION_BITS - 1);

/** Of one that was let through and failed, while the other failed, probed and succeeded. */
export function lateOrNot({ results }: World): string | undefined {
  const [[mine = -1, counted] = [], [failure, probe = -1, closed] = []] = results;
  if (failure === 1 && mine >= 0 && mine === probe) return 'one probe, two permits';
  const after = closed === 1 && generationIn(mine) === generationIn(probe) + 1;
  return counted === 1 && failure === 1 && !after ? 'a result counted in a generation that is not its own' : undefined;
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'check / check at the last token',
    rows: 2,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'peer'),
    actors: [actor(check('peer')), actor(check('peer'))],
    judge: (world) => differs('allowed', 1, allowed(world)) ?? differs('tokens', 0, tokens(world, 'peer')),
  },
  {
    name: 'claim / claim of one peer',
    rows: 2,
    limits: LIMITS,
    actors: [actor(checkId('peer')), actor(checkId('peer'))],
    judge: (world) =>
      differs('allowed', 2, allowed(world)) ??
      differs('tokens', 0, tokens(world, 'peer')) ??
      differs('claimed', 1, world.table.total(layout.COUNT_CLAIMED) - world.table.total(layout.COUNT_FREED)) ??
      allUsable(world),
  },
  {
    name: 'claim with a pin / claim of one peer: one row, and the pin stays',
    rows: 1,
    limits: LIMITS,
    actors: [actor(pin('peer')), actor(checkId('peer'))],
    judge: (world) => {
      const { table, results } = world;
      const [[pinned = -1] = [], [decision = -1] = []] = results;
      // Who comes while the only row is being claimed may be refused once, its own peer's row though it is.
      const newcomer = pinned >= 0 && decide(table, 'newcomer', NOW + 1e8) >= 0;
      return newcomer
        ? 'a pinned row was given away'
        : differs('rows', pinned >= 0 || decision >= 0 ? 1 : 0, table.owners().length);
    },
  },
  {
    name: 'claim with a pin / claim of one peer, two rows',
    rows: 2,
    limits: LIMITS,
    actors: [actor(pin('peer')), actor(checkId('peer'))],
    judge: (world) =>
      differs('claimed', 1, world.table.total(layout.COUNT_CLAIMED) - world.table.total(layout.COUNT_FREED)) ??
      differs('tokens', 1, tokens(world, 'peer')),
  },
  {
    name: 'claim / claim of one peer, one dies',
    rows: 2,
    limits: LIMITS,
    actors: [mortal(checkId('peer')), actor(checkId('peer'))],
    judge: (world) => (tokens(world, 'peer') > 1 ? 'a charge was lost' : undefined) ?? allUsable(world),
  },
  {
    name: 'claim / claim of two peers, one row, one dies',
    rows: 1,
    limits: LIMITS,
    actors: [mortal(checkId('one')), actor(checkId('other'))],
    judge: (world) => allUsable(world),
  },
  {
    // Both IDs have the same first set, so that the position which the dead thread noted is where the other's entry goes.
    name: 'claim, whose thread dies / claim: what the dead noted takes nobody’s entry away',
    rows: 2,
    limits: LIMITS,
    actors: [mortal(checkId('one')), actor(checkId('early'))],
    judge: (world) => {
      const { table, results, bury } = world;
      if ((results[1]?.[0] as number) < 0) return undefined;
      bury();
      // Somebody gets the row of the dead, and clears the position that is noted there.
      for (let i = 0; i < 3; i++) decide(table, 'late', NOW);
      return differs('tokens of who was let through', 1, tokens(world, 'early'));
    },
  },
  {
    name: 'claim / reclaim: a full bucket’s row is wanted by a newcomer while its peer comes back',
    rows: 1,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'idle', NOW - 10_000),
    actors: [actor(check('idle')), actor(checkId('newcomer'))],
    judge: (world) => {
      const [idle = [], newcomer = []] = world.results;
      const both = (idle[0] as number) >= 0 && (newcomer[0] as number) >= 0;
      const owner = tokens(world, 'idle') === 1 || tokens(world, 'newcomer') === 1;
      if (!owner) return 'whoever was let through owes nothing';
      // Both can be let through only if the newcomer took the row first, or last, with nothing owed in between: not now.
      return both ? 'a debt was forgotten' : undefined;
    },
  },
  {
    name: 'reclaim, whose thread dies / check',
    rows: 1,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'idle', NOW - 10_000),
    actors: [mortal(checkId('newcomer')), actor(check('idle'))],
    judge: (world) => allUsable(world),
  },
  {
    name: 'reclaim / pin',
    rows: 1,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'idle', NOW - 10_000),
    actors: [actor(pin('idle')), actor(checkId('newcomer'))],
    judge: (world) => {
      const [[pinned = -1] = [], [decision = -1] = []] = world.results;
      if (pinned >= 0 && decision >= 0) return 'a pinned row was given away';
      return pinned < 0 && decision < 0 ? 'the row is nobody’s' : undefined;
    },
  },
  {
    name: 'reclaim / failure',
    rows: 1,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'idle', NOW - 10_000),
    actors: [actor(record('idle', OUTCOME_FAILURE)), actor(checkId('newcomer'))],
    judge: (world) => {
      const [[counted = 0] = [], [decision = -1] = []] = world.results;
      return counted === 1 && decision >= 0 ? 'a failure was forgotten' : undefined;
    },
  },
  {
    name: 'remove / check',
    rows: 2,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'peer', NOW, 2),
    actors: [actor(remove('peer')), actor(check('peer'))],
    judge: (world) =>
      differs(
        'tokens',
        allowed({ ...world, results: [[], world.results[1] ?? []] }) === 1 ? 1 : 2,
        tokens(world, 'peer'),
      ) ?? allUsable(world),
  },
  {
    name: 'remove, claim of another / check: no charge lands on another peer’s row',
    rows: 1,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'peer'),
    actors: [actor(remove('peer'), checkId('other')), actor(check('peer'))],
    judge: (world) => {
      const other = world.results[0]?.[1] as number;
      return other >= 0 ? differs('tokens of the other', 1, tokens(world, 'other')) : undefined;
    },
  },
  {
    name: 'failure / failure at the threshold',
    rows: 2,
    limits: { ...LIMITS, burst: 9 },
    setUp: (table) => void decide(table, 'peer'),
    actors: [actor(record('peer', OUTCOME_FAILURE)), actor(record('peer', OUTCOME_FAILURE))],
    judge: (world) =>
      differs('opened', 1, world.table.total(layout.COUNT_CIRCUIT_OPENED)) ??
      differs('state', layout.STATE_OPEN, state(world, 'peer')),
  },
  {
    name: 'failure / success at the threshold',
    rows: 2,
    limits: { ...LIMITS, burst: 9 },
    setUp: (table) => void failed(table, 'peer'),
    actors: [actor(record('peer', OUTCOME_FAILURE)), actor(record('peer', OUTCOME_SUCCESS))],
    judge: (world) => {
      const opened = world.table.total(layout.COUNT_CIRCUIT_OPENED);
      return differs('state', opened ? layout.STATE_OPEN : layout.STATE_CLOSED, state(world, 'peer'));
    },
  },
  {
    name: 'probe / probe',
    rows: 2,
    limits: { ...LIMITS, burst: 9 },
    setUp: (table) => {
      for (let i = 0; i < 2; i++) failed(table, 'peer', NOW - 60);
    },
    actors: [actor(check('peer')), actor(check('peer'))],
    judge: (world) => differs('probes', 1, allowed(world)) ?? differs('tokens', 8, tokens(world, 'peer')),
  },
  {
    name: 'probe / probe at the last token',
    rows: 2,
    limits: { ...LIMITS, burst: 1 },
    setUp: (table) => {
      for (let i = 0; i < 2; i++) failed(table, 'peer', NOW - 60);
    },
    actors: [actor(check('peer'), settle('peer', OUTCOME_SUCCESS)), actor(check('peer'))],
    judge: (world) => differs('allowed', 1, world.results.filter(([decision]) => (decision as number) >= 0).length),
  },
  {
    name: 'probe that loses its token’s swap / refund, success of the probe',
    rows: 1,
    limits: { ...LIMITS, burst: 9, threshold: 1 },
    setUp: (table) => {
      decide(table, 'peer', NOW - 60);
      failed(table, 'peer', NOW - 60);
    },
    actors: [actor(check('peer'), settle('peer', OUTCOME_FAILURE)), actor(refund, record('peer', OUTCOME_SUCCESS))],
    // Only a probe that was out already can have succeeded, and with that its period was over.
    judge: ({ results }) =>
      results.every(([, counted]) => counted === 1) ? 'one probe, judged in two periods' : undefined,
  },
  {
    name: 'probe that loses its token’s swap / failure, probe of the next period: that probe stays out',
    rows: 1,
    limits: LIMITS,
    setUp: (table) => {
      for (let i = 0; i < 2; i++) failed(table, 'peer', NOW - 60);
    },
    actors: [actor(check('peer')), actor(record('peer', OUTCOME_FAILURE), check('peer', NOW + 5_000))],
    judge: ({ table, results }) => {
      const probing = results[1]?.[0] === 1 && (results[1]?.[1] as number) >= 0 && (results[0]?.[0] as number) < 0;
      return probing && decide(table, 'peer', NOW + 5_000) >= 0 ? 'two probes are out' : undefined;
    },
  },
  {
    name: 'late result / new generation',
    rows: 2,
    limits: { ...LIMITS, burst: 9, threshold: 1 },
    setUp: (table) => void decide(table, 'peer'),
    actors: [
      actor(check('peer'), settle('peer', OUTCOME_FAILURE)),
      actor(record('peer', OUTCOME_FAILURE), check('peer', NOW + 60), settle('peer', OUTCOME_SUCCESS, NOW + 60)),
    ],
    judge: lateOrNot,
  },
  {
    name: 'failure / failure, both the first of a peer that one failure shuts out',
    rows: 2,
    limits: { ...LIMITS, threshold: 1 },
    actors: [actor(record('peer', OUTCOME_FAILURE)), actor(record('peer', OUTCOME_FAILURE))],
    judge: (world) => differs('opened', 1, world.table.total(layout.COUNT_CIRCUIT_OPENED)),
  },
  {
    name: 'configure / check: a debt is kept, whoever converts it',
    rows: 1,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'peer'),
    actors: [actor(configure(2)), actor(check('peer'))],
    judge: (world) => differs('tokens', 0, tokens(world, 'peer')),
  },
  {
    name: 'configure, configure / check',
    rows: 1,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'peer'),
    actors: [actor(configure(2), configure(4)), actor(check('peer'))],
    judge: (world) =>
      differs('decision', true, (world.results[1]?.[0] as number) >= 0) ?? differs('tokens', 0, tokens(world, 'peer')),
  },
  {
    name: 'configure three times / check: the limits it reads may be written anew meanwhile',
    rows: 1,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'peer'),
    actors: [actor(configure(2), configure(4), configure(8)), actor(check('peer'))],
    judge: (world) =>
      differs('decision', true, (world.results[1]?.[0] as number) >= 0) ?? differs('tokens', 0, tokens(world, 'peer')),
  },
  {
    name: 'configure / failure, by either threshold',
    rows: 1,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'peer'),
    actors: [actor(configure(1, 1)), actor(record('peer', OUTCOME_FAILURE))],
    judge: (world) => {
      const opened = world.table.total(layout.COUNT_CIRCUIT_OPENED);
      return differs('state', opened ? layout.STATE_OPEN : layout.STATE_CLOSED, state(world, 'peer'));
    },
  },
  {
    name: 'configure / claim: a newborn is in the limits in force',
    rows: 1,
    limits: LIMITS,
    actors: [actor(configure(2)), actor(checkId('peer'))],
    judge: (world) => differs('tokens', 1, tokens(world, 'peer')),
  },
];

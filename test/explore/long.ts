// What takes long to explore, and is explored on request: PEERGATE_EXPLORE=3.

import * as layout from '../../assembly/layout.js';
import type { Scenario } from './explorer.js';
import {
  actor,
  allowed,
  allUsable,
  check,
  checkHandle,
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
  remove,
  settle,
  succeed,
  tokens,
} from './operations.js';
import { lateOrNot } from './scenarios.js';

const { OUTCOME_FAILURE, OUTCOME_SUCCESS } = layout;

export const long: readonly Scenario[] = [
  {
    name: 'claim, late / new generation',
    rows: 1,
    limits: { ...LIMITS, burst: 9, threshold: 1 },
    actors: [
      actor(checkId('peer'), settle('peer', OUTCOME_FAILURE)),
      actor(record('peer', OUTCOME_FAILURE), check('peer', NOW + 60), settle('peer', OUTCOME_SUCCESS, NOW + 60)),
    ],
    judge: lateOrNot,
  },
  {
    name: 'check by handle / reclaim / remove',
    rows: 1,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'idle', NOW - 10_000),
    actors: [actor(checkHandle), actor(checkId('newcomer')), actor(remove('idle'))],
    judge: (world) => allUsable(world),
  },
  {
    name: 'probe / failure of the probe / late check at the next deadline',
    rows: 1,
    limits: { ...LIMITS, burst: 9, threshold: 1 },
    setUp: (table) => void failed(table, 'peer', NOW - 60),
    actors: [
      actor(check('peer'), settle('peer', OUTCOME_FAILURE)),
      actor(check('peer'), settle('peer', OUTCOME_SUCCESS)),
      actor(check('peer', NOW + 60)),
    ],
    judge: (world) => {
      const [[first = -1] = [], [second = -1] = []] = world.results;
      return first >= 0 && second >= 0 && first === second ? 'one probe, two permits' : undefined;
    },
  },
  {
    name: 'claim / claim of one peer / check by a handle of the row',
    rows: 1,
    limits: LIMITS,
    actors: [actor(pin('peer')), actor(pin('peer')), actor(checkHandle)],
    // Who comes while the only row is being claimed may be refused once, its own peer's row though it is.
    judge: (world) =>
      differs(
        'rows',
        1,
        new Set(
          world.results
            .slice(0, 2)
            .flat()
            .filter((ref) => ref >= 0),
        ).size,
      ) ?? differs('claimed', 1, world.table.total(layout.COUNT_CLAIMED) - world.table.total(layout.COUNT_FREED)),
  },
  {
    name: 'a claim that dies / its thread’s successor / claim of the same peer',
    rows: 1,
    limits: LIMITS,
    actors: [mortal(checkId('peer')), { ...actor(succeed(1)), mourns: true }, actor(checkId('peer'))],
    judge: (world) =>
      (tokens(world, 'peer') > 1 && allowed({ ...world, results: [world.results[2] ?? []] })
        ? 'a charge was lost'
        : undefined) ?? allUsable(world),
  },
  {
    name: 'a reclaim that dies / its thread’s successor / check',
    rows: 1,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'idle', NOW - 10_000),
    actors: [mortal(checkId('newcomer')), { ...actor(succeed(1)), mourns: true }, actor(checkHandle)],
    judge: (world) => allUsable(world),
  },
  {
    name: 'remove / check / configure',
    rows: 2,
    limits: LIMITS,
    setUp: (table) => void decide(table, 'peer'),
    actors: [actor(remove('peer')), actor(check('peer')), actor(configure(2))],
    judge: (world) => ((world.results[1]?.[0] as number) < 0 ? 'a token was lost' : allUsable(world)),
  },
];

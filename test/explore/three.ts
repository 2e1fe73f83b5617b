// The same with three threads, where three can do what two cannot.

import * as layout from '../../assembly/layout.js';
import type { Scenario } from './explorer.js';
import {
  actor,
  allowed,
  check,
  decide,
  differs,
  failed,
  LIMITS,
  NOW,
  record,
  settle,
  state,
  tokens,
} from './operations.js';

const { OUTCOME_FAILURE, OUTCOME_SUCCESS } = layout;

export const threes: readonly Scenario[] = [
  {
    name: 'check / check / check, two tokens',
    rows: 1,
    limits: { ...LIMITS, burst: 3 },
    setUp: (table) => void decide(table, 'peer'),
    actors: [actor(check('peer')), actor(check('peer')), actor(check('peer'))],
    judge: (world) => differs('allowed', 2, allowed(world)) ?? differs('tokens', 0, tokens(world, 'peer')),
  },
  {
    name: 'probe / probe / probe, two probes',
    rows: 1,
    limits: { ...LIMITS, burst: 9, probes: 2 },
    setUp: (table) => {
      for (let i = 0; i < 2; i++) failed(table, 'peer', NOW - 60);
    },
    actors: [actor(check('peer')), actor(check('peer')), actor(check('peer'))],
    judge: (world) => differs('probes', 2, allowed(world)) ?? differs('tokens', 7, tokens(world, 'peer')),
  },
  {
    name: 'probe / probe / success of the probe, at the last token',
    rows: 1,
    limits: { ...LIMITS, burst: 1 },
    setUp: (table) => {
      for (let i = 0; i < 2; i++) failed(table, 'peer', NOW - 60);
    },
    actors: [actor(check('peer'), settle('peer', OUTCOME_SUCCESS)), actor(check('peer')), actor(check('peer'))],
    judge: (world) => differs('allowed', 1, world.results.filter(([decision]) => (decision as number) >= 0).length),
  },
  {
    name: 'failure / failure / success at the threshold',
    rows: 1,
    limits: { ...LIMITS, burst: 9 },
    setUp: (table) => void decide(table, 'peer'),
    actors: [OUTCOME_FAILURE, OUTCOME_FAILURE, OUTCOME_SUCCESS].map((outcome) => actor(record('peer', outcome))),
    judge: (world) => {
      const opened = world.table.total(layout.COUNT_CIRCUIT_OPENED);
      return differs('state', opened ? layout.STATE_OPEN : layout.STATE_CLOSED, state(world, 'peer'));
    },
  },
];

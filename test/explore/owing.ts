// The limit holds across machines: one thread pays what others are given meanwhile.

import * as debtLayout from '../../assembly/debt-layout.js';
import type { Scenario, World } from './explorer.js';
import type { Machine, Operation } from './machine.js';
import { actor, allowed, check, checkId, decide, differs, LIMITS, mortal, NOW, refund, remove } from './operations.js';

const TOKEN_MS = 1000 / LIMITS.rate;
const [SLOT, EPOCH] = [0, 1];
const across = (table: Machine, credit: number) =>
  table.call('share', debtLayout.CLUSTER_CREDIT, 3, credit) as unknown as void;

/** What is owed on the first row, as its thread is told of it: 0 where it is not. */
const drain: Operation = {
  what: 'drain',
  id: 'nobody',
  call: (core, _length, _results, room) =>
    ((core['drainOwed']?.(0, 1) as number) % 1024 > 0 && room.getUint32(debtLayout.DEBT_TOKENS, true)) || 0,
};
/** Is told that all machines gave so many tokens, after what the operation before drained was paid. */
const learn = (tokens: number): Operation => ({
  what: 'learn',
  id: 'nobody',
  call: (core, _length, results) =>
    core['learn']?.(SLOT, EPOCH, tokens * TOKEN_MS, results.at(-1) as number, NOW) as number,
});
/** The same of one token that was paid. */
const learnOne = (tokens: number): Operation => ({
  what: 'learn',
  id: 'nobody',
  call: (core) => core['learn']?.(SLOT, EPOCH, tokens * TOKEN_MS, 1, NOW) as number,
});

/** The tokens that rows owe, whose ever they are. */
const owed = ({ table }: World) => {
  let sum = 0;
  for (let slot = 0; slot < table.rows; slot++) sum += table.owed(slot);
  return sum;
};
/** Of those, what a drain finds. */
const found = ({ table }: World) => (table.call('drainOwed', 0, 1) % 1024 > 0 && table.drained()) || 0;
const debt = ({ table }: World) => table.call('debtMs', SLOT, EPOCH, NOW);
const unfound = (world: World) => differs('owed that a drain finds', owed(world), found(world));

export const owing: readonly Scenario[] = [
  {
    name: 'charge / charge: what was taken is owed',
    rows: 1,
    limits: LIMITS,
    setUp(table) {
      decide(table, 'peer');
      across(table, 2);
    },
    actors: [actor(check('peer')), actor(check('peer'))],
    judge: (world) => differs('owed', allowed(world), owed(world)) ?? unfound(world),
  },
  {
    name: 'charge / charge at the last of the credit',
    rows: 1,
    limits: LIMITS,
    setUp(table) {
      decide(table, 'peer', NOW - 10_000);
      across(table, 1);
    },
    actors: [actor(check('peer')), actor(check('peer'))],
    judge: (world) => differs('allowed', 1, allowed(world)) ?? differs('owed', 1, owed(world)),
  },
  {
    name: 'charge / charge of a newcomer',
    rows: 1,
    limits: LIMITS,
    setUp: (table) => across(table, 2),
    actors: [actor(checkId('peer')), actor(checkId('peer'))],
    judge: (world) => differs('owed', allowed(world), owed(world)) ?? unfound(world),
  },
  {
    name: 'drain, learn / charge: nothing that is owed is lost',
    rows: 1,
    limits: { ...LIMITS, burst: 4 },
    setUp(table) {
      across(table, 4);
      decide(table, 'peer');
    },
    actors: [actor(drain, learn(3)), actor(check('peer'))],
    judge(world) {
      const [[paid = -1] = [], [decision = -1] = []] = world.results;
      const taken = decision >= 0 ? 2 : 1;
      // A charge that lost its swap while it was drained is paid for once more than it was taken.
      const sum = paid + owed(world);
      return (
        (sum < taken || sum > taken + 1 ? `${sum} paid or owed, ${taken} taken` : undefined) ??
        (debt(world) < (3 + owed(world)) * TOKEN_MS ? 'the bucket is fuller than what is known' : undefined) ??
        unfound(world)
      );
    },
  },
  {
    name: 'learn of a whole burst / charge: nobody is let through afterwards',
    rows: 1,
    limits: LIMITS,
    setUp(table) {
      across(table, 2);
      decide(table, 'peer', NOW - 10_000);
    },
    actors: [actor(learnOne(2)), actor(check('peer'), check('peer'))],
    judge(world) {
      if (debt(world) < (2 + owed(world)) * TOKEN_MS) return 'the bucket is fuller than what is known';
      return (
        differs('owed', allowed({ ...world, results: [[], world.results[1] ?? []] }), owed(world)) ?? unfound(world)
      );
    },
  },
  {
    name: 'drain, learn, whose thread dies / drain: what was not acknowledged is found again',
    rows: 1,
    limits: LIMITS,
    setUp(table) {
      across(table, 2);
      decide(table, 'peer');
    },
    actors: [mortal(drain, learn(2)), { operations: [drain], mourns: true }],
    judge(world) {
      const [[, left] = [], [again] = []] = world.results;
      if (!world.dead || left !== undefined || again === undefined) return unfound(world);
      // The bucket shows whether it was acknowledged, which its thread did not live to tell.
      if (owed(world) === 0) return differs('debt', 2 * TOKEN_MS, debt(world));
      return differs('found again', 1, again) ?? unfound(world);
    },
  },
  {
    name: 'charge, whose thread dies / charge: what it took is found once it is detached',
    rows: 1,
    limits: LIMITS,
    setUp(table) {
      decide(table, 'peer', NOW - 10_000);
      across(table, 2);
    },
    actors: [mortal(check('peer')), actor(drain)],
    judge(world) {
      world.bury();
      return debt(world) > owed(world) * TOKEN_MS ? 'something was taken and is not owed' : unfound(world);
    },
  },
  {
    name: 'reclaim / charge: a row that owes is kept',
    rows: 1,
    limits: LIMITS,
    setUp(table) {
      decide(table, 'idle', NOW - 10_000);
      across(table, 2);
    },
    actors: [actor(check('idle')), actor(checkId('newcomer'))],
    judge: (world) => differs('owed', allowed(world), owed(world)) ?? unfound(world),
  },
  {
    name: 'remove, claim of another / charge: nothing is owed on another peer’s row',
    rows: 1,
    limits: LIMITS,
    setUp(table) {
      decide(table, 'peer', NOW - 10_000);
      across(table, 2);
    },
    actors: [actor(remove('peer'), checkId('other')), actor(check('peer'))],
    judge(world) {
      const other = (world.results[0]?.[1] as number) >= 0;
      return other ? (differs('owed by the other', 1, owed(world)) ?? unfound(world)) : undefined;
    },
  },
  {
    name: 'drain, learn / refund: what was given back is not paid for, or was before',
    rows: 1,
    limits: LIMITS,
    setUp(table) {
      across(table, 2);
      decide(table, 'peer');
    },
    actors: [actor(drain, learn(0)), actor(refund)],
    judge: (world) => differs('owed', 0, owed(world)) ?? unfound(world),
  },
];

// Faults that could be made in the core, each a few words of its source, and where the explorer has to find them.

import type { Fault } from './build.js';

interface Planted extends Fault {
  readonly what: string;
  readonly scenario: string;
}

export const faults: readonly Planted[] = [
  {
    what: 'a bucket that is stored, not swapped',
    file: 'row.ts',
    from: 'return cas64(row + BUCKET, expected, word);',
    to: 'store64(row + BUCKET, word); return true;',
    scenario: 'check / check at the last token',
  },
  {
    what: 'a breaker that is stored, not swapped',
    file: 'row.ts',
    from: 'return cas64(row + BREAKER, expected, word);',
    to: 'store64(row + BREAKER, word); return true;',
    scenario: 'failure / failure at the threshold',
  },
  {
    what: 'a claim that is announced without a swap',
    file: 'claim.ts',
    from: 'if (SHARED && !cas64(stripeOf(fingerprint), before, announced(ref, pins))) continue;',
    to: 'cas64(stripeOf(fingerprint), load64(stripeOf(fingerprint)), announced(ref, pins));',
    scenario: 'claim / claim of one peer',
  },
  {
    what: 'an opening that is counted by whoever sees it, not by whoever made it',
    file: 'claim.ts',
    from: 'if (publish(ref, holder, pins) && opened)',
    to: 'publish(ref, holder, pins); if (opened)',
    scenario: 'failure / failure, both the first of a peer that one failure shuts out',
  },
  {
    what: 'a newborn’s permit of the generation in which its row is found later',
    file: 'check.ts',
    from: 'return permitOf(epoch, bornIn);',
    to: 'return permitOf(epoch, generationOf(getBreaker(rowAt(slot))));',
    scenario: 'claim, late / new generation',
  },
  {
    what: 'a result of whatever generation',
    file: 'settle.ts',
    from: 'permit != permitOf(epoch, generationOf(breaker))',
    to: 'permit < 0',
    scenario: 'late result / new generation',
  },
  {
    what: 'a check that does not look whose row it is',
    file: 'check.ts',
    from: 'const force = inForce();\n    if (!isLive(row, epoch)) return STALE;',
    to: 'const force = inForce();',
    scenario: 'remove, claim of another / check: no charge lands on another peer’s row',
  },
  {
    what: 'a row that is taken without looking again what it owes',
    file: 'reclaim.ts',
    from: 'standingOf(row, now) == OWES ||\n',
    to: '',
    scenario: 'claim / reclaim: a full bucket’s row is wanted by a newcomer while its peer comes back',
  },
  {
    what: 'a failure that counts before it is dated',
    file: 'settle.ts',
    from: 'if (next != breaker && !casBreaker(row, breaker, next)) continue;',
    to: 'setLastFailure(row, 0); if (next != breaker && !casBreaker(row, breaker, next)) continue; setLastFailure(row, coarse(now));',
    scenario: 'reclaim / failure',
  },
  {
    what: 'a rejection by a word that is two changes of the limits old',
    file: 'check.ts',
    from: 'if (SHARED && getBucket(row) != bucket) continue;',
    to: '',
    scenario: 'configure, configure / check',
  },
  {
    what: 'a check that forgets the period of the probe it has sent out',
    file: 'check.ts',
    from: 'if (SHARED && probe != NO_PROBE) generation = probe;',
    to: '',
    scenario: 'probe that loses its token’s swap / refund, success of the probe',
  },
  {
    what: 'an entry that is cleared by its position alone',
    file: 'index.ts',
    from: 'if (entry != 0 && <u32>',
    to: 'if (entry != 0 || <u32>',
    scenario: 'claim, whose thread dies / claim: what the dead noted takes nobody’s entry away',
  },
  {
    what: 'limits that change again before every row is in those before',
    file: 'configure.ts',
    from: 'sweep(force);\n    const limits',
    to: 'const limits',
    scenario: 'configure, configure / check',
  },
  {
    what: 'a row whose thread died, held for ever',
    file: 'reclaim.ts',
    from: '(pinsOf(word) & <u32>load64(AT_MEMBERS)) != 0',
    to: 'pinsOf(word) != 0',
    scenario: 'claim / claim of two peers, one row, one dies',
  },
  {
    what: 'a row that is saved although its words changed meanwhile',
    file: 'save.ts',
    from: '(!heldStill && looks > 1)',
    to: 'false',
    scenario: 'save / a check, then a failure: bucket and breaker are of one instant',
  },
  {
    what: 'a row that is saved although it changed hands meanwhile',
    file: 'save.ts',
    from: 'changedHands ||',
    to: '',
    scenario: 'save / remove, claim of another: nothing of one peer is saved with the other',
  },
  {
    what: 'a row that is not saved while it is being reclaimed',
    file: 'save.ts',
    from: 'lifeOf(owner) == LIMBO',
    to: 'lifeOf(owner) != 1',
    scenario: 'save / reclaim, whose thread dies: a peer that keeps its row is saved',
  },
  {
    what: 'a debt that is saved in the limits that another thread just made',
    file: 'save.ts',
    from: 'inForce() == force ?',
    to: 'true ?',
    scenario: 'save / configure: a debt is in the limits that were asked for, or nothing is saved',
  },
];

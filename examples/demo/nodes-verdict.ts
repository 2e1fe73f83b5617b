// From what several nodes count to whether they held one limit together. Pure functions, which judge by counts alone: each bound
// is an upper one, so a slow machine breaks no promise.

import { FLOODER, HONEST, type Plan, type ServerReport } from './plan.js';
import type { Kept } from './verdict.js';

/** What the nodes had counted at some time between the two that are given. */
export interface Mark {
  readonly askedMs: number;
  readonly answeredMs: number;
  readonly reports: readonly ServerReport[];
}

/** What happened between two marks. */
export interface Phase {
  readonly name: string;
  readonly seconds: number;
  /** Requests of the flooder that were let through, by node. */
  readonly admitted: readonly number[];
  readonly together: number;
  /** How many may be, of all nodes together. */
  readonly bound: number;
  /** Requests of the flooder that were rejected. */
  readonly refused: number;
  readonly honest: { readonly admitted: number; readonly refused: number };
  /** Exchanges with Redis. */
  readonly exchanges: number;
  /** Of each node, at the end. */
  readonly states: readonly string[];
}

export interface NodesSummary {
  readonly phases: readonly Phase[];
  /** All phases as one. */
  readonly whole: Phase;
  readonly promises: readonly Kept[];
  readonly ok: boolean;
}

/** The names of the phases, in their order. */
export const PHASES = ['Redis is up', 'Redis is killed', 'Redis is back'] as const;

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

const countOf = (report: ServerReport | undefined, peers: readonly string[], what: 'allowed' | 'rateLimited') =>
  sum(peers.map((peer) => report?.peers[peer]?.[what] ?? 0));

/** The longest time that the counts can stand for, so that the bound is never too low. */
export function phaseOf(name: string, { nodes, burst, ratePerSec, credit }: Plan, from: Mark, to: Mark): Phase {
  const seconds = (to.answeredMs - from.askedMs) / 1000;
  const each = (peers: readonly string[], what: 'allowed' | 'rateLimited') =>
    to.reports.map((report, i) => countOf(report, peers, what) - countOf(from.reports[i], peers, what));
  const admitted = each([FLOODER], 'allowed');
  return {
    name,
    seconds,
    admitted,
    together: sum(admitted),
    bound: Math.floor(burst + ratePerSec * seconds + nodes * credit),
    refused: sum(each([FLOODER], 'rateLimited')),
    honest: { admitted: sum(each(HONEST, 'allowed')), refused: sum(each(HONEST, 'rateLimited')) },
    exchanges: sum(to.reports.map(({ sync }, i) => (sync?.exchanges ?? 0) - (from.reports[i]?.sync?.exchanges ?? 0))),
    states: to.reports.map(({ sync }) => sync?.state ?? 'alone'),
  };
}

/**
 * @param marks One before each phase, and one at the end.
 * @param unanswered Honest requests without an answer.
 */
export function judgeNodes(plan: Plan, marks: readonly Mark[], unanswered: number): NodesSummary {
  const between = (name: string, from: number, to: number) =>
    phaseOf(name, plan, marks[from] as Mark, marks[to] as Mark);
  const phases = PHASES.map((name, i) => between(name, i, i + 1));
  const whole = between('together', 0, PHASES.length);
  const states = phases.map((phase) => [...new Set(phase.states)].join());
  const promises = [
    {
      promise: 'in each phase the flooder is held to one burst + rate × time + nodes × credit, over all nodes',
      held: phases.every(({ together, bound, refused }) => refused > 0 && together <= bound),
      detail: phases.map(({ together, bound }) => `${together} of ${bound}`).join(', '),
    },
    {
      promise: 'over the whole run it gets at most one burst more, because Redis comes back with nothing in it',
      held: whole.together <= whole.bound + plan.burst,
      detail: `${whole.together} of ${whole.bound} + ${plan.burst}`,
    },
    {
      promise: `none of the ${HONEST.length} honest peers is rejected`,
      held: whole.honest.refused === 0 && unanswered === 0 && phases.every(({ honest }) => honest.admitted > 0),
      detail: `${whole.honest.refused} rejected and ${unanswered} unanswered of ${whole.honest.admitted}`,
    },
    {
      promise: 'all nodes decide on their own without Redis, and agree again when it is back',
      held: states.join() === 'up,down,up' && phases.every(({ together }) => together > 0),
      detail: phases.map((phase) => phase.states.join(' ')).join(' → '),
    },
  ];
  return { phases, whole, promises, ok: promises.every(({ held }) => held) };
}

// The phases of a run with several nodes, as lines of text.

import type { NodesSummary, Phase } from './nodes-verdict.js';
import { FLOODER, HONEST, type Plan } from './plan.js';

const FIRST = 16;

export function nodesLegend({ nodes, burst, ratePerSec, credit }: Plan): string[] {
  return [
    `${nodes} servers, each a process of its own, and one limit for all: ${ratePerSec} requests a second after a burst of ${burst}.`,
    `The ${FLOODER} and ${HONEST.length} honest peers use all of them. Nodes decide on their own and pay in Redis afterwards.`,
    `bound: ${burst} + ${ratePerSec} × seconds + ${nodes} × ${credit}, where ${credit} is the credit of a node.`,
    'refused: of the honest peers. exchanges: with Redis, of all nodes. nodes: as they were when the phase ended.',
  ];
}

const row = (first: string, cells: readonly (string | number)[], last: string) =>
  [first.padEnd(FIRST), ...cells.map((cell) => String(cell).padStart(9)), `  ${last}`].join(' ');

export function nodesHeader({ nodes }: Plan): string {
  const each = Array.from({ length: nodes }, (_, i) => `node ${i + 1}`);
  return row(`${FLOODER} gets`, ['seconds', ...each, 'together', 'bound', 'honest', 'refused', 'exchanges'], 'nodes');
}

export function phaseLine({ name, seconds, admitted, together, bound, honest, exchanges, states }: Phase): string {
  const cells = [seconds.toFixed(1), ...admitted, together, bound, honest.admitted, honest.refused, exchanges];
  return row(name, cells, states.join(' '));
}

/** What was promised, and in the last line what was seen. */
export function nodesSummaryLines(plan: Plan, { phases, whole, promises }: NodesSummary): string[] {
  const { together, bound, refused, seconds, honest } = whole;
  const over = together - bound;
  return [
    phaseLine(whole),
    '',
    'Promised:',
    ...promises.map(({ promise, held, detail }) => `  ${held ? 'held  ' : 'BROKEN'} ${promise}: ${detail}`),
    '',
    `Seen: ${plan.nodes} nodes let ${together} of ${together + refused} requests of the ${FLOODER} through in ${seconds.toFixed(1)} s, ` +
      `${over > 0 ? `${over} above` : 'within'} the bound of ${bound} for one peer; they refused ${honest.refused} of ` +
      `${honest.admitted + honest.refused} honest requests; Redis was gone for ${phases[1]?.seconds.toFixed(1)} s.`,
  ];
}

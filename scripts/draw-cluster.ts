// Draws docs/cluster.svg, how nodes pay for what they gave: `npm run pictures`.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, writeWhole } from './build/stamp.js';
import { arrow, type Box, box, STYLE, text } from './draw-request.js';

export const CLUSTER_PICTURE = 'docs/cluster.svg';

const [WIDTH, HEIGHT] = [960, 430];

const request: Box = { x: 16, y: 66, width: 118, height: 76 };
const bucket: Box = { x: 190, y: 46, width: 174, height: 116 };
const owed: Box = { x: 420, y: 46, width: 190, height: 116 };
const engine: Box = { x: 758, y: 120, width: 186, height: 190 };
const second: Box = { x: 420, y: 246, width: 190, height: 62 };
const third: Box = { x: 420, y: 338, width: 190, height: 62 };

const endOf = ({ x, width }: Box) => x + width;
const middleOf = ({ y, height }: Box) => y + height / 2;

/** There and back between a node and the engine. */
function exchange(node: Box, at: number): string {
  const y = middleOf(node);
  return [
    arrow([
      [endOf(node), y - 12],
      [endOf(node) + 60, y - 12],
      [engine.x - 20, at - 10],
      [engine.x, at - 10],
    ]),
    arrow([
      [engine.x, at + 10],
      [engine.x - 20, at + 10],
      [endOf(node) + 60, y + 12],
      [endOf(node), y + 12],
    ]),
  ].join('\n');
}

export function drawCluster(): string {
  const parts = [
    text(16, 26, 'Node 1: decides now', 'title'),
    text(610, 26, 'and pays a moment later', 'title end'),
    box(request, 'Request', ['of a peer']),
    arrow([
      [endOf(request), middleOf(request)],
      [bucket.x, middleOf(bucket)],
    ]),
    box(bucket, 'Its bucket', ['has it the tokens,', 'by all that this', 'node knows?']),
    arrow(
      [
        [endOf(bucket), middleOf(bucket)],
        [owed.x, middleOf(owed)],
      ],
      'yes',
    ),
    text((endOf(bucket) + owed.x) / 2, middleOf(bucket) - 10, 'yes', 'yes middle'),
    box(owed, 'Owed', ['`owed + cost ≤ credit`', 'then owed grows by cost,', 'and the request goes on'], 'yes'),
    exchange(owed, 165),
    text(650, 56, 'owed tokens, once they are half of', ''),
    text(650, 74, 'the credit, or every intervalMs', ''),
    text(628, 184, 'the debt of all', ''),
    text(628, 202, 'nodes together', ''),
    box(engine, 'Valkey or Redis', [
      'one string for each peer',
      'that owes: its TAT.',
      '`max(tat, now) + d · T`',
      'It expires with the debt.',
    ]),
    box(second, 'Node 2', ['same limits, its own owed']),
    box(third, 'Node n', ['same limits, its own owed']),
    exchange(second, 215),
    exchange(third, 272),
    text(16, 250, 'What is owed is all that the others', ''),
    text(16, 270, 'cannot know of. It is never more', ''),
    text(16, 290, 'than the credit of each node, so all', ''),
    text(16, 310, 'of them give at most', ''),
    text(16, 338, 'burst + rate · Δ + n · credit', 'code'),
    text(16, 362, 'in any time Δ. Neither the interval', ''),
    text(16, 382, 'nor the round trip is in that.', ''),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title description">
<title id="title">How nodes share a limit</title>
<desc id="description">A node decides by its own bucket as long as what it gave and has not paid stays within the credit. It pays in Valkey or Redis, which answers with the debt that all nodes made together. The node raises its bucket to that.</desc>
<style>${STYLE}</style>
<rect width="${WIDTH}" height="${HEIGHT}" rx="12" style="fill: var(--page)"/>
${parts.join('\n')}
</svg>
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeWhole(join(root, CLUSTER_PICTURE), drawCluster());

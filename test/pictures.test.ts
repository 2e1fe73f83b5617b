/** Pictures in docs/ are drawn by scripts. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { root } from '../scripts/build/stamp.js';
import { CLUSTER_PICTURE, drawCluster } from '../scripts/draw-cluster.js';
import { drawRequest, PICTURE } from '../scripts/draw-request.js';

const test = suite('pictures');

test('the committed picture of a request is what its script draws', () => {
  assert.is(readFileSync(join(root, PICTURE), 'utf8'), drawRequest(), 'run `npm run pictures`');
});

test('the committed picture of nodes that share a limit is what its script draws', () => {
  assert.is(readFileSync(join(root, CLUSTER_PICTURE), 'utf8'), drawCluster(), 'run `npm run pictures`');
});

test('it names every reason for a rejection and every state of a circuit, and has colours for both schemes', () => {
  const picture = drawRequest();
  for (const word of ['table_full', 'circuit_open', 'rate_limited', '>closed<', '>open<', '>half-open<']) {
    assert.ok(picture.includes(word), word);
  }
  assert.match(picture, /prefers-color-scheme: dark/);
  for (const [, name] of picture.matchAll(/var\(--([\w-]+)\)/g)) {
    assert.is(picture.split(`--${name}: #`).length - 1, 2, `--${name} has a light and a dark value`);
  }
});

test('nothing in it lies outside', () => {
  const picture = drawRequest();
  const [left, top, width, height] = (/viewBox="([^"]+)"/.exec(picture)?.[1] ?? '').split(' ').map(Number) as number[];
  const points = [
    ...picture.matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g),
    ...picture.matchAll(/ x="([\d.-]+)" y="([\d.-]+)"/g),
  ];
  // The heads of arrows are drawn around 0, and moved.
  for (const [, x, y] of points.filter(([all]) => !/-9|M1 0/.test(all))) {
    assert.ok(Number(x) >= (left ?? 0) && Number(x) <= (left ?? 0) + (width ?? 0), `x ${x}`);
    assert.ok(Number(y) >= (top ?? 0) && Number(y) <= (top ?? 0) + (height ?? 0), `y ${y}`);
  }
});

test.run();

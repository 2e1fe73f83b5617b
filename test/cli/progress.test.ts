// The bar of `peergate replay`.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Progress } from '../../src/cli/replay/progress.js';

const test = suite('progress');

function drawn(isTTY: boolean | undefined, act: (progress: Progress) => void): string {
  let text = '';
  act(
    new Progress({
      ...(isTTY === undefined ? {} : { isTTY }),
      write: (part) => {
        text += part;
      },
    }),
  );
  return text;
}

test('on a terminal it is drawn over itself and cleared at the end', () => {
  const text = drawn(true, (progress) => {
    progress.show('reading', 50, 100);
    progress.clear();
  });
  assert.is(text, `\r\x1b[Kreading [${'#'.repeat(15)}${'.'.repeat(15)}] 50 %\r\x1b[K`);
});

test('where the size is not known it shows how much was done', () => {
  assert.is(
    drawn(true, (progress) => progress.show('reading', 1_234_567, undefined)),
    '\r\x1b[Kreading 1,234,567',
  );
});

test('a file that grew, and an empty one, draw no more than a whole bar', () => {
  for (const total of [50, 0]) {
    assert.match(
      drawn(true, (progress) => progress.show('reading', 100, total)),
      `[${'#'.repeat(30)}] 100 %`,
    );
  }
});

test('elsewhere nothing is drawn', () => {
  for (const isTTY of [false, undefined]) {
    const text = drawn(isTTY, (progress) => {
      progress.show('reading', 50, 100);
      progress.clear();
    });
    assert.is(text, '');
  }
});

test.run();

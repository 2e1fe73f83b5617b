// One table for a page and its workers, which browsers allow on pages that are isolated; and what is said on others.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inPage, testOfPage } from './page.js';

const suiteOfPage = suite('a shared table in a page');
const test = testOfPage(suiteOfPage);

const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};
const PEERS = 500;
const BURST = 40;

/** Both workers ask for the same peers, each more often than half the burst, and say what they were told. */
const WORKER = `
import { isAllowed, RateLimiter } from '/dist/index.js';

self.onmessage = ({ data: { ticket, start } }) => {
  const limiter = RateLimiter.attach(ticket);
  Atomics.add(start, 0, 1);
  while (Atomics.load(start, 0) < 2);
  let allowed = 0;
  for (let round = 0; round < ${BURST}; round++) {
    for (let i = 0; i < ${PEERS}; i++) if (isAllowed(limiter.check('peer ' + i))) allowed++;
  }
  const before = limiter.getAvailableTokens('clock');
  limiter.check('clock', 1_000);
  const owed = limiter.getAvailableTokens('clock');
  limiter.close();
  self.postMessage({ allowed, took: before - owed });
};
`;

const SCRIPT = `
import { RateLimiter } from '/dist/index.js';

async function share() {
  const limiter = new RateLimiter({ shared: true, maxPeers: 1_024, maxRequestsPerSec: 0.001, burstSize: ${BURST} });
  const start = new Int32Array(new SharedArrayBuffer(4));
  // Workers start one after the other: each has an origin of its own, and a clock that is younger.
  const workers = [new Worker('/worker.js', { type: 'module' })];
  await new Promise((resolve) => setTimeout(resolve, 300));
  workers.push(new Worker('/worker.js', { type: 'module' }));
  const said = await Promise.all(workers.map((worker) => new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage({ ticket: limiter.share(), start });
  })));
  const { allowed, rateLimited } = limiter.stats();
  const left = Math.max(...[...limiter.peers()].map(({ availableTokens }) => availableTokens));
  return { said, allowed, rateLimited, peers: limiter.peerCount, left };
}

try {
  document.body.append(JSON.stringify(await share()));
} catch ({ name, code, message }) {
  document.body.append(JSON.stringify({ name, code, message }));
}
document.title = 'done';
`;

test('two workers never give a peer more than its burst, and meet in one row of each', async () => {
  const { text, errors } = await inPage({ 'page.js': SCRIPT, 'worker.js': WORKER }, ISOLATED);
  assert.equal(errors, []);
  const { said, allowed, rateLimited, peers, left } = JSON.parse(text);
  assert.is(allowed, PEERS * BURST);
  assert.is(said[0].allowed + said[1].allowed, PEERS * BURST);
  assert.is(rateLimited, PEERS * BURST + 2, 'as many again were refused, and what costs more than a burst');
  assert.is(peers, PEERS);
  assert.is(left, 0, 'no clock was ahead');
});

test('a page that is not isolated is told what is missing', async () => {
  const { text } = await inPage({ 'page.js': SCRIPT, 'worker.js': WORKER });
  const { name, code, message } = JSON.parse(text);
  assert.is(name, 'SharingError');
  assert.is(code, 'ERR_PEERGATE_SHARED_MEMORY');
  assert.match(message, /Cross-Origin-Opener-Policy|isolated/);
});

suiteOfPage.run();

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
const HEAD_START_MS = 300;

/** Both workers ask for the same peers, each more often than half the burst, and say what they were told. */
const WORKER = `
import { isAllowed, RateLimiter } from '/dist/index.js';

self.postMessage('up');
self.onmessage = ({ data: { ticket, start } }) => {
  const limiter = RateLimiter.attach(ticket);
  Atomics.add(start, 0, 1);
  while (Atomics.load(start, 0) < 2);
  let allowed = 0;
  for (let round = 0; round < ${BURST}; round++) {
    for (let i = 0; i < ${PEERS}; i++) if (isAllowed(limiter.check('peer ' + i))) allowed++;
  }
  const says = { allowed, now: limiter.config.clock(), own: performance.now() };
  limiter.close();
  self.postMessage(says);
};
`;

const SCRIPT = `
import { RateLimiter } from '/dist/index.js';

async function share() {
  const limiter = new RateLimiter({ shared: true, maxPeers: 1_024, maxRequestsPerSec: 0.001, burstSize: ${BURST} });
  const start = new Int32Array(new SharedArrayBuffer(4));
  // One worker is up before the other is started: each has an origin of time of its own.
  const up = () => new Promise((resolve, reject) => {
    const worker = new Worker('/worker.js', { type: 'module' });
    worker.onmessage = () => resolve(worker);
    worker.onerror = ({ message }) => reject(new Error(message));
  });
  const workers = [await up()];
  await new Promise((resolve) => setTimeout(resolve, ${HEAD_START_MS}));
  workers.push(await up());
  const asked = limiter.config.clock();
  const said = await Promise.all(workers.map((worker) => new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage({ ticket: limiter.share(), start });
  })));
  const answered = limiter.config.clock();
  const { allowed, rateLimited } = limiter.stats();
  return { said, allowed, rateLimited, peers: limiter.peerCount, asked, answered };
}

try {
  document.body.append(JSON.stringify(await share()));
} catch ({ name, code, message }) {
  document.body.append(JSON.stringify({ name, code, message }));
}
document.title = 'done';
`;

test('two workers give a peer its burst to the last token, in one row, and read one time', async () => {
  const { text, errors } = await inPage({ 'page.js': SCRIPT, 'worker.js': WORKER }, ISOLATED);
  assert.equal(errors, []);
  const { said, allowed, rateLimited, peers, asked, answered } = JSON.parse(text);
  assert.is(allowed, PEERS * BURST);
  assert.is(said[0].allowed + said[1].allowed, PEERS * BURST);
  assert.is(rateLimited, PEERS * BURST, 'as many again were refused');
  assert.is(peers, PEERS);
  for (const { now, own } of said) {
    // Origins are rounded to 0.1 ms.
    assert.ok(now > asked - 1 && now < answered + 1, `${now} between the page's ${asked} and ${answered}`);
    assert.ok(now > own, `${now}, where the worker's own origin makes it ${own}`);
  }
  const younger = said[1].now - said[1].own;
  assert.ok(younger > HEAD_START_MS / 2, `the younger worker's origin is only ${younger} ms later`);
});

test('a page that is not isolated is told what is missing', async () => {
  const { text } = await inPage({ 'page.js': SCRIPT, 'worker.js': WORKER });
  const { name, code, message } = JSON.parse(text);
  assert.is(name, 'SharingError');
  assert.is(code, 'ERR_PEERGATE_SHARED_MEMORY');
  assert.match(message, /Cross-Origin-Opener-Policy|isolated/);
});

suiteOfPage.run();

// The package's files in a page: its own bytes, and a module that the page compiled.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inPage, testOfPage } from './page.js';

const suiteOfPage = suite('the package in a page');
const test = testOfPage(suiteOfPage);

const SCRIPT = `
import { isAllowed, RateLimiter, reasonOf } from '/dist/index.js';

function use(options) {
  const limiter = new RateLimiter({ maxRequestsPerSec: 1, burstSize: 2, maxPeers: 100, ...options });
  const peer = limiter.peer('peer-b');
  const said = [1, 2, 3].map(() => reasonOf(limiter.check('peer-a')));
  return [...said, isAllowed(peer.check()), limiter.peerCount].join();
}

try {
  const module = await WebAssembly.compileStreaming(fetch('/dist/core.wasm'));
  document.body.append(JSON.stringify({ embedded: use({}), injected: use({ module }) }));
} catch (error) {
  document.body.append(JSON.stringify({ error: String(error) }));
}
document.title = 'done';
`;

test('the entry makes a limiter from its own bytes and from a module that the page compiled', async () => {
  const { text, errors } = await inPage({ 'page.js': SCRIPT });
  const said = 'allowed,allowed,rate_limited,true,2';
  assert.equal(JSON.parse(text), { embedded: said, injected: said });
  assert.equal(errors, []);
});

suiteOfPage.run();

// The package's files in Chromium, from a page on loopback: no bundler, no import map, a strict content security policy.

import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { install } from './installed.js';

const suiteOfPage = suite('the package in a page');

const candidates = process.env['CHROMIUM']?.split(':') ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser'];
const executablePath = candidates.find((path) => existsSync(path));
if (executablePath === undefined) {
  console.log(
    `skipped, because there is no Chromium at ${candidates.join(' or ')}: install it, or set CHROMIUM to its path`,
  );
}
const test = executablePath === undefined ? suiteOfPage.skip : suiteOfPage;

/** Nothing inline, nothing from elsewhere, no `eval`; WebAssembly may be compiled. */
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";

const PAGE =
  '<!doctype html><meta charset="utf-8"><title>waiting</title><script type="module" src="/page.js"></script>';

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

const TYPES: Record<string, string> = { js: 'text/javascript', wasm: 'application/wasm', html: 'text/html' };

async function inPage(script: string): Promise<{ text: string; errors: string[] }> {
  const { package: folder } = install();
  const files: Record<string, string | Buffer> = {
    '/page.html': PAGE,
    '/page.js': script,
    '/dist/index.js': readFileSync(join(folder, 'dist/index.js')),
    '/dist/core.wasm': readFileSync(join(folder, 'dist/core.wasm')),
  };
  const server = createServer(({ url = '' }, response) => {
    const body = files[url];
    const type = TYPES[url.split('.').at(-1) ?? ''] ?? 'text/plain';
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': type, 'content-security-policy': POLICY });
    response.end(body);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const browser = await chromium.launch({ executablePath: executablePath ?? '', args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/page.html`);
    await page.waitForFunction(() => document.title === 'done', undefined, { timeout: 60_000 });
    return { text: await page.innerText('body'), errors };
  } finally {
    await browser.close();
    server.close();
  }
}

test('the entry makes a limiter from its own bytes and from a module that the page compiled', async () => {
  const { text, errors } = await inPage(SCRIPT);
  const said = 'allowed,allowed,rate_limited,true,2';
  assert.equal(JSON.parse(text), { embedded: said, injected: said });
  assert.equal(errors, []);
});

suiteOfPage.run();

// A page on loopback in headless Chromium: the package's files as they are, no bundler, no import map, a strict content
// security policy.

import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Test } from 'uvu';
import { install } from './installed.js';

const candidates = process.env['CHROMIUM']?.split(':') ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser'];
/** Where Chromium is, if it is there. */
export const chromiumPath = candidates.find((path) => existsSync(path));

/** What defines a test that needs a page: it is skipped, with the reason, where there is no Chromium. */
export function testOfPage(suite: Test): Test | Test['skip'] {
  if (chromiumPath !== undefined) return suite;
  console.log(
    `skipped, because there is no Chromium at ${candidates.join(' or ')}: install it, or set CHROMIUM to its path`,
  );
  return suite.skip;
}

/** Nothing inline, nothing from elsewhere, no `eval`; WebAssembly may be compiled. */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'; base-uri 'none'";

const PAGE =
  '<!doctype html><meta charset="utf-8"><title>waiting</title><script type="module" src="/page.js"></script>';

const TYPES: Record<string, string> = { js: 'text/javascript', wasm: 'application/wasm', html: 'text/html' };

/** For a machine that is busy with other things. The runner gives up later. */
const PATIENCE_MS = 3 * 60_000;

/**
 * Runs `page.js` of the given scripts in a page, until it sets the title to `done`; the page's text, and its errors.
 *
 * @param headers What every response carries besides the policy.
 */
export async function inPage(
  scripts: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ text: string; errors: string[] }> {
  const { package: folder } = install();
  const files: Record<string, string | Buffer> = { '/page.html': PAGE };
  for (const [name, script] of Object.entries(scripts)) files[`/${name}`] = script;
  for (const name of ['index.js', 'core.wasm']) files[`/dist/${name}`] = readFileSync(join(folder, 'dist', name));
  const server = createServer(({ url = '' }, response) => {
    const body = files[url];
    const type = TYPES[url.split('.').at(-1) ?? ''] ?? 'text/plain';
    const status = body === undefined ? 404 : 200;
    response.writeHead(status, { 'content-type': type, 'content-security-policy': POLICY, ...headers });
    response.end(body);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const browser = await chromium.launch({
    executablePath: chromiumPath ?? '',
    args: ['--no-sandbox'],
    timeout: PATIENCE_MS,
  });
  try {
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/page.html`, { timeout: PATIENCE_MS });
    await page.waitForFunction(() => document.title === 'done', undefined, { timeout: PATIENCE_MS });
    return { text: await page.innerText('body'), errors };
  } finally {
    await browser.close();
    server.close();
  }
}

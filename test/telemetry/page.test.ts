/**
 * The demo's page in Chromium: its numbers are the limiter's. `PEERGATE_SCREENSHOT=docs/observability.png` keeps a picture.
 */

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { serveMetrics } from '../../examples/demo/metrics.js';
import { RateLimiter } from '../../src/index.js';
import { testOfPage } from '../package/page.js';
import { openCircuit } from '../support.js';

const suiteOfPage = suite('the page of the demo');
const test = testOfPage(suiteOfPage);
const candidates = process.env['CHROMIUM']?.split(':') ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser'];

test('it shows what was admitted and rejected, circuits by state, and the peers with the most rejections', async () => {
  const limiter = new RateLimiter({
    maxPeers: 64,
    maxRequestsPerSec: 0.001,
    burstSize: 50,
    circuitBreakerThreshold: 2,
  });
  const server = await serveMetrics(limiter, 0);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const browser = await chromium.launch({
    executablePath: candidates.find((path) => existsSync(path)) as string,
    args: ['--no-sandbox'],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1040, height: 900 } });
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('request', (request) => {
      if (!request.url().startsWith(url) && !request.url().startsWith('data:')) errors.push(request.url());
    });
    await page.goto(url);
    openCircuit(limiter, 'failing', performance.now());
    for (let step = 0; step < 6; step++) {
      for (let i = 0; i < 30 + 15 * step; i++) limiter.check('flooder');
      for (let i = 0; i < 8; i++) limiter.check(`honest-${i}`);
      limiter.check('failing');
      await page.waitForTimeout(500);
    }
    const { allowed, rate_limited, circuit_open } = limiter.decisions();
    await page.waitForFunction(
      ([admitted, rejected]) =>
        document.getElementById('admitted')?.textContent === admitted &&
        document.getElementById('rejected')?.textContent === rejected,
      [String(allowed), String(rate_limited + circuit_open)],
    );
    assert.is(await page.textContent('#open'), '1');
    const [first] = limiter.top(1, 'rateLimited');
    assert.equal(await page.locator('#top tr').first().locator('td').allTextContents(), [
      'flooder',
      String(first?.allowed),
      String(first?.rateLimited),
      '0',
      'closed',
    ]);
    assert.is(await page.locator('canvas').count(), 2);
    const path = process.env['PEERGATE_SCREENSHOT'] ?? join(tmpdir(), `peergate-page-${process.pid}.png`);
    const picture = await page.screenshot({ path });
    assert.ok(picture.length > 10_000, 'there is something on it');
    assert.equal(errors, [], 'no error, and nothing from elsewhere');
    const scraped = await (await fetch(`${url}/metrics`)).text();
    assert.ok(scraped.includes(`peergate_decisions_total{limiter="demo",decision="allowed"} ${allowed}`));
    assert.is((await fetch(`${url}/other`)).status, 404);
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    limiter.close();
  }
});

suiteOfPage.run();

/** The demo: its command line, its verdict, and one short run. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readOptions } from '../examples/demo/options.js';
import { type Plan, planOf, type Sample, type ServerReport } from '../examples/demo/plan.js';
import { judge, latencyOf, percentile, type Summary } from '../examples/demo/verdict.js';
import { thrownBy } from './support.js';

const test = suite('demo');
const root = fileURLToPath(new URL('..', import.meta.url));
const plan = planOf(readOptions([]));

const run = (...args: string[]) =>
  spawnSync(process.execPath, ['--import', 'tsx', 'examples/demo/main.ts', ...args], { cwd: root, encoding: 'utf8' });

const sample = (sentAtMs: number, latencyMs: number | null, rejected = false): Sample => ({
  ...{ peer: 'honest-1', sentAtMs, latencyMs, rejected },
});

const report = (more: Partial<ServerReport> = {}): ServerReport => ({
  peers: {},
  peerCount: 0,
  transitions: [
    { peer: 'failing', to: 'open', atMs: 700 },
    { peer: 'failing', to: 'half_open', atMs: 2700 },
    { peer: 'failing', to: 'closed', atMs: 2701 },
  ],
  tableFull: 0,
  handled: { flooder: 900 },
  floodedForMs: 7000,
  threads: [{ connections: 12, flooding: 1 }],
  ...more,
});

const broken = (samples: Sample[], reported = report()) =>
  judge(plan, samples, 100, 1e6, reported)
    .promises.filter(({ held }) => !held)
    .map(({ promise }) => promise);

const calm = [sample(0, 1), sample(200, 2)];

test('options have defaults, and a bad one is named with what was expected', () => {
  assert.equal(readOptions([]), { seconds: 10, preset: 'default', isProtected: true, workers: 1, json: false });
  assert.equal(readOptions(['--seconds', '30', '--preset', 'strict', '--workers', '3', '--unprotected', '--json']), {
    ...{ seconds: 30, preset: 'strict', isProtected: false, workers: 3, json: true },
  });
  assert.match(thrownBy(() => readOptions(['--seconds', '4'])).message, /from 5 to 3600, got '4'/);
  assert.match(
    thrownBy(() => readOptions(['--preset', 'toString'])).message,
    /default, lenient, strict, got 'toString'/,
  );
  for (const bad of ['0', '1.5', '33', 'two']) {
    assert.match(thrownBy(() => readOptions(['--workers', bad])).message, /--workers: .* from 1 to 32, got/);
  }
  assert.throws(() => readOptions(['--sceonds', '9']));
});

test('honest peers use at most half of what they are allowed, with every preset', () => {
  for (const preset of ['default', 'lenient', 'strict']) {
    const { honestPerSec, failingPerSec, ratePerSec } = planOf(readOptions(['--preset', preset]));
    assert.ok(honestPerSec <= ratePerSec / 2 && failingPerSec <= ratePerSec / 2);
  }
});

test('percentiles are values that were seen', () => {
  const values = Array.from({ length: 100 }, (_, i) => i + 1);
  assert.equal(
    [0.5, 0.99, 1].map((share) => percentile(values, share)),
    [50, 99, 100],
  );
  assert.is(percentile([], 0.5), null);
});

test('latency is measured for answers, not for rejections or missing answers', () => {
  assert.equal(latencyOf([sample(0, 3), sample(0, 1), sample(0, null), sample(0, 9, true)]), {
    ...{ sent: 4, answered: 2, rejected: 1, successRate: 0.5, p50Ms: 1, p99Ms: 3 },
  });
});

test('the verdict: every promise held', () => {
  assert.equal(broken(calm), []);
  assert.is(judge(plan, calm, 100, 1e6, report()).ok, true);
});

test('the verdict: an honest peer that is rejected or gets no answer breaks a promise', () => {
  assert.match(broken([...calm, sample(300, 1, true)]).join(), /honest peers is rejected/);
  assert.match(broken([...calm, sample(300, null)]).join(), /honest peers is rejected/);
});

test('the verdict: a flooder above burst + rate × time breaks a promise', () => {
  assert.equal(broken(calm, report({ handled: { flooder: 900 } })), []);
  assert.match(broken(calm, report({ handled: { flooder: 901 } })).join(), /flooder is held/);
});

test('the verdict: a circuit that never opened, or never closed again, breaks a promise', () => {
  assert.match(broken(calm, report({ transitions: [] })).join(), /circuit opens/);
  assert.match(broken(calm, report({ transitions: report().transitions.slice(0, 2) })).join(), /circuit opens/);
});

test('the verdict: a median more than 5 ms above the quiet one breaks a promise', () => {
  assert.equal(broken([sample(0, 1), sample(200, 6)]), []);
  assert.match(broken([sample(0, 1), sample(200, 6.1)]).join(), /median grows/);
});

test('without the limiter nothing is promised', () => {
  const unprotected: Plan = { ...plan, isProtected: false };
  assert.equal(judge(unprotected, [...calm, sample(300, null)], 100, 1e6, report({ transitions: [] })).promises, []);
});

test('a bad option ends it with 2 and the usage', () => {
  const { status, stderr } = run('--preset', 'none');
  assert.is(status, 2);
  assert.match(stderr, /usage: npm run demo/);
});

test('a short run holds the flooder to its limit and rejects no honest peer', () => {
  const { stdout, stderr } = run('--seconds', '6', '--json');
  const { summary } = JSON.parse(stdout || stderr) as { summary: Summary };
  const { flooder, quiet, attack } = summary;
  assert.is(quiet.rejected + attack.rejected, 0);
  assert.ok(quiet.answered > 0 && attack.answered > 0);
  assert.ok(flooder.sent > flooder.most, `sent ${flooder.sent}`);
  assert.ok(flooder.admitted > 0 && flooder.admitted <= flooder.most, `${flooder.admitted} of ${flooder.most}`);
});

test('threads behind one port hold the flooder, on all of them at once, to one peer’s limit', () => {
  const { stdout, stderr } = run('--seconds', '6', '--workers', '2', '--json');
  const { summary, threads } = JSON.parse(stdout || stderr) as { summary: Summary; threads: ServerReport['threads'] };
  const { flooder, quiet, attack } = summary;
  assert.is(threads.length, 2);
  for (const { connections, flooding } of threads) {
    assert.ok(flooding >= 2 && connections > flooding, `${flooding} of ${connections} connections are the flooder's`);
  }
  assert.is(quiet.rejected + attack.rejected, 0);
  assert.ok(flooder.sent > flooder.most, `sent ${flooder.sent}`);
  assert.ok(flooder.admitted > 0 && flooder.admitted <= flooder.most, `${flooder.admitted} of ${flooder.most}`);
});

test.run();

/** The demo: its command line, its verdict, and one short run. */

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type DemoOptions, readOptions } from '../examples/demo/options.js';
import { FLOODER, type Plan, planOf, type Sample, type ServerReport } from '../examples/demo/plan.js';
import { judge, latencyInWords, latencyOf, percentile, type Summary } from '../examples/demo/verdict.js';
import { thrownBy } from './support.js';

const test = suite('demo');
const root = fileURLToPath(new URL('..', import.meta.url));
const planFor = (...args: string[]) => planOf(readOptions(args) as DemoOptions);
const plan = planFor();

const run = (...args: string[]) =>
  spawnSync(process.execPath, ['--import', 'tsx', 'examples/demo/main.ts', ...args], { cwd: root, encoding: 'utf8' });

const sample = (dueAtMs: number, latencyMs: number | null, rejected = false): Sample => ({
  ...{ peer: 'honest-1', dueAtMs, latencyMs, rejected },
});

const flooderSeen = (rateLimited: number) => ({
  [FLOODER]: { allowed: 900, rateLimited, circuitRejected: 0, state: 'closed' as const, tokens: 0 },
});

const report = (more: Partial<ServerReport> = {}): ServerReport => ({
  peers: flooderSeen(5_000),
  peerCount: 0,
  transitions: [
    { peer: 'failing', to: 'open', atMs: 700 },
    { peer: 'failing', to: 'half_open', atMs: 2700 },
    { peer: 'failing', to: 'closed', atMs: 2701 },
  ],
  tableFull: 0,
  circuitOpened: 1,
  circuitClosed: 1,
  handled: { flooder: 900 },
  floodedForMs: 7000,
  threads: [{ connections: 12, flooding: 1 }],
  ...more,
});

const SENT = { sent: 64_000, told: 70 };

const broken = (samples: Sample[], reported = report()) =>
  judge(plan, samples, 100, SENT, reported)
    .promises.filter(({ held }) => !held)
    .map(({ promise }) => promise);

const calm = [sample(0, 1), sample(200, 2)];

test('--metrics takes a port, and nothing else', () => {
  assert.is((readOptions(['--metrics', '0']) as DemoOptions).metricsPort, 0);
  assert.is(planFor('--metrics', '9464').metricsPort, 9464);
  for (const bad of ['x', '-1', '65536', '1.5']) {
    assert.match(
      thrownBy(() => readOptions([`--metrics=${bad}`])).message,
      /--metrics: expected a port from 0 to 65535/,
    );
  }
});

test('options have defaults, and a bad one is named with what was expected', () => {
  assert.equal(readOptions([]), {
    seconds: 10,
    preset: 'default',
    isProtected: true,
    workers: 1,
    nodes: 1,
    json: false,
  });
  assert.equal(readOptions(['--seconds', '30', '--preset', 'strict', '--workers', '3', '--unprotected', '--json']), {
    ...{ seconds: 30, preset: 'strict', isProtected: false, workers: 3, nodes: 1, json: true },
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
    const { honestPerSec, honestInFlight, failingPerSec, ratePerSec, burst } = planFor('--preset', preset);
    assert.ok(honestPerSec <= ratePerSec / 2 && failingPerSec <= ratePerSec / 2);
    assert.ok(honestInFlight < burst, 'nor do they exceed a burst, however long the server stood still');
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
  assert.is(judge(plan, calm, 100, SENT, report()).ok, true);
});

test('the verdict: an honest peer that is rejected or gets no answer breaks a promise', () => {
  assert.match(broken([...calm, sample(300, 1, true)]).join(), /honest peers is rejected/);
  assert.match(broken([...calm, sample(300, null)]).join(), /honest peers is rejected/);
});

test('the verdict: a flooder above burst + rate × time breaks a promise', () => {
  assert.equal(broken(calm, report({ handled: { flooder: 900 } })), []);
  assert.match(broken(calm, report({ handled: { flooder: 901 } })).join(), /flooder is held/);
});

test('the verdict: a flooder that never reached its limit proves nothing', () => {
  assert.match(broken(calm, report({ peers: flooderSeen(0) })).join(), /flooder is held/);
});

test('the verdict: a circuit that never opened, or never closed again, breaks a promise', () => {
  assert.match(broken(calm, report({ circuitOpened: 0, circuitClosed: 0 })).join(), /circuit opens/);
  assert.match(broken(calm, report({ circuitClosed: 0 })).join(), /circuit opens/);
});

test('the verdict: states that nobody saw on a busy machine break no promise', () => {
  assert.equal(broken(calm, report({ transitions: [] })), []);
});

test('the verdict: latency is described in words and breaks no promise', () => {
  const slow = [sample(0, 1), sample(200, 5_000)];
  assert.equal(broken(slow), []);
  assert.match(judge(plan, slow, 100, SENT, report()).latency, /4999 ms above the quiet one/);
  assert.match(latencyInWords(latencyOf([sample(0, 1)]), latencyOf([sample(0, 6)])), /within 5 ms/);
  assert.match(latencyInWords(latencyOf([]), latencyOf([sample(0, 6)])), /too few/);
});

test('what the flooder sent is accounted for: handled, rejected with an answer or without, or not read', () => {
  const { sent, admitted, rejected, told, unread } = judge(plan, calm, 100, SENT, report()).flooder;
  assert.equal([sent, admitted, rejected, told, unread], [64_000, 900, 5_000, 70, 58_100]);
});

test('without the limiter nothing is promised', () => {
  const unprotected: Plan = { ...plan, isProtected: false };
  assert.equal(judge(unprotected, [...calm, sample(300, null)], 100, SENT, report({ transitions: [] })).promises, []);
});

test('a bad option ends it with 2 and the usage', () => {
  const { status, stderr } = run('--preset', 'none');
  assert.is(status, 2);
  assert.match(stderr, /usage: npm run demo/);
});

test('--help explains every flag and ends it with 0', () => {
  const { status, stdout, stderr } = run('--help');
  assert.is(status, 0);
  assert.is(stderr, '');
  for (const flag of ['seconds N', 'preset NAME', 'workers N', 'nodes N', 'unprotected', 'json', 'help']) {
    assert.match(stdout, new RegExp(`^  --${flag} +\\w`, 'm'));
  }
  for (const preset of ['default', 'lenient', 'strict']) assert.match(stdout, new RegExp(`^ +${preset} +\\d`, 'm'));
});

/** The verdict of a run, which ends with exit code 0 on a machine of any speed. */
function verdictOf(...args: string[]): { summary: Summary; threads: ServerReport['threads'] } {
  const { status, stdout, stderr } = run('--seconds', '5', '--json', ...args);
  assert.is(status, 0, `${stdout}${stderr}`);
  const verdict = JSON.parse(stdout) as { summary: Summary; threads: ServerReport['threads'] };
  const { flooder, quiet, attack } = verdict.summary;
  assert.is(quiet.rejected + attack.rejected, 0);
  assert.ok(quiet.answered > 0 && attack.answered > 0);
  assert.ok(flooder.rejected > 0, 'the flooder came to its limit');
  assert.ok(flooder.admitted > 0 && flooder.admitted <= flooder.most, `${flooder.admitted} of ${flooder.most}`);
  return verdict;
}

test('a short run holds the flooder to its limit and rejects no honest peer', () => {
  verdictOf();
});

test('threads behind one port hold the flooder to one peer’s limit, however its connections are spread', () => {
  const { threads } = verdictOf('--workers', '2');
  assert.is(threads.length, 2);
  const flooding = threads.reduce((sum, thread) => sum + thread.flooding, 0);
  assert.ok(flooding > 0);
});

test('a run says what it is doing while it starts, and prints tables with what their columns mean', () => {
  const { status, stdout, stderr } = run('--seconds', '5');
  assert.is(status, 0, `${stdout}${stderr}`);
  assert.match(stderr, /^starting a server and four clients …\n/);
  assert.match(stdout, /^sent: .*\nrate-limited, /);
  assert.match(stdout, /rows in use, \d+ by names of the renamer/);
  assert.match(
    stdout,
    /The flooder sent \d+ requests:\n {2}\d+ were handled.*\n {2}\d+ were rejected.*\n {2}\d+ were still/,
  );
});

test.run();

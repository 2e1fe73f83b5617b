/** The demo with several nodes: its options, its verdict, a run, and what a run leaves behind. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodesSummaryLines } from '../examples/demo/nodes-table.js';
import { judgeNodes, type Mark, type NodesSummary } from '../examples/demo/nodes-verdict.js';
import { type DemoOptions, readOptions } from '../examples/demo/options.js';
import { FLOODER, HONEST, planOf, type ServerReport } from '../examples/demo/plan.js';
import { testOfServer } from './cluster/servers.js';
import { thrownBy } from './support.js';

const demo = suite('demo with several nodes');
const testOfRedis = testOfServer(demo);
const root = fileURLToPath(new URL('..', import.meta.url));
const RUN = ['--import', 'tsx', 'examples/demo/main.ts', '--nodes', '3', '--seconds', '5'];
const plan = planOf(readOptions(['--nodes', '3']) as DemoOptions);

const seen = (allowed: number, rateLimited: number) => ({
  ...{ allowed, rateLimited, circuitRejected: 0, state: 'closed' as const, tokens: 0 },
});

interface Counts {
  readonly admitted: readonly number[];
  readonly honestRefused?: number;
  readonly states?: readonly ('up' | 'down')[];
}

/** A second after the one before. Each node has rejected more of the flooder, and let more of an honest peer through. */
function marksOf(counts: readonly Counts[]): Mark[] {
  return counts.map(({ admitted, honestRefused = 0, states = ['up', 'up', 'up'] }, second) => ({
    askedMs: 1000 * second,
    answeredMs: 1000 * second,
    reports: admitted.map((allowed, i) => ({
      peers: { [FLOODER]: seen(allowed, 1000 * second), [HONEST[0] as string]: seen(10 * second, honestRefused) },
      ...{ peerCount: 2, transitions: [], tableFull: 0, circuitOpened: 0, circuitClosed: 0, handled: {}, threads: [] },
      floodedForMs: 0,
      sync: { state: states[i] as 'up' | 'down', exchanges: 5 * second },
    })) satisfies ServerReport[],
  }));
}

/** A bound of 200 + 100 · 1 + 3 · 33 in each phase. */
const KEPT: readonly Counts[] = [
  { admitted: [0, 0, 0] },
  { admitted: [133, 133, 133] },
  { admitted: [166, 166, 166], states: ['down', 'down', 'down'] },
  { admitted: [200, 200, 200] },
];

const broken = (counts: readonly Counts[], unanswered = 0) =>
  judgeNodes(plan, marksOf(counts), unanswered)
    .promises.filter(({ held }) => !held)
    .map(({ promise }) => promise)
    .join();

const changed = (at: number, change: Partial<Counts>) =>
  KEPT.map((counts, i) => (i === at ? { ...counts, ...change } : counts));

demo('--nodes takes what the burst can be divided among, and goes with a single limited thread only', () => {
  assert.is((readOptions(['--nodes', '8']) as DemoOptions).nodes, 8);
  for (const bad of ['0', '9', '1.5', 'x']) {
    assert.match(
      thrownBy(() => readOptions(['--nodes', bad])).message,
      /--nodes: .* from 1 to 8 with this preset, got/,
    );
  }
  assert.match(thrownBy(() => readOptions(['--nodes', '5', '--preset', 'strict'])).message, /from 1 to 4/);
  for (const other of [['--workers', '2'], ['--metrics', '0'], ['--unprotected']]) {
    assert.match(thrownBy(() => readOptions(['--nodes', '3', ...other])).message, /--nodes: expected neither/);
  }
});

demo('the verdict: phases within their bounds keep every promise, and the last line says what was seen', () => {
  const summary = judgeNodes(plan, marksOf(KEPT), 0);
  assert.is(summary.ok, true, JSON.stringify(summary.promises));
  assert.equal(
    summary.phases.map(({ together, bound, exchanges }) => [together, bound, exchanges]),
    [
      [399, 399, 15],
      [99, 399, 15],
      [102, 399, 15],
    ],
  );
  assert.match(
    nodesSummaryLines(plan, summary).at(-1) as string,
    /^Seen: 3 nodes let 600 of 9600 requests of the flooder through in 3\.0 s, 1 above the bound of 599 .* refused 0 of 90 .* gone for 1\.0 s\.$/,
  );
});

demo('the verdict: one request above the bound of a phase breaks a promise', () => {
  assert.match(broken(changed(1, { admitted: [133, 133, 134] })), /in each phase/);
  assert.match(broken(changed(2, { admitted: [266, 266, 268], states: ['down', 'down', 'down'] })), /in each phase/);
});

demo('the verdict: more than one burst above the bound of the whole run breaks a promise', () => {
  const most = { admitted: [300, 300, 199] };
  assert.is(broken(changed(3, most)), '');
  assert.match(broken(changed(3, { admitted: [300, 300, 200] })), /over the whole run/);
});

demo('the verdict: an honest peer that is rejected or gets no answer breaks a promise', () => {
  assert.match(broken(changed(3, { honestRefused: 1 })), /honest peers/);
  assert.match(broken(KEPT, 1), /honest peers/);
});

demo('the verdict: a node that did not notice, or did not come back, breaks a promise', () => {
  assert.match(broken(changed(2, { states: ['down', 'up', 'down'] })), /without Redis/);
  assert.match(broken(changed(3, { states: ['up', 'up', 'down'] })), /without Redis/);
});

demo('without a server it ends with 2 and says what to install', () => {
  const { status, stderr } = spawnSync(process.execPath, RUN, {
    cwd: root,
    encoding: 'utf8',
    env: { PATH: '/nowhere' },
  });
  assert.is(status, 2, stderr);
  assert.match(stderr, /--nodes: expected redis-server or valkey-server on the path: install the package redis-server/);
});

/** The processes that were started with this folder for temporary files, by their commands. Linux alone tells. */
function processesOf(folder: string): string[] {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc').flatMap((pid) => {
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(folder)) return [];
      return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
    } catch {
      return []; // No process, or one that has just ended.
    }
  });
}

/** Runs it with a folder of its own for temporary files, in which nothing may be left, neither may a process. */
async function leavingNothing(
  args: readonly string[],
  interrupt?: { readonly after: RegExp; readonly by: NodeJS.Signals },
) {
  const folder = mkdtempSync(join(tmpdir(), 'peergate-demo-'));
  try {
    const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, TMPDIR: folder } });
    let [output, errors] = ['', ''];
    child.stderr.on('data', (data) => {
      errors += data;
    });
    child.stdout.on('data', (data) => {
      output += data;
      if (interrupt?.after.test(output)) child.kill(interrupt.by);
    });
    const [status] = (await once(child, 'close')) as [number | null];
    while (processesOf(folder).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    const engines = readdirSync(folder).filter((name) => name.startsWith('peergate-'));
    assert.equal(engines, [], 'no folder is left');
    return { status, output, errors };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

testOfRedis(
  'a run holds a flooder of three nodes to one peer’s bound while Redis is killed and comes back',
  async () => {
    const { status, output, errors } = await leavingNothing([...RUN, '--json']);
    assert.is(status, 0, output + errors);
    const { phases, whole } = (JSON.parse(output) as { summary: NodesSummary }).summary;
    assert.equal(
      phases.map(({ states }) => states.join()),
      ['up,up,up', 'down,down,down', 'up,up,up'],
    );
    for (const { together, bound, refused } of phases)
      assert.ok(together <= bound && refused > 0, `${together} of ${bound}`);
    assert.ok(
      whole.admitted.every((admitted) => admitted > 0),
      'the flooder was on all nodes',
    );
    assert.is(whole.honest.refused, 0);
  },
);

for (const [by, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  testOfRedis(`${by} ends it with ${code}, and leaves no process and no folder behind`, async () => {
    const { status, output } = await leavingNothing(RUN, { after: /\nflooder gets .*\n/, by });
    assert.is(status, code);
    assert.match(output, /3 servers, each a process of its own, and one limit for all: 100 requests a second/);
  });
}

demo.run();

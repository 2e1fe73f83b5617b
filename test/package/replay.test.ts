// `peergate replay` as a process: every format, every way to be called wrongly, and reports that nothing in a log can break.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { root } from '../../scripts/build/stamp.js';
import { formats, logLines } from '../../scripts/make-log.js';
import type { Report } from '../../src/cli/replay/report.js';
import { chance } from '../support.js';

const test = suite('peergate replay');

const folder = mkdtempSync(join(tmpdir(), 'peergate-replay-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const COMMAND = [join(root, 'dist/cli.js'), 'replay'];

function run(args: readonly string[], input: string | Buffer = '') {
  const options = { cwd: root, input, encoding: 'utf8', maxBuffer: 2 ** 27 } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [...COMMAND, ...args], options);
  return { status, stdout, stderr };
}

function reportOf(args: readonly string[], input: string | Buffer = ''): Report {
  const { status, stdout, stderr } = run([...args, '--json'], input);
  assert.is(stderr, '');
  assert.is(status, 0);
  return JSON.parse(stdout) as Report;
}

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const common = (client: string, clock: string, day = '01/Mar/2026', zone = '+0000') =>
  `${client} - - [${day}:${clock} ${zone}] "GET / HTTP/1.1" 200 5`;
const times = (count: number, line: string) => `${line}\n`.repeat(count);

/** 100 requests in a second of one peer, of which strict lets 20 through; ten of another. */
const FLOOD = times(100, common('192.0.2.1', '12:00:00')) + times(10, common('192.0.2.2', '12:00:00'));

test('it says who would have been limited, when, and how much of the traffic', () => {
  const report = reportOf([file('flood.log', FLOOD), '--preset', 'strict']);
  assert.equal(report.limits, { preset: 'strict', ratePerSec: 10, burst: 20 });
  assert.equal([report.lines, report.requests, report.peers, report.skipped.lines], [110, 110, 2, 0]);
  assert.equal(report.limited.top, [
    {
      peer: '192.0.2.1',
      requests: 100,
      limited: 80,
      first: '2026-03-01T12:00:00.000Z',
      last: '2026-03-01T12:00:00.000Z',
    },
  ]);
  assert.equal([report.limited.requests, report.limited.peers], [80, 1]);
  assert.is(report.limited.requestShare, 80 / 110);
  assert.equal(report.timeline.intervals, [{ at: '2026-03-01T12:00:00.000Z', requests: 110, limited: 80 }]);
});

test('tokens come back in the time of the log', () => {
  const clocks = ['12:00:00', '12:00:01', '12:00:03'];
  const log = clocks.map((clock) => times(100, common('192.0.2.1', clock))).join('');
  // 20 at first, 10 a second later, 20 after two more.
  assert.is(reportOf(['-', '--preset', 'strict'], log).limited.requests, 300 - 50);
  assert.is(reportOf(['-', '--preset', 'strict', '--rate', '5'], log).limited.requests, 300 - 35);
  assert.is(reportOf(['-', '--rate', '0.5', '--burst', '3'], log).limited.requests, 300 - 4);
});

test('the order of the lines does not matter, nor the zone, nor a change of the day', () => {
  const lines = [
    ...Array.from({ length: 30 }, () => common('192.0.2.1', '23:59:59')),
    ...Array.from({ length: 30 }, () => common('192.0.2.1', '00:00:00', '02/Mar/2026')),
    ...Array.from({ length: 30 }, () => common('192.0.2.1', '02:00:01', '02/Mar/2026', '+0200')),
  ];
  const inOrder = reportOf(['-', '--preset', 'strict'], lines.join('\n'));
  assert.is(inOrder.limited.requests, 90 - 40);
  assert.equal([inOrder.from, inOrder.to], ['2026-03-01T23:59:59.000Z', '2026-03-02T00:00:01.000Z']);
  const mixed = [...lines.slice(60), ...lines.slice(0, 60)].reverse();
  assert.equal(reportOf(['-', '--preset', 'strict'], mixed.join('\n')), inOrder);
});

test('IPv6 addresses of a network are one peer, and so are both spellings of an IPv4 address', () => {
  const six = Array.from({ length: 50 }, (_, i) => common(`2001:db8:1:2:${i}::${i}`, '12:00:00')).join('\n');
  const four = times(15, common('192.0.2.1', '12:00:00')) + times(15, common('::ffff:192.0.2.1', '12:00:00'));
  const { limited, peers } = reportOf(['-', '--preset', 'strict'], `${six}\n${four}`);
  assert.is(peers, 2);
  assert.equal(
    limited.top.map(({ peer, limited }) => [peer, limited]),
    [
      ['2001:db8:1:2::/64', 30],
      ['192.0.2.1', 10],
    ],
  );
});

test('every format, packed or not, from a file or from standard input, gives the same report', () => {
  const reports = formats.flatMap((format) => {
    const text = `${[...logLines(20_000, format)].join('\n')}\n`;
    const plain = file(`${format}.log`, text);
    const packed = file(`${format}.bin`, gzipSync(text));
    return [reportOf([plain]), reportOf([packed]), reportOf(['-'], text), reportOf(['-'], gzipSync(text))].map(
      ({ files: _, skipped, ...report }) => ({ ...report, skipped: skipped.reasons }),
    );
  });
  assert.is(reports.length, 12);
  // The times of JSON lines are finer, so the formats differ in what a small burst lets through.
  for (const report of reports.slice(0, 8)) assert.equal(report, reports[0]);
  for (const report of reports.slice(8)) assert.equal(report, reports[8]);
  assert.ok((reports[0]?.requests ?? 0) > 19_000);
});

test('several files are one log', () => {
  const [a, b] = [
    file('a.log', times(15, common('192.0.2.1', '12:00:00'))),
    file('b.gz', gzipSync(times(15, common('192.0.2.1', '12:00:00')))),
  ];
  assert.is(reportOf([a, b, '--preset', 'strict']).limited.requests, 10);
});

test('a peer can be any field: a user of a combined log, a field of JSON lines', () => {
  const log =
    times(30, common('192.0.2.1', '12:00:00').replace('- -', '- ann')) + times(5, common('192.0.2.9', '12:00:00'));
  const byUser = reportOf(['-', '--preset', 'strict', '--peer', 'user'], log);
  assert.equal(
    byUser.limited.top.map(({ peer, limited }) => [peer, limited]),
    [['ann', 10]],
  );
  assert.equal(byUser.skipped.reasons, { 'no client': 5 });
  const json = Array.from({ length: 30 }, (_, i) =>
    JSON.stringify({ ip: `192.0.2.${i}`, at: 1_772_366_400, key: { id: 'k1' } }),
  ).join('\n');
  assert.is(reportOf(['-', '--preset', 'strict'], json).limited.requests, 0);
  const byKey = reportOf(['-', '--preset', 'strict', '--peer', 'key.id', '--time', 'at'], json);
  assert.equal(
    byKey.limited.top.map(({ peer, limited }) => [peer, limited]),
    [['k1', 10]],
  );
});

test('malformed lines are counted, the first of them are named, and the others decide', () => {
  const rubbish = [
    'GET / HTTP/1.1',
    '\u0016\u0003\u0001',
    '{"ip":',
    '{}',
    common('192.0.2.1', '25:00:00'),
    common('-', '12:00:00'),
    '',
    '   ',
  ];
  const log = `${rubbish.join('\n')}\n${times(30, common('192.0.2.1', '12:00:00'))}`;
  const path = file('bad.log', log);
  const { skipped, lines, limited } = reportOf([path, '--preset', 'strict']);
  assert.is(lines, 36);
  assert.is(limited.requests, 10);
  assert.is(skipped.lines, 6);
  assert.equal(skipped.reasons, {
    'no client': 2,
    'not a line of an access log': 2,
    'not JSON': 1,
    'no time that can be read': 1,
  });
  assert.equal(skipped.first.map(({ line, reason }) => [line, reason]).slice(0, 3), [
    [1, 'not a line of an access log'],
    [2, 'not a line of an access log'],
    [3, 'not JSON'],
  ]);
  assert.is(skipped.first.length, 5);
  assert.ok(run([path]).stdout.includes(`${path}:3: not JSON: {"ip":`));
});

test('binary rubbish, a line of many megabytes, an end without a newline, CRLF and a byte order mark are no trouble', () => {
  const random = chance(20_261_124);
  const noise = Buffer.from(Array.from({ length: 300_000 }, () => random() * 256));
  const parts = [
    noise,
    '\n',
    'x'.repeat(5_000_000),
    '\r\n',
    times(30, `${common('192.0.2.1', '12:00:00')}\r`),
    common('192.0.2.1', '12:00:00'),
  ];
  const log = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const { limited, requests, skipped } = reportOf(['-', '--preset', 'strict'], log);
  assert.equal([requests, limited.requests], [31, 11]);
  assert.is(skipped.reasons['longer than a million characters'], 1);
  const marked = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(FLOOD)]);
  assert.is(reportOf(['-'], marked).requests, 110);
});

test('a name that is too long for a peer is a malformed line', () => {
  const line = (name: string) => `${JSON.stringify({ ip: name, time: 1_772_366_400 })}\n`;
  const { requests, skipped } = reportOf(['-'], line('ä'.repeat(512)) + line('ä'.repeat(513)) + line('\ud800'));
  assert.is(requests, 2);
  assert.equal(skipped.reasons, { 'a client with a name of over 1024 bytes': 1 });
});

test('an empty log, and one without a good line, have nothing to report', () => {
  for (const log of ['', '\n\n', gzipSync(''), 'rubbish\n', '\u001f']) {
    const report = reportOf(['-'], log);
    assert.equal(
      [report.requests, report.peers, report.from, report.suggestion, report.limited.requests],
      [0, 0, null, null, 0],
    );
    assert.match(run(['-'], log).stdout, /^standard input: 0 requests of 0 peers in \d lines?\n/);
    assert.is(run(['-', '--html', join(folder, 'empty.html')], log).status, 0);
  }
});

test('a packed log that is cut or damaged counts up to there, and the report says so', () => {
  const text = [...logLines(50_000, 'combined')].join('\n');
  const packed = gzipSync(text);
  const cut = packed.subarray(0, packed.length >> 1);
  const damaged = Buffer.from(packed);
  damaged.fill(255, packed.length >> 1);
  for (const log of [cut, damaged]) {
    const report = reportOf([file('cut.gz', log)]);
    assert.ok(report.requests > 10_000 && report.requests < 45_000, String(report.requests));
    assert.is(report.broken.length, 1);
    assert.match(run(['-'], log).stdout, /standard input could not be unpacked to its end: /);
  }
});

test('the pair it suggests touches fewer peers than it may, and one step less would touch more', () => {
  const path = file('suggest.log', [...logLines(50_000, 'json')].join('\n'));
  for (const spare of ['0.1 %', '1%', '0']) {
    const { suggestion, peers } = reportOf([path, '--spare', ...spare.split(' ')]);
    if (suggestion === null) throw new Error('expected a suggestion');
    const { ratePerSec, burst, peersLimited, pairs, share } = suggestion;
    const limit = (peers * Number.parseFloat(spare)) / 100;
    assert.ok(peersLimited < limit || peersLimited === 0, `${peersLimited} of ${limit}`);
    const again = (burst: number) => reportOf([path, '--rate', String(ratePerSec), '--burst', String(burst)]).limited;
    assert.equal([again(burst).peers, again(burst).requestShare], [peersLimited, share]);
    assert.ok(again(burst - 1).peers >= Math.max(limit, 1), `${burst - 1}`);
    for (const [i, pair] of pairs.entries()) {
      const before = pairs[i - 1];
      assert.ok(before === undefined || (before.ratePerSec < pair.ratePerSec && before.burst > pair.burst));
    }
  }
});

test('the HTML report is one file that loads nothing, runs nothing, and shows the log as text', () => {
  const evil = `<script>alert(1)</script>"'&<img src=x onerror=alert(2)>\u202e\u0007`;
  const log = Array.from({ length: 50 }, () => JSON.stringify({ ip: evil, time: 1_772_366_400 })).join('\n');
  const html = join(folder, 'report.html');
  const path = file('<b>&.log', `${log}\n<i>"rubbish'</i>\u001b[31m\n`);
  assert.is(run([path, '--preset', 'strict', '--html', html]).status, 0);
  const page = readFileSync(html, 'utf8');
  assert.ok(
    page.includes(
      '&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;&lt;img src=x onerror=alert(2)&gt;\\u{202e}\\u{7}',
    ),
  );
  assert.match(page, /&lt;i&gt;&quot;rubbish&#39;&lt;\/i&gt;\\u\{1b\}\[31m/);
  assert.not.match(page, /<(script|img|i|b|link|iframe|object|base|form)\b/i);
  assert.not.match(page, /\b(https?:)?\/\//);
  assert.not.match(page, /\s(on\w+|href|src|style)=["']/i);
  assert.match(page, /<svg [^>]*viewBox/);
  assert.match(page, `content="default-src 'none'; style-src 'unsafe-inline'"`);
  assert.match(page, '30 of 50 requests (60 %)');
});

test('nothing in a log steers the terminal', () => {
  const log = `${times(30, JSON.stringify({ ip: '\u001b]0;x\u0007\u202e\u2028', time: 1_772_366_400 }))}\u001b[2Jx\n`;
  const { stdout } = run(['-', '--preset', 'strict'], log);
  assert.match(stdout, '\\u{1b}]0;x\\u{7}\\u{202e}\\u{2028}');
  assert.not.match(stdout.replaceAll('\n', ''), /\p{Cc}|\p{Cf}|\p{Zl}/u);
});

test('a file that is not there, a folder, and a report that cannot be written end with 2 and one clear line', () => {
  const log = file('fine.log', FLOOD);
  for (const [args, said] of [
    [[join(folder, 'missing.log')], /^peergate: \S+missing\.log cannot be read: ENOENT.*\n$/],
    [[log, join(folder, 'missing.log')], /missing\.log cannot be read/],
    [[folder], /^peergate: \S+ is a folder\n$/],
    [[log, '--html', join(folder, 'no/such/folder.html')], /^peergate: \S+folder\.html cannot be written: ENOENT.*\n$/],
  ] as const) {
    const { status, stdout, stderr } = run(args);
    assert.equal([status, stdout], [2, ''], stderr);
    assert.match(stderr, said);
  }
});

test('a bad option ends with 2 and names what was meant', () => {
  const log = file('fine.log', FLOOD);
  for (const [args, said] of [
    [[], 'expected the path of an access log'],
    [['-', '-'], 'can be read once'],
    [[log, '--presett', 'strict'], 'there is no option --presett (did you mean --preset?)'],
    [[log, '-x'], 'there is no option -x'],
    [[log, '--preset', 'severe'], '--preset: expected default, lenient, strict, got severe'],
    [[log, '--preset', 'toString'], '--preset: expected'],
    [[log, '--preset'], '--preset needs a value'],
    [[log, '--preset', '--json'], '--preset needs a value'],
    [[log, '--json=yes'], '--json takes no value'],
    [[log, '--rate', 'fast'], '--rate: expected a number, got fast'],
    [[log, '--rate', '-1'], '--rate: expected a number, got -1'],
    [[log, '--rate', '0'], '--rate: expected'],
    [[log, '--rate', '1e7'], '--rate: expected'],
    [[log, '--burst', '1.5'], '--burst: expected an integer of at least 1, got 1.5'],
    [[log, '--burst', '1e12', '--rate', '1'], '--burst: expected at most ten years of --rate'],
    [[log, '--spare', '100'], '--spare: expected a percentage below 100'],
    [[log, '--spare', 'few'], '--spare: expected a number, got few'],
    [[log, '--html'], '--html needs a value'],
  ] as const) {
    const { status, stdout, stderr } = run(args);
    assert.equal([status, stdout], [2, ''], args.join(' '));
    assert.ok(stderr.startsWith('peergate: ') && stderr.includes(said), stderr);
  }
});

test('--help says how it is called, and a command that does not exist is named', () => {
  const call = (...args: string[]) =>
    spawnSync(process.execPath, [...COMMAND.slice(0, -1), ...args], { cwd: root, encoding: 'utf8' });
  for (const args of [['--help'], ['replay', '--help']]) {
    const { status, stdout } = call(...args);
    assert.is(status, 0);
    for (const option of ['preset', 'rate', 'burst', 'spare', 'peer', 'time', 'json', 'html'])
      assert.match(stdout, `--${option}`);
  }
  for (const [args, said] of [
    [['reply'], 'there is no command reply'],
    [[], 'expected a command'],
  ] as const) {
    const { status, stderr } = call(...args);
    assert.is(status, 2);
    assert.match(stderr, said);
  }
});

test('a reader that goes away ends it without a word', async () => {
  const path = file('pipe.log', [...logLines(20_000, 'common')].join('\n'));
  const child = spawn(process.execPath, [...COMMAND, path, '--json'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const [status] = await once(child, 'close');
  assert.equal([status, said], [0, '']);
});

test('a million lines', () => {
  const path = join(folder, 'million.log');
  let chunk: string[] = [];
  for (const line of logLines(1_000_000, 'combined')) {
    if (chunk.push(line) < 100_000) continue;
    appendFileSync(path, `${chunk.join('\n')}\n`);
    chunk = [];
  }
  const started = performance.now();
  const report = reportOf([path, '--preset', 'strict']);
  console.log(`a million lines: ${((performance.now() - started) / 1_000).toFixed(1)} s`);
  assert.is(report.requests + report.skipped.lines, report.lines);
  assert.ok(report.requests > 999_000);
  assert.is(report.limited.top[0]?.peer, '2001:db8:bad:f00d::/64');
  rmSync(path);
});

test('the example in its page is what it prints', () => {
  const page = readFileSync(join(root, 'docs/replay.md'), 'utf8');
  const [, count = '', options = '', printed = ''] =
    /make-log\.ts (\d+) \| npx peergate replay - (.*)\n```\n+```text\n([\s\S]*?)```/.exec(page) ?? [];
  const log = [...logLines(Number(count), 'combined')].join('\n');
  assert.is(run(['-', ...options.split(' ')], `${log}\n`).stdout, printed);
});

test.run();

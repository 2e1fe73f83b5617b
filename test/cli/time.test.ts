// Times of log lines, and the lines themselves.

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Entry, EntryReader } from '../../src/cli/replay/entry.js';
import { timeOf } from '../../src/cli/replay/time.js';

const test = suite('log lines');

const SEED = 20_261_124;
console.log(`seed ${SEED}`);

const AT = Date.UTC(2026, 2, 1, 12, 34, 56);

test('one instant in every way to write it', () => {
  const ways: unknown[] = [
    ...[
      '01/Mar/2026:12:34:56 +0000',
      '01/Mar/2026:13:34:56 +0100',
      '01/Mar/2026:07:04:56 -0530',
      '02/Mar/2026:02:34:56 +1400',
    ],
    ...['2026-03-01T12:34:56Z', '2026-03-01T12:34:56.000z', '2026-03-01T14:34:56+02:00', '2026-03-01T14:34:56+0200'],
    ...['2026-03-01T14:34:56+02', '2026-03-01 12:34:56', '2026-03-01 12:34:56,000', '2026-02-28T23:34:56.0-13:00'],
    ...[AT, AT / 1e3, AT * 1e3, AT * 1e6, String(AT), String(AT / 1e3), `${AT / 1e3}.000`],
  ];
  for (const way of ways) assert.is(timeOf(way), AT, String(way));
});

test('fractions of a second are kept', () => {
  assert.is(timeOf('2026-03-01T12:34:56.5Z'), AT + 500);
  assert.is(timeOf('2026-03-01T12:34:56.123456789Z'), AT + 123.456789);
  assert.ok(Math.abs(timeOf((AT + 250) / 1e3) - AT - 250) < 1e-3);
});

test('dates and times of day that do not exist are no times', () => {
  const none = [
    ...[
      '30/Feb/2026:00:00:00 +0000',
      '00/Mar/2026:00:00:00 +0000',
      '32/Mar/2026:00:00:00 +0000',
      '01/Mrz/2026:00:00:00 +0000',
    ],
    ...[
      '01/Mar/2026:24:00:00 +0000',
      '01/Mar/2026:00:60:00 +0000',
      '01/Mar/2026:00:00:61 +0000',
      '01/Mar/2026:00:00:xx +0000',
    ],
    ...['01/Mar/2026:00:00: 5 +0000', '01/Mar/2026:00:00:00', '01/Mar/2026', '1/Mar/2026:00:00:00 +0000'],
    ...[
      '2026-13-01T00:00:00Z',
      '2026-02-29T00:00:00Z',
      '2026-03-01',
      '2026-03-01T00:00',
      'yesterday',
      '',
      '-1',
      '1e12',
    ],
    ...[-1, 0, 1, Number.NaN, Number.POSITIVE_INFINITY, 1e30, null, undefined, {}, [], true],
  ];
  // Each twice, with a good one between: the reader remembers the last minute.
  for (const text of none) {
    assert.ok(Number.isNaN(timeOf(text)), String(text));
    timeOf('01/Mar/2026:00:00:00 +0000');
    assert.ok(Number.isNaN(timeOf(text)), String(text));
  }
});

test('the common format says what Date says, for any instant in any zone', () => {
  const zone = fc.integer({ min: -14 * 60, max: 14 * 60 });
  fc.assert(
    fc.property(fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2050, 0) }), zone, (ms, minutes) => {
      const at = Math.floor(ms / 1e3) * 1e3;
      const [, month, day, year, clock] =
        new Date(at + minutes * 60_000)
          .toUTCString()
          .match(/, (\d\d) (\w+) (\d+) (\S+)/)
          ?.map((_, i, all) => all[[0, 2, 1, 3, 4][i] as number] as string) ?? [];
      const offset = `${minutes < 0 ? '-' : '+'}${String(Math.trunc(Math.abs(minutes) / 60)).padStart(2, '0')}${String(Math.abs(minutes) % 60).padStart(2, '0')}`;
      assert.is(timeOf(`${day}/${month}/${year}:${clock} ${offset}`), at);
    }),
    { seed: SEED, numRuns: 2_000 },
  );
});

const read = (line: string, peer?: string, time?: string) => new EntryReader(peer, time).read(line);
const client = (line: string, peer?: string, time?: string) => (read(line, peer, time) as Entry).client;

const COMMON = '2001:db8::1 - ann [01/Mar/2026:12:34:56 +0000] "GET / HTTP/1.1" 200 5';

test('common and combined lines, whatever the client wrote into them', () => {
  const lines = [
    COMMON,
    `${COMMON} "-" "curl"`,
    `${COMMON} "[" "]"`,
    COMMON.replace('GET /', 'GET /[01/Jan/2000:00:00:00 +0000]'),
    COMMON.slice(0, 50),
  ];
  for (const line of lines) assert.equal(read(line), { client: '2001:db8::1', at: AT });
  assert.equal(read(COMMON, 'user'), { client: 'ann', at: AT });
  assert.equal(read(COMMON, 'host'), { client: '2001:db8::1', at: AT });
  assert.is(client(COMMON.replace('ann', 'ann lee'), 'user'), 'ann lee');
  assert.is(read(COMMON.replace('ann', '-'), 'user'), 'no client');
  assert.is(read(COMMON, 'agent'), 'no field agent');
});

test('JSON lines as nginx, Caddy, pino-http, Fastify, Traefik and ECS write them', () => {
  const shapes = [
    { time: '2026-03-01T12:34:56+00:00', remote_addr: '192.0.2.1', status: '200' },
    { msec: `${AT / 1e3}.000`, remote_addr: '192.0.2.1' },
    { time_local: '01/Mar/2026:12:34:56 +0000', remote_addr: '192.0.2.1' },
    {
      level: 'info',
      ts: AT / 1e3,
      logger: 'http.log.access',
      request: { remote_ip: '10.0.0.1', client_ip: '192.0.2.1' },
    },
    { ts: AT / 1e3, request: { remote_ip: '192.0.2.1', remote_port: '5' } },
    {
      level: 30,
      time: AT,
      pid: 1,
      req: { id: 1, remoteAddress: '192.0.2.1', remotePort: 5 },
      res: { statusCode: 200 },
    },
    { ClientHost: '192.0.2.1', StartUTC: '2026-03-01T12:34:56Z', time: 'soon', ClientAddr: '192.0.2.1:5' },
    { '@timestamp': '2026-03-01T12:34:56Z', client: { ip: '192.0.2.1' } },
    { '@timestamp': '2026-03-01T12:34:56Z', 'client.ip': '192.0.2.1' },
  ];
  for (const shape of shapes) {
    const entry = read(JSON.stringify(shape), undefined, 'StartUTC' in shape ? 'StartUTC' : undefined);
    assert.equal(entry, { client: '192.0.2.1', at: AT }, JSON.stringify(shape));
  }
});

test('fields by name, and by the names on the way to them', () => {
  const line = JSON.stringify({ user: { id: 7, 'first.name': 'Ann' }, 'a.b': 'x', when: { at: AT }, ip: '192.0.2.1' });
  assert.is(client(line, 'user.id', 'when.at'), '7');
  assert.is(client(line, 'user.first.name', 'when.at'), 'Ann');
  assert.is(client(line, 'a.b', 'when.at'), 'x');
  for (const field of ['user', 'user.name', 'toString', '__proto__', 'constructor.name', 'user.id.x']) {
    assert.is(read(line, field, 'when.at'), 'no client', field);
  }
  assert.is(read(line, 'ip', 'when'), 'no time that can be read');
});

test('a line that says nothing has a reason, and nothing makes the reader throw', () => {
  assert.is(read('{"time":'), 'not JSON');
  assert.is(read('{}'), 'no client');
  assert.is(read('{"ip":null,"time":1}'), 'no client');
  assert.is(read('{"ip":"","time":1}'), 'no client');
  assert.is(read('{"ip":["192.0.2.1"]}'), 'no client');
  assert.is(read('{"ip":"192.0.2.1"}'), 'no time that can be read');
  assert.is(read('- - - [01/Mar/2026:12:34:56 +0000] "GET /"'), 'no client');
  const pieces = fc.constantFrom(
    ' ',
    ' [',
    ']',
    '"',
    '{',
    '}',
    '-',
    '01/Mar/2026:12:34:56 +0000',
    '\0',
    '\\',
    ':',
    ',',
    '"time":',
    '1',
  );
  const line = fc.oneof(
    fc.string(),
    fc.array(pieces).map((parts) => parts.join('')),
    fc.json(),
    fc.object().map((o) => JSON.stringify(o)),
  );
  fc.assert(
    fc.property(line, (text) => {
      const said = read(text);
      if (typeof said !== 'string') assert.ok(said.client !== '' && Number.isFinite(said.at));
    }),
    { seed: SEED, numRuns: 5_000 },
  );
});

test.run();

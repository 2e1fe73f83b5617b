// Forwarded headers: they are read from the right, over trusted ranges only.

import { createServer } from 'node:http';
import { type AddressInfo, BlockList, isIPv4 } from 'node:net';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import proxyaddr from 'proxy-addr';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ClientAddressOptions, clientAddress } from '../../src/adapters/address.js';
import { AddressError, ConfigError } from '../../src/index.js';
import { thrownBy } from '../support.js';

const test = suite('clientAddress');

const SEED = 20_261_124;
console.log(`seed ${SEED}`);
const hold = <T>(property: fc.IProperty<T>) => fc.assert(property, { seed: SEED, numRuns: 3_000 });

const client = (remoteAddress: string, header: string | undefined, trust: readonly string[]) =>
  clientAddress({ headers: { 'x-forwarded-for': header }, socket: { remoteAddress } }, { trust });

const byForwarded = (forwarded: string, trust = ['10.0.0.0/8']) =>
  clientAddress({ headers: { forwarded }, remoteAddress: '10.0.0.1' }, { trust, header: 'forwarded' });

test('without trust the header is not read', () => {
  assert.is(client('127.0.0.1', '10.0.0.1, 10.0.0.2', []), '127.0.0.1');
  assert.is(clientAddress({ headers: { 'x-forwarded-for': '10.0.0.1' }, remoteAddress: '192.0.2.1' }), '192.0.2.1');
});

test('it stops at the first address from the right that is not trusted', () => {
  const trust = ['10.0.0.0/8'];
  assert.is(client('127.0.0.1', '10.0.0.1, 10.0.0.2', trust), '127.0.0.1');
  assert.is(client('10.0.0.1', undefined, trust), '10.0.0.1');
  assert.is(client('10.0.0.1', '192.168.0.1', trust), '192.168.0.1');
  assert.is(client('10.0.0.1', '192.168.0.1, 10.0.0.2', trust), '192.168.0.1');
  assert.is(client('10.0.0.1', '10.0.0.3, 192.168.0.1, 10.0.0.2', trust), '192.168.0.1');
});

test('where every hop is trusted, it is the one furthest left', () => {
  assert.is(client('10.0.0.1', '10.0.0.4,10.0.0.3 ,\t10.0.0.2', ['10.0.0.0/8']), '10.0.0.4');
});

test('a client gains nothing from what it writes into the header', () => {
  const forged = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.string(),
    fc.constantFrom('10.0.0.9', '"', '\\', ',', ';', 'for=10.0.0.9', 'for="', 'for="\\', 'unknown', '', ' '),
  );
  hold(
    fc.property(fc.array(forged), fc.constantFrom(',', ', ', ';'), (parts, glue) => {
      const sent = parts.join(glue);
      assert.is(client('10.0.0.1', `${sent}, 192.0.2.7`, ['10.0.0.0/8']), '192.0.2.7');
      assert.is(client('10.0.0.1', `${sent},192.0.2.7:51234`, ['10.0.0.0/8']), '192.0.2.7');
      assert.is(byForwarded(`${sent}, for=192.0.2.7;proto=https`), '192.0.2.7');
      assert.is(byForwarded(`${sent}, for="[2001:db8::7]:4711"`), '2001:db8::7');
      assert.is(byForwarded(`${sent}, host="x\\", for=10.0.0.9";for=192.0.2.7`), '192.0.2.7');
    }),
  );
});

test('it stops before a hop that is no address: then the proxy itself is the client', () => {
  for (const hop of [
    'unknown',
    'localhost',
    'unix:',
    '',
    ' ',
    '_hidden',
    '127.1',
    '0x7f.0.0.1',
    '::8:8:8:8:8:8:8:8:8',
  ]) {
    assert.is(client('10.0.0.1', `192.0.2.1, ${hop}`, ['10.0.0.0/8']), '10.0.0.1', hop);
    assert.is(client('10.0.0.1', `192.0.2.1, ${hop}, 10.0.0.2`, ['10.0.0.0/8']), '10.0.0.2', hop);
  }
});

test('ranges match as those of net.BlockList, and IPv4 ranges never match IPv6 addresses', () => {
  const cidr = fc.oneof(
    fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 32 })),
    fc.tuple(
      fc.ipV6().filter((ip) => !ipaddr.IPv6.parse(ip).isIPv4MappedAddress()),
      fc.integer({ min: 1, max: 128 }),
    ),
  );
  hold(
    fc.property(
      cidr,
      fc.oneof(fc.ipV4(), fc.ipV6()),
      fc.integer({ min: 0, max: 128 }),
      ([base, prefix], other, kept) => {
        // An address that shares so many bits with the range that half of them are in it.
        const bytes = (ip: string) => ipaddr.process(ip).toByteArray();
        const [a, b] = [bytes(base), bytes(other)];
        const near =
          a.length === b.length
            ? ipaddr.fromByteArray(a.map((byte, i) => (i * 8 < kept ? byte : (b[i] as number))))
            : ipaddr.process(other);
        const ip = near.toString();
        const list = new BlockList();
        list.addSubnet(base, prefix, isIPv4(base) ? 'ipv4' : 'ipv6');
        const inside = isIPv4(ip) === isIPv4(base) && list.check(ip, isIPv4(ip) ? 'ipv4' : 'ipv6');
        const seen = client(ip, '192.0.2.77, 198.51.100.77', [`${base}/${prefix}`]);
        assert.is(seen !== ip, inside, `${ip} in ${base}/${prefix}`);
      },
    ),
  );
});

test('it agrees with proxy-addr wherever every hop is an address', () => {
  const few = fc.constantFrom(
    '10.0.0.1',
    '10.0.0.2',
    '192.168.0.1',
    '2002:c000:203::1',
    'fe80::1',
    '::1',
    '::ffff:a00:1',
    '172.16.3.4',
  );
  const trusted = fc.constantFrom(
    '10.0.0.1',
    '10.0.0.0/8',
    '10.0.0.2/26',
    '192.168.0.0/16',
    'fe80::/125',
    '::1',
    'loopback',
    'linklocal',
    'uniquelocal',
    '::ffff:a00:1',
    '::ffff:a00:2/122',
    '2002::/16',
  );
  hold(
    fc.property(
      few,
      fc.array(few, { maxLength: 5 }),
      fc.array(trusted, { maxLength: 3 }),
      (remoteAddress, hops, trust) => {
        const request = { headers: { 'x-forwarded-for': hops.join(', ') }, socket: { remoteAddress } };
        const theirs = proxyaddr(request as never, trust);
        assert.is(clientAddress(request, { trust }), ipaddr.process(theirs).toString());
      },
    ),
  );
});

test('an IPv4 range is the same in both families, and matches both spellings of an address', () => {
  for (const trust of ['10.0.0.0/26', '::ffff:10.0.0.2/122', '::ffff:a00:2/122']) {
    for (const remote of ['10.0.0.1', '::ffff:10.0.0.1', '::ffff:a00:1']) {
      assert.is(client(remote, '192.168.0.1, 10.0.0.200', [trust]), '10.0.0.200', `${trust} ${remote}`);
    }
  }
});

test('a name stands for its ranges', () => {
  assert.is(client('fe80::1', '2002:c000:203::1, fe80::2', ['linklocal']), '2002:c000:203::1');
  assert.is(client('::1', '2002:c000:203::1, fe80::2', ['loopback', 'linklocal']), '2002:c000:203::1');
  assert.is(client('127.0.0.9', '192.0.2.1, 172.31.255.255, fd00::1', ['loopback', 'uniquelocal']), '192.0.2.1');
  assert.is(client('172.32.0.1', '192.0.2.1', ['uniquelocal']), '172.32.0.1');
});

test('a bad range is named, and so is one that would trust everybody', () => {
  const bad = [
    ...[
      'blargh',
      '10.0.300.1',
      '::ffff:30.168.1.9000',
      '-1',
      '10.0.0.1/internet',
      '10.0.0.1/6000',
      '::1/6000',
      '127.1',
    ],
    ...[
      '::ffff:a00:2/136',
      '::ffff:a00:2/-1',
      '10.0.0.1/255.0.255.0',
      '10.0.0.1/ffc0::',
      'fe80::/ffc0::',
      '10.0.0.1/33',
    ],
    ...[
      '0.0.0.0/0',
      '::/0',
      '::ffff:0:0/96',
      '::ffff:0:0/64',
      '10.0.0.0/',
      '10.0.0.0/8/8',
      'fe80::1%eth0/64',
      '/8',
      '',
      ' ',
    ],
    ...['10.0.0.0/ 8', '10.0.0.0/+8', '[::1]', '10.0.0.1:80', 'toString', '__proto__', 42, null, undefined, {}],
  ];
  for (const range of bad) {
    const error = thrownBy(() => client('10.0.0.1', undefined, [range as string])) as ConfigError;
    assert.instance(error, ConfigError, String(range));
    assert.is(error.field, 'trust');
  }
  for (const trust of ['10.0.0.0/8', 1, true, null, new Set()]) {
    const error = thrownBy(() => client('10.0.0.1', undefined, trust as never)) as ConfigError;
    assert.instance(error, ConfigError, String(trust));
  }
});

test('misspelt options and unknown headers are named', () => {
  const ask = (options: object) =>
    thrownBy(() => clientAddress({ headers: {}, remoteAddress: '::1' }, options as ClientAddressOptions));
  assert.match((ask({ trusted: [] }) as Error).message, 'did you mean trust?');
  for (const header of ['X-Real-IP', 'toString', '', null, 1])
    assert.is((ask({ header }) as ConfigError).field, 'header', String(header));
});

test('Forwarded, by option: as RFC 7239 writes it, and neither header is read for the other', () => {
  const cases = {
    'for=192.0.2.43, for=198.51.100.17': '198.51.100.17',
    'for=192.0.2.43, for=10.0.0.2;by=10.0.0.3': '192.0.2.43',
    'For="[2001:db8:cafe::17]:4711"': '2001:db8:cafe::17',
    'for=192.0.2.60;proto=http;by=203.0.113.43': '192.0.2.60',
    'proto=http; FOR = 192.0.2.60': '10.0.0.1',
    'for="192.0.2.43:47011"': '192.0.2.43',
    'for="192.0.2.43:_port"': '192.0.2.43',
    'for="[2001:db8::1]:_OBF_1.x-y"': '2001:db8::1',
    'for=unknown': '10.0.0.1',
    'for=192.0.2.43, for=unknown, for=10.0.0.2': '10.0.0.2',
    'for=_gazonk': '10.0.0.1',
    'for="_SEVKISEK"': '10.0.0.1',
    'for=192.0.2.1;for=192.0.2.2': '10.0.0.1',
    'by=192.0.2.1': '10.0.0.1',
    'for=192.0.2.1;host="a,b;for=10.0.0.9"': '192.0.2.1',
    'for="192.0.2.1\\"': '10.0.0.1',
    'for="19\\2.0.2.1"': '192.0.2.1',
    'for=192.0.2.1;': '192.0.2.1',
    'for=192.0.2.1 junk': '10.0.0.1',
    'for=192.0.2.1"': '10.0.0.1',
    '192.0.2.1': '10.0.0.1',
    '': '10.0.0.1',
  };
  for (const [header, expected] of Object.entries(cases)) assert.is(byForwarded(header), expected, header);
  const both = { 'x-forwarded-for': '192.0.2.1', forwarded: 'for=192.0.2.2' };
  const request = { headers: both, remoteAddress: '10.0.0.1' };
  assert.is(clientAddress(request, { trust: ['10.0.0.1'] }), '192.0.2.1');
  assert.is(clientAddress(request, { trust: ['10.0.0.1'], header: 'forwarded' }), '192.0.2.2');
});

test('headers of Node and of Fetch, once or several times', () => {
  const trust = ['10.0.0.0/8'];
  const remoteAddress = '10.0.0.1';
  const headers = new Headers([
    ['X-Forwarded-For', '192.0.2.1'],
    ['x-forwarded-for', '10.0.0.2'],
  ]);
  assert.is(clientAddress({ headers, remoteAddress }, { trust }), '192.0.2.1');
  const several = { headers: { 'x-forwarded-for': ['192.0.2.1', '10.0.0.2'] }, socket: { remoteAddress } };
  assert.is(clientAddress(several, { trust }), '192.0.2.1');
  const named = { headers: { get: 'a header of this name', 'x-forwarded-for': '192.0.2.1' }, remoteAddress };
  assert.is(clientAddress(named, { trust }), '192.0.2.1');
});

test('a connection without an address is an error, and the header does not replace it', () => {
  for (const socket of [{}, { remoteAddress: undefined }, undefined]) {
    const request = { headers: { 'x-forwarded-for': '192.0.2.1' }, socket };
    const error = thrownBy(() => clientAddress(request, { trust: ['10.0.0.0/8'] })) as AddressError;
    assert.instance(error, AddressError);
    assert.match(error.message, /^remoteAddress: .*got undefined$/);
  }
});

test('a request of node:http is taken as it is', async () => {
  const server = createServer((request, response) => {
    response.end(clientAddress(request, { trust: ['loopback'] }));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  try {
    const { port } = server.address() as AddressInfo;
    const ask = async (headers: [string, string][]) => (await fetch(`http://127.0.0.1:${port}/`, { headers })).text();
    assert.is(await ask([]), '127.0.0.1');
    assert.is(await ask([['x-forwarded-for', '10.0.0.9, 192.0.2.1']]), '192.0.2.1');
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test('a long header is read in a number of steps that grows with its length, not with its square', () => {
  // Read as a whole each hop costs its own length. A slow reader would not end within the file's time.
  const many = Array.from({ length: 200_000 }, (_, i) => `10.0.${i & 255}.${(i >> 8) & 255}`);
  assert.is(client('10.0.0.1', `192.0.2.1,${many.join(',')}`, ['10.0.0.0/8']), '192.0.2.1');
  assert.is(byForwarded(`for=192.0.2.1,${many.map((ip) => `for="${ip}"`).join(',')}`), '192.0.2.1');
  assert.is(byForwarded(`for="${'\\'.repeat(200_000)}"`), '10.0.0.1');
});

test.run();

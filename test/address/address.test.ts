// Addresses and peer IDs: what is an address, which spellings are one client, which clients are one peer.

import { isIP } from 'node:net';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { addressPeer, clientAddress } from '../../src/adapters/address.js';
import { AddressError, ConfigError } from '../../src/index.js';
import { thrownBy } from '../support.js';

const test = suite('addresses');

const SEED = 20_261_124;
console.log(`seed ${SEED}`);
const hold = <T>(property: fc.IProperty<T>) => fc.assert(property, { seed: SEED, numRuns: 5_000 });

/** The one spelling of an address, or undefined. */
function spelt(text: string): string | undefined {
  try {
    return clientAddress({ headers: {}, remoteAddress: text });
  } catch (error) {
    if (error instanceof AddressError) return undefined;
    throw error;
  }
}

/** Text that is often an address, often nearly one. */
const nearly = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(':', '.', '::', '0', '1', 'f', 'ff', 'abcd', '255', '10', '0:0') },
      {
        weight: 1,
        arbitrary: fc.constantFrom('ffff', '256', '00', '01', 'g', '%', '%1', ' ', '-', '12345', '::ffff:'),
      },
    ),
    { maxLength: 17 },
  )
  .map((parts) => parts.join(''));

test('an address is what net.isIP takes for one, and nothing else', () => {
  // One colon before digits is a port, and Node knows no ports.
  const withPort = /^[^:]*:\d*$/;
  const samples = fc.oneof(
    nearly,
    fc.ipV4(),
    fc.ipV6(),
    fc.ipV6().map((ip) => `${ip}%eth0.100`),
  );
  hold(
    fc.property(samples, (text) => {
      fc.pre(!withPort.test(text));
      assert.is(spelt(text) !== undefined, isIP(text) !== 0, text);
    }),
  );
});

test('the spelling is that of ipaddr.js, and reading it again changes nothing', () => {
  hold(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      fc.pre(!/^::\d+\.\d+\.\d+\.\d+$/.test(text)); // see below
      const one = spelt(text);
      assert.is(one, ipaddr.process(text).toString(), text);
      assert.is(spelt(one as string), one);
    }),
  );
});

test('the spellings of RFC 5952', () => {
  const cases = {
    '2001:db8:0:0:1:0:0:1': '2001:db8::1:0:0:1',
    '2001:0DB8::0001': '2001:db8::1',
    '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
    '2001:0:0:1:0:0:0:1': '2001:0:0:1::1',
    '0:0:0:0:0:0:0:0': '::',
    '0:0:0:0:0:0:0:1': '::1',
    '1:0:0:0:0:0:0:0': '1::',
    '1:2:3:4:5:6:7::': '1:2:3:4:5:6:7:0',
    '::2:3:4:5:6:7:8': '0:2:3:4:5:6:7:8',
    '64:ff9b::192.0.2.33': '64:ff9b::c000:221',
  };
  for (const [text, one] of Object.entries(cases)) assert.is(spelt(text), one, text);
});

test('an IPv4 address in IPv6 clothes is that IPv4 address; ::a.b.c.d is not', () => {
  for (const text of ['::ffff:192.0.2.1', '::FFFF:c000:201', '0:0:0:0:0:ffff:192.0.2.1', '[::ffff:192.0.2.1]:80']) {
    assert.is(spelt(text), '192.0.2.1', text);
  }
  assert.is(spelt('::ffff:192.0.2.1%eth0'), '192.0.2.1');
  assert.is(spelt('::192.0.2.1'), '::c000:201');
});

test('ports, brackets and zones are left out', () => {
  const cases = {
    '192.0.2.1:0': '192.0.2.1',
    '192.0.2.1:65535': '192.0.2.1',
    '[2001:db8::1]': '2001:db8::1',
    '[2001:db8::1]:443': '2001:db8::1',
    'fe80::1%eth0': 'fe80::1',
    'fe80::1%br-lan.100': 'fe80::1',
    '[fe80::1%eth0]:443': 'fe80::1',
  };
  for (const [text, one] of Object.entries(cases)) assert.is(spelt(text), one, text);
});

/** Two programs read these differently, or they are no addresses. The first group ipaddr.js takes. */
const NONE = [
  ...['192.168.007.0xa', '0xc0.168.1.1', '192.0250.1.1', '0xc0a80101', '030052000401', '3232235777', '127.42.258'],
  ...['127.66051', '127.1', '10.1.1.0xff', '010.0.0.1', '::ffff:010.1.1.1', '::ffff:0x10.0.0.1', '1.2.3.04'],
  ...['1024.0.0.1', '8.0xa.wtf.6', '256.1.1.1', '1.2.3', '1.2.3.4.5', '1.2.3.4.', '.1.2.3.4', '1..2.3', '-1'],
  ...['200001::1', '2001:db8::F53A::1', 'fe80::wtf', 'fe80::%', '2002::2:', ':1', '1:', ':', ':::', '1:::2', '::1::'],
  ...['::ffff:300.168.1.1', '::ffff:300.168.1.1:0', '::ffff:222.1.41.9000', '1:2:3:4:5:6:7:1.2.3.4', '1.2.3.4::'],
  ...['::8:8:8:8:8:8:8:8:8', '1:2:3:4:5:6:7::8', '::1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7', '00001::', '::1%a b', '1%1'],
  ...['[1.2.3.4]', '[::1', '::1]', '[]', '[::1]80', '[::1]:', '1.2.3.4:', '1.2.3.4:65536', '1.2.3.4:x', '[[::1]]'],
  ...['', ' ', ' 1.2.3.4', '1.2.3.4 ', '1.2.3.4,5.6.7.8', '1.2.3.4/8', 'localhost', 'unknown', 'unix:', '１.2.3.4'],
];

test('forms that programs read differently are no addresses', () => {
  for (const text of NONE) assert.is(spelt(text), undefined, text);
});

test('what is no address is an error with a code, whatever it is', () => {
  for (const ip of [...NONE, undefined, null, 7, {}, [], ['1.2.3.4'], Symbol.iterator]) {
    const error = thrownBy(() => addressPeer(ip as string)) as AddressError;
    assert.instance(error, AddressError);
    assert.instance(error, TypeError);
    assert.is(error.code, 'ERR_PEERGATE_ADDRESS');
    assert.match(error.message, /^ip: expected an IPv4 or IPv6 address, got /);
  }
});

test('IPv6 addresses are one peer if, and only if, their first 64 bits are equal, and others by option', () => {
  const bits = (text: string) =>
    ipaddr.IPv6.parse(text)
      .toByteArray()
      .map((byte) => byte.toString(2).padStart(8, '0'))
      .join('');
  const ofBits = (text: string) =>
    ipaddr.fromByteArray((text.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  hold(
    fc.property(
      fc.ipV6().filter((text) => !ipaddr.IPv6.parse(text).isIPv4MappedAddress()),
      fc.integer({ min: 1, max: 128 }),
      fc.integer({ min: 0, max: 127 }),
      (text, ipv6Prefix, flipped) => {
        const own = bits(text);
        const other = ofBits(own.slice(0, flipped) + (own[flipped] === '0' ? '1' : '0') + own.slice(flipped + 1));
        fc.pre(!(other as ipaddr.IPv6).isIPv4MappedAddress());
        const same = flipped >= ipv6Prefix;
        const [a, b] = [text, other.toString()].map((ip) => addressPeer(ip, { ipv6Prefix }));
        assert.is(a === b, same, `${text} ${other} ${ipv6Prefix}`);
        assert.is(addressPeer(text) === addressPeer(other.toString()), flipped >= 64);
      },
    ),
  );
});

test('the ID of a network is its range, and that of an IPv4 address is the address', () => {
  assert.is(addressPeer('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64');
  assert.is(addressPeer('2001:db8:1:2ff::1', { ipv6Prefix: 56 }), '2001:db8:1:200::/56');
  assert.is(addressPeer('2001:db8::1', { ipv6Prefix: 128 }), '2001:db8::1');
  assert.is(addressPeer('[2001:db8::1]:443', {}), '2001:db8::/64');
  assert.is(addressPeer('fe80::1%eth0'), addressPeer('fe80::2%eth1'));
  for (const ipv6Prefix of [1, 64, 128]) assert.is(addressPeer('::ffff:192.0.2.1', { ipv6Prefix }), '192.0.2.1');
});

test('the ID is short and plain text, whatever was asked', () => {
  hold(
    fc.property(fc.oneof(nearly, fc.ipV6(), fc.string()), fc.integer({ min: 1, max: 128 }), (text, ipv6Prefix) => {
      if (spelt(text) !== undefined) assert.match(addressPeer(text, { ipv6Prefix }), /^[0-9a-f:./]{2,43}$/);
    }),
  );
});

test('a bad prefix and a misspelt option are named', () => {
  for (const ipv6Prefix of [0, 129, 64.5, Number.NaN, '64', null]) {
    const error = thrownBy(() => addressPeer('::1', { ipv6Prefix } as never)) as ConfigError;
    assert.instance(error, ConfigError);
    assert.is(error.field, 'ipv6Prefix');
  }
  const error = thrownBy(() => addressPeer('::1', { ipV6Prefix: 64 } as never)) as ConfigError;
  assert.match(error.message, 'did you mean ipv6Prefix?');
});

test.run();

// Addresses become peers.

import { AddressError } from 'peergate';
import { addressPeer, clientAddress } from 'peergate/address';

export function check(expect) {
  expect('a network', addressPeer('2001:db8:1:2:3::4'), '2001:db8:1:2::/64');
  expect('an IPv4 address', addressPeer('::ffff:192.0.2.1'), '192.0.2.1');
  const headers = new Headers({ 'x-forwarded-for': '10.0.0.9, 192.0.2.1, 10.0.0.2' });
  const request = { headers, remoteAddress: '10.0.0.1' };
  expect('a client behind proxies', clientAddress(request, { trust: ['10.0.0.0/8'] }), '192.0.2.1');
  try {
    expect('no address', addressPeer('127.1'), 'an error');
  } catch (error) {
    expect('no address', error instanceof AddressError && error.code, 'ERR_PEERGATE_ADDRESS');
  }
}
